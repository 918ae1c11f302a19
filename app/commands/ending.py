"""How a command ends: an exit code, and one line on standard error for every failure, never a traceback.

Exit codes: 0 done, and certified or converged; 1 `certify` or `check` refutes a claim, a proof contradicts what was
computed, or `derive --check` found drift; 2 bad input, told in one line on standard error; 3 not converged; 70 a mistake of
this program; 130 interrupted.
"""

import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import Any, NoReturn

import click
from conicflow.engine.base.errors import CertificateError, ConicflowError
from conicflow.engine.base.interrupts import SIGNALS, end_as_ctrl_c

from ..words.lines import complain, silence

REFUTED, BAD_INPUT, NOT_CONVERGED, INTERNAL, INTERRUPTED = 1, 2, 3, 70, 130


class Commands(click.Group):
    """A group whose every failure is one line on standard error and an exit code, never a traceback."""

    def main(self, *args: Any, **options: Any) -> NoReturn:
        options["standalone_mode"] = False
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, TextIOWrapper):  # a terminal without ² or λ shows their codes
                stream.reconfigure(errors="backslashreplace")
        try:
            with _terminated_as_interrupted():
                code = super().main(*args, **options)
        except (KeyboardInterrupt, click.Abort):
            code = INTERRUPTED
        except SystemExit:  # of click: the reader of a page of help has seen enough
            code = 0
        except click.ClickException as error:
            code = fail(f"{error.format_message()} (see: conicflow --help)")
        except MemoryError:
            code = fail("the problem must fit into memory; this one does not; take fewer particles or samples")
        except CertificateError as error:
            fail(str(error))
            code = REFUTED
        except (ConicflowError, OSError) as error:
            code = fail(str(error))
        except Exception as error:
            code = _internal(error)
        sys.exit(code)


def say(text: str | Path = "") -> None:
    """Print what a command found. A reader that has seen enough, such as head, changes neither its work nor its exit code.

    Raises
    ------
    ConicflowError : standard output cannot be written.
    """
    with _heard_by_somebody():
        print(text, flush=True)  # click.echo would write UTF-8 where the terminal has ASCII alone


def fail(message: str) -> int:
    """Tell what was wrong in one line."""
    complain("error", message)
    return BAD_INPUT


def _internal(error: Exception) -> int:
    """Tell of a mistake of this program: where it was noticed, which a report of it should say."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    complain(
        "internal error",
        f"{type(error).__name__}: {str(error)[:120]} ({Path(place.filename).name}, line {place.lineno}); "
        "this is a mistake of conicflow, not of its input; please report it with the command and its files",
    )
    return INTERNAL


@contextmanager
def _heard_by_somebody() -> Iterator[None]:
    """Standard output is written; once it cannot be, whatever else is printed goes nowhere."""
    try:
        yield
    except OSError as error:
        silence(sys.stdout)
        if not isinstance(error, BrokenPipeError):
            raise ConicflowError(
                f"what a command finds is printed where it can be written; standard output: {error.strerror}; "
                "what it wrote is in its files"
            ) from None


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """What asks a process to end acts as Ctrl-C does; what the shell told us to ignore stays ignored."""
    before = {}
    try:
        for number in SIGNALS if threading.current_thread() is threading.main_thread() else ():
            if signal.getsignal(number) is signal.SIG_DFL:
                before[number] = signal.signal(number, end_as_ctrl_c)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
