"""The command `conicflow`.

Exit codes: 0 done and certified; 1 `certify` or `check` refutes a claim, or `derive --check` found drift; 2 bad input,
told in one line on standard error; 3 the gap stayed above the tolerance; 130 interrupted.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click
from conicflow.engine.base.errors import ConicflowError, SpecError

if TYPE_CHECKING:
    from conicflow.engine.base.progress import Progress

REFUTED, BAD_INPUT, GAP_ABOVE_TOLERANCE, INTERRUPTED = 1, 2, 3, 130


class _Commands(click.Group):
    """A group whose every failure is one line on standard error and an exit code, never a traceback."""

    def main(self, *args: Any, **options: Any) -> NoReturn:
        options["standalone_mode"] = False
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, TextIOWrapper):  # a terminal without ² or λ shows their codes
                stream.reconfigure(errors="backslashreplace")
        try:
            code = super().main(*args, **options)
            sys.stdout.flush()
        except (KeyboardInterrupt, click.Abort):
            code = INTERRUPTED
        except BrokenPipeError:  # the reader, such as head, has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = 1
        except click.ClickException as error:
            code = _fail(f"{error.format_message()} (see: conicflow --help)")
        except MemoryError:
            code = _fail("the problem must fit into memory; this one does not; take fewer particles or samples")
        except (ConicflowError, OSError) as error:
            code = _fail(str(error))
        sys.exit(code)


def _fail(message: str) -> int:
    click.echo(f"conicflow: error: {' '.join(message.split())}", err=True)
    return BAD_INPUT


@click.group(cls=_Commands, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="conicflow", message="conicflow %(version)s")
@click.pass_context
def main(context: click.Context) -> None:
    """Minimise a convex function of a measure, and prove how close to the minimum you are.

    \b
    conicflow demo                                solve and draw the bundled examples
    conicflow solve problem.toml --out result     solve your own, draw it, and keep it in a folder
    conicflow path problem.toml --out path        solve it for a range of penalties, and choose one
    conicflow certify result                      prove again what the folder claims, without the solver
    conicflow plot result                         draw it again
    conicflow check                               search for counterexamples to the theorems in this program
    conicflow cache                               list the kernels compiled from your own specs

    \b
    A problem file, problem.toml:
      [features]
      name = "line_spectrum"              # conicflow features lists them all; or spec = "my_kernel.toml"
      t = "measurements.csv:time"         # or times.npy, or archive.npz:key
      theta = [0.01, 0.25]                # frequencies, per unit of t
      [loss]
      name = "squared"                    # conicflow losses; or spec = "my_loss.toml"
      data = "measurements.csv:value"
      [measure]
      penalty_ratio = 0.05                # or penalty = 0.1
      sign = "nonnegative"                # or "any"

    Exit codes: 0 certified, 1 a claim does not hold, 3 gap above tolerance, 2 bad input, 130 interrupted (`solve` then
    writes the best so far).
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@main.command()
@click.argument("problem", type=click.Path(path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="Result folder: new, empty, or to be replaced."
)
def solve(problem: Path, out: Path) -> int:
    """Solve the problem file PROBLEM, bound the gap, draw it, and write the folder OUT.

    \b
    conicflow solve problem.toml --out result
    """
    from .files.results import solve_problem_file
    from .words.tables import atoms, summary

    with progress_bar() as progress:
        solution = solve_problem_file(problem, out, progress)
    click.echo(f"{solution.file.title}\n{summary(solution.result)}\n\n{atoms(solution)}\n\nwritten to {out}")
    if solution.result.status == "interrupted":
        return INTERRUPTED
    return 0 if solution.result.certified else GAP_ABOVE_TOLERANCE


@main.command()
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
def path(
    problem: Path,
    out: Path,
    count: int,
    smallest_ratio: float,
    choose: str | None,
    noise: float | None,
    tau: float,
    folds: int,
) -> int:
    """Solve PROBLEM for falling penalties, from the smallest whose solution is zero, into the folder OUT.

    \b
    conicflow path problem.toml --out path                  path.csv and a figure
    conicflow path problem.toml --out path --choose bic     and a result folder path/chosen
    """
    from .files.path_folder import CHOSEN, Rule, solve_path_file
    from .words.tables import atoms, summary

    rule = None if choose is None and noise is None else Rule(choose or "no choice", noise, tau, folds)
    with progress_bar() as progress:
        solved = solve_path_file(problem, out, count, smallest_ratio, rule, progress)
    click.echo(f"{solved.file.title}\n{solved.path}")
    if solved.chosen is not None and solved.solution is not None:
        click.echo(f"\nchosen by {choose}: penalty {solved.chosen.penalty:.6g}, in {out / CHOSEN}")
        if choose != "discrepancy" and solved.chosen.index == len(solved.path) - 1:
            click.echo("it is the smallest of this path: a smaller one may do better (see --smallest-ratio)")
        click.echo(f"{summary(solved.solution.result)}\n\n{atoms(solved.solution)}")
    click.echo(f"\nwritten to {out}")
    return 0 if solved.path.certified else GAP_ABOVE_TOLERANCE


@main.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--seconds", default=60.0, show_default=True, help="For the search of the dual certificate's supremum.")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="The archive data.npz, where it is kept elsewhere; it must have the SHA-256 that the result states.",
)
def certify(folder: Path, seconds: float, data: Path | None) -> int:
    """Prove what the result folder FOLDER claims again, from its files, in ball arithmetic; no solver is loaded.

    \b
    conicflow certify result
    conicflow certify result --data archive/data.npz
    """
    from conicflow.proofs_check.checker import check_folder
    from conicflow.proofs_check.folder import BadFolder

    try:
        verdicts = check_folder(folder, seconds, data)
    except BadFolder as error:
        return _fail(str(error))
    for verdict in verdicts:
        click.echo(f"{'holds' if verdict.holds else 'FAILS':<5}  {verdict.claim}: {verdict.words}")
    return 0 if all(verdict.holds for verdict in verdicts) else REFUTED


@main.command()
@click.argument("names", nargs=-1)
@click.option("--property", "of", help="Only the checks of this property, such as conic-wasserstein.")
@click.option("--mutants", is_flag=True, help="Also put mistakes into the program, and see that the checks find them.")
@click.option("--json", "as_json", is_flag=True, help="Print every search as JSON.")
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the search; another looks elsewhere."
)
def check(names: tuple[str, ...], of: str | None, mutants: bool, as_json: bool, seed: int) -> int:
    """Search for counterexamples to the theorems that this program rests on; NAMES of checks, by default all.

    \b
    conicflow check                    a table: theorem, hypotheses, cases tried, worst margin found, verdict
    conicflow check energy-identity    one of them
    conicflow check --mutants          and whether each check can fail
    conicflow check --property energy-decrease

    What the project promises: energy-decrease, 2-homogeneity, conic-wasserstein, optimality-certificates; and what that
    rests on: convexity, kernels, flows, measures, limits, initialisation.

    A margin is an error over the error allowed: above 1 it is a counterexample, which is told with its numbers.
    """
    try:
        from conicflow.proofs_check.theorems import campaign, registry

        from .words import theorem_tables

        chosen = registry.chosen(names, of)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    except ModuleNotFoundError as error:
        return _fail(f"checks need the package {error.name}, which is not there; pip install 'conicflow[check]'")
    with progress_bar() as progress:
        verdicts = campaign.check_all(chosen, seed, progress)
        kills = campaign.kill_all(chosen, seed, progress) if mutants else None
    holds = all(verdict.holds for verdict in verdicts)
    if as_json:
        click.echo(theorem_tables.as_json(seed, verdicts, kills))
    else:
        click.echo(theorem_tables.theorem_table(verdicts))
    if kills is not None:
        unchallenged = campaign.unchallenged(chosen)
        holds &= all(kill.holds for kill in kills) and not unchallenged
        if not as_json:
            click.echo(f"\n{theorem_tables.mutant_table(kills, unchallenged)}")
    return 0 if holds else REFUTED


@main.command()
@click.argument("folder", type=click.Path(path_type=Path))
def plot(folder: Path) -> None:
    """Draw the result folder FOLDER again, from what is in it.

    \b
    conicflow plot result
    """
    from .figures.figure import draw
    from .files.results import FIGURE, read_result_folder

    with progress_bar() as progress:
        solution = read_result_folder(folder, progress)
    draw(solution, folder / FIGURE)
    click.echo(folder / FIGURE)


@main.command()
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("conicflow-demo"), show_default=True, help="Where to."
)
def demo(out: Path) -> int:
    """Solve and draw the bundled examples: spikes, sunspots, diabetes.

    \b
    conicflow demo --out pictures
    """
    from .demo import run_demo

    certified = run_demo(out, progress_bar)
    return 0 if certified else GAP_ABOVE_TOLERANCE


@main.command()
@click.argument("specs", nargs=-1)
@click.option("--check", is_flag=True, help="Write nothing: show how the files differ, and exit with 1 if they do.")
def derive(specs: tuple[str, ...], check: bool) -> int:
    """Write the kernel sources that the SPECS derive; in a checkout without any, all of them.

    \b
    conicflow derive                 write generated/ from derive/specs/*.toml
    conicflow derive --check         show the drift between them
    conicflow derive my_kernel.toml  write my_kernel.py here
    """
    from conicflow.derive.drift import regenerate
    from conicflow.derive.errors import SpecError as Refused

    try:
        return regenerate(specs, check=check)
    except Refused as error:
        raise SpecError(str(error)) from None


@main.command()
def features() -> None:
    """List the feature maps φ: their formula, and the keys of [features] that they take.

    \b
    conicflow features
    """
    from conicflow.engine.kernels.loading import describe
    from conicflow.engine.space.catalogue import names

    from .files.model_tables import argument_forms

    for name in names():
        _describe(name)
        for key, form in argument_forms(describe(name)).items():
            click.echo(f"    {key}: {form}")


@main.command()
def losses() -> None:
    """List the losses ℓ: their formula, and the keys of [loss] that they take besides data and average.

    \b
    conicflow losses
    """
    from conicflow.engine.kernels.loading import describe
    from conicflow.engine.model.losses import names

    from .files.model_tables import loss_forms

    for name in names():
        _describe(name)
        for key, form in loss_forms(describe(name)).items():
            click.echo(f"    {key}: {form}")


@main.command()
@click.option("--clear", is_flag=True, help="Remove them all.")
def cache(clear: bool) -> None:
    """List the kernels compiled from your own specs: name, date, size, Python and processor family.

    \b
    conicflow cache            list them
    conicflow cache --clear    remove them; the next use compiles again
    """
    from conicflow.engine.kernels.cache import Cache

    from .words.tables import size_text, table

    kernels = Cache()
    if clear:
        count, size = kernels.clear()
        click.echo(
            f"removed {count} compiled {'kernel' if count == 1 else 'kernels'}, {size_text(size)}, from {kernels.root}"
        )
        return
    click.echo(f"{kernels.root}")
    if entries := kernels.entries():
        rows = [(item.name, item.made, size_text(item.size), item.python, item.cpu) for item in entries]
        click.echo(table(("name", "compiled", "size", "Python", "processor"), rows))


def _describe(name: str) -> None:
    from conicflow.engine.kernels.loading import describe

    description = describe(name)
    click.echo(f"{name}: {description['title']}\n    {description['equation']}\n    {description['reference']}")


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
