"""Commands that solve a problem file: once, or for a range of penalties; or those of the bundled examples."""

from pathlib import Path

import click

from ..words.lines import warn
from ..words.progress import progress_bar
from .ending import INTERRUPTED, NOT_CONVERGED, say

PROVE = click.option(
    "--prove",
    "boxes",
    metavar="BOXES",
    type=click.IntRange(0),
    help="Most boxes of work on the proof: by default about ten seconds of one core on common problems; 0: no proof.",
)


@click.command()
@click.argument("problem", type=click.Path(path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="Result folder: new, empty, or to be replaced."
)
@PROVE
@click.option(
    "--workers", type=click.IntRange(1, 1024), default=1, show_default=True, help="Processes, of many problems."
)
@click.option("--folders", is_flag=True, help="Also a result folder for each of many problems.")
def solve(problem: Path, out: Path, boxes: int | None, workers: int, folders: bool) -> int:
    """Solve the problem file PROBLEM, prove how far it is from the minimum, draw it, and write the folder OUT.

    \b
    conicflow solve problem.toml --out result
    conicflow solve problem.toml --out result --prove 0     no proof: the gap is computed in float64
    conicflow solve stack.toml --workers 2 --out results    many problems: data with one more axis

    Of many problems OUT has tables, atoms.csv and problems.csv; what a run that was ended had solved is not solved again.
    They are proved where --prove is given.
    """
    from ..folders.many_folder import SolvedMany, solve_file
    from ..words.many import complaints, many_summary
    from ..words.tables import atoms, summary

    with progress_bar() as progress:
        solution = solve_file(problem, out, boxes, workers, folders, progress)
    if isinstance(solution, SolvedMany):
        for complaint in complaints(solution.records):
            warn(complaint)
        say(
            f"{solution.file.title}\n{many_summary(solution.records, solution.count, solution.new)}\n\nwritten to {out}"
        )
        converged = all(record.get("status") in ("certified", "converged") for record in solution.records)
        return INTERRUPTED if solution.interrupted else 0 if converged else NOT_CONVERGED
    say(f"{solution.file.title}\n{summary(solution.result)}\n\n{atoms(solution)}\n\nwritten to {out}")
    if solution.result.interrupted:
        return INTERRUPTED
    return 0 if solution.result.converged else NOT_CONVERGED


@click.command()
@click.argument("problem", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder: new, empty, or to be replaced.")
@click.option("--count", type=click.IntRange(1, 10_000), default=20, show_default=True, help="Number of penalties.")
@click.option(
    "--smallest-ratio", type=float, default=0.01, show_default=True, help="The smallest, as a part of the largest."
)
@click.option("--choose", type=click.Choice(["discrepancy", "bic", "cv"]), help="Choose a penalty; keep its solution.")
@click.option("--noise", type=float, help="Standard deviation of the data's noise, for discrepancy.")
@click.option("--tau", type=float, default=1.0, show_default=True, help="Factor >= 1 on the noise, for discrepancy.")
@click.option("--folds", type=click.IntRange(2), default=5, show_default=True, help="Number of folds, for cv.")
@PROVE
def path(
    problem: Path,
    out: Path,
    count: int,
    smallest_ratio: float,
    choose: str | None,
    noise: float | None,
    tau: float,
    folds: int,
    boxes: int | None,
) -> int:
    """Solve PROBLEM for falling penalties, from the smallest whose solution is zero, into the folder OUT.

    What is chosen is proved.

    \b
    conicflow path problem.toml --out path                  path.csv and a figure
    conicflow path problem.toml --out path --choose bic     and a result folder path/chosen
    """
    from ..folders.path_folder import CHOSEN, Rule, solve_path_file
    from ..words.tables import atoms, summary

    rule = None if choose is None and noise is None else Rule(choose or "no choice", noise, tau, folds)
    with progress_bar() as progress:
        solved = solve_path_file(problem, out, count, smallest_ratio, rule, boxes, progress)
    say(f"{solved.file.title}\n{solved.path}")
    if solved.chosen is not None and solved.solution is not None:
        say(f"\nchosen by {choose}: penalty {solved.chosen.penalty:.6g}, in {out / CHOSEN}")
        if choose != "discrepancy" and solved.chosen.index == len(solved.path) - 1:
            say("it is the smallest of this path: a smaller one may do better (see --smallest-ratio)")
        say(f"{summary(solved.solution.result)}\n\n{atoms(solved.solution)}")
    say(f"\nwritten to {out}")
    if solved.interrupted or (solved.solution is not None and solved.solution.result.interrupted):
        return INTERRUPTED
    return 0 if solved.path.converged else NOT_CONVERGED


@click.command()
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("conicflow-demo"), show_default=True, help="Where to."
)
def demo(out: Path) -> int:
    """Solve and draw the bundled examples: spikes, sunspots, diabetes.

    \b
    conicflow demo --out pictures
    """
    from ..folders.examples import example_folders, solve_example
    from ..folders.result_folder import FIGURE
    from ..words.examples import examples_report

    folders, solutions = example_folders(out), {}
    for name, folder in folders.items():
        with progress_bar() as progress:
            solutions[name] = solve_example(name, folder, progress)
        if solutions[name].result.interrupted:
            return INTERRUPTED
    say(f"{examples_report(solutions)}\n")
    for folder in folders.values():
        say(folder / FIGURE)
    return 0 if all(solution.result.converged for solution in solutions.values()) else NOT_CONVERGED
