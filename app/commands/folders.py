"""Commands that read a result folder: to prove again what it claims, and to draw it again."""

from pathlib import Path

import click

from ..words.progress import progress_bar
from .ending import REFUTED, fail, say


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--boxes",
    type=click.IntRange(min=1),
    help="Work for the search of sup |eta|: by default as much as the folder's own proof may have taken, about ten seconds.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="The archive data.npz, where it is kept elsewhere; it must have the SHA-256 that the result states.",
)
def certify(folder: Path, boxes: int | None, data: Path | None) -> int:
    """Prove what the result folder FOLDER claims again, from its files, in ball arithmetic; no solver is loaded.

    \b
    conicflow certify result
    conicflow certify result --data archive/data.npz

    A claim holds, is not proved (with the bound that is), or FAILS. The exit code is 1 if one fails, or if the folder says
    certified and that is not proved.
    """
    from conicflow.proofs_check.checker import check_folder, refuted
    from conicflow.proofs_check.folder import BadFolder

    try:
        verdicts = check_folder(folder, boxes, data)
    except BadFolder as error:
        return fail(str(error))
    for verdict in verdicts:
        say(f"{verdict.outcome:<10}  {verdict.claim}: {verdict.words}")
    return REFUTED if refuted(verdicts) else 0


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
def plot(folder: Path) -> None:
    """Draw the result folder FOLDER again, from what is in it.

    \b
    conicflow plot result
    """
    from ..folders.result_folder import draw_again

    with progress_bar() as progress:
        figure = draw_again(folder, progress)
    say(figure)
