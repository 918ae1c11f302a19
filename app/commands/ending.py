"""How a command ends: an exit code, and one line on standard error for every failure, never a traceback.

Exit codes: 0 done, and certified or converged; 1 `certify` or `check` refutes a claim, a proof contradicts what was
computed, or `derive --check` found drift; 2 bad input, told in one line on standard error; 3 not converged; 130 interrupted.
"""

import os
import sys
from contextlib import suppress
from io import TextIOWrapper
from typing import Any, NoReturn

import click
from conicflow.engine.base.errors import CertificateError, ConicflowError

REFUTED, BAD_INPUT, NOT_CONVERGED, INTERRUPTED = 1, 2, 3, 130


class Commands(click.Group):
    """A group whose every failure is one line on standard error and an exit code, never a traceback."""

    def main(self, *args: Any, **options: Any) -> NoReturn:
        options["standalone_mode"] = False
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, TextIOWrapper):  # a terminal without ² or λ shows their codes
                stream.reconfigure(errors="backslashreplace")
        try:
            code = super().main(*args, **options)
            if sys.stdout is not None:  # None where the shell has closed it
                sys.stdout.flush()
        except (KeyboardInterrupt, click.Abort):
            code = INTERRUPTED
        except BrokenPipeError:  # the reader, such as head, has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = 1
        except click.ClickException as error:
            code = fail(f"{error.format_message()} (see: conicflow --help)")
        except MemoryError:
            code = fail("the problem must fit into memory; this one does not; take fewer particles or samples")
        except CertificateError as error:
            fail(str(error))
            code = REFUTED
        except (ConicflowError, OSError) as error:
            code = fail(str(error))
        sys.exit(code)


def fail(message: str) -> int:
    """Tell what was wrong in one line."""
    with suppress(OSError):  # nobody hears it
        click.echo(f"conicflow: error: {' '.join(message.split())}", err=True)
    return BAD_INPUT
