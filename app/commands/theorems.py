"""The command that searches for counterexamples to what the program rests on."""

import click

from ..words.progress import progress_bar
from .ending import REFUTED, fail, say


@click.command()
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

        from ..words import theorem_tables

        chosen = registry.chosen(names, of)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    except ModuleNotFoundError as error:
        return fail(f"checks need the package {error.name}, which is not there; pip install 'conicflow[check]'")
    with progress_bar() as progress:
        verdicts = campaign.check_all(chosen, seed, progress)
        kills = campaign.kill_all(chosen, seed, progress) if mutants else None
    holds = all(verdict.holds for verdict in verdicts)
    if as_json:
        say(theorem_tables.as_json(seed, verdicts, kills))
    else:
        say(theorem_tables.theorem_table(verdicts))
    if kills is not None:
        unchallenged = campaign.unchallenged(chosen)
        holds &= all(kill.holds for kill in kills) and not unchallenged
        if not as_json:
            say(f"\n{theorem_tables.mutant_table(kills, unchallenged)}")
    return 0 if holds else REFUTED
