"""How far a command has come, on a terminal."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conicflow.engine.base.progress import Progress


@contextmanager
def progress_bar() -> Iterator["Progress | None"]:
    """A progress display on standard error; None where nobody would see it."""
    if not sys.stderr.isatty():
        yield None
        return
    from tqdm import tqdm

    with tqdm(total=1.0, bar_format="{desc:<8} {bar:24} {percentage:3.0f} % {elapsed} {postfix}", leave=False) as bar:

        def show(phase: str, fraction: float, message: str) -> None:
            bar.n = fraction
            bar.set_description_str(phase, refresh=False)
            bar.set_postfix_str(message, refresh=False)
            bar.refresh()

        yield show
