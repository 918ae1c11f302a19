"""The command that searches for counterexamples to what the program rests on."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import click

from ..words.progress import progress_bar
from .ending import REFUTED, fail, say

if TYPE_CHECKING:
    from conicflow.proofs_check.theorems.campaign import Kill, Told, Verdict


@click.command()
@click.argument("names", nargs=-1)
@click.option("--property", "of", help="Only the checks of this property, such as conic-wasserstein.")
@click.option("--spec", type=click.Path(), help="A feature map of your own: every law that is about it, instead.")
@click.option("--loss", type=click.Path(), help="A loss of your own, likewise; with --spec, both together.")
@click.option("--mutants", is_flag=True, help="Also put mistakes into the program, and see that the checks find them.")
@click.option("--json", "as_json", is_flag=True, help="Print every search as JSON.")
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the search; another looks elsewhere."
)
def check(
    names: tuple[str, ...],
    of: str | None,
    spec: str | None,
    loss: str | None,
    mutants: bool,
    as_json: bool,
    seed: int,
) -> int:
    """Search for counterexamples to the theorems that this program rests on; NAMES of checks, by default all.

    \b
    conicflow check                    a table: theorem, hypotheses, cases tried, worst margin found, verdict
    conicflow check energy-identity    one of them
    conicflow check --mutants          and whether each check can fail; kernels with a wrong line are compiled once
    conicflow check --property energy-decrease
    conicflow check --spec my.toml     every law on a feature map of your own: it holds, or is about something else
    conicflow check --loss my.toml     on a loss of your own, alone and with feature maps that it suits

    What the project promises: energy-decrease, 2-homogeneity, conic-wasserstein, optimality-certificates; and what that
    rests on: convexity, kernels, flows, measures, limits, initialisation.

    A margin is an error over the error allowed: above 1 it is a counterexample, which is told with its numbers. On a pipe
    a line of standard error tells of each check when it is done. Exit code 1: a counterexample, or a mutant that survives.
    """
    if mutants and (spec or loss):
        raise click.BadParameter(
            "mutants are of built-in maps and losses; got --mutants with one of your own; leave it out"
        )
    try:
        from conicflow.engine.kernels.own import read
        from conicflow.proofs_check.theorems import campaign, registry

        from ..words import theorem_tables

        chosen = registry.chosen(names, of)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    except ModuleNotFoundError as error:
        return fail(f"checks need the package {error.name}, which is not there; pip install 'conicflow[check]'")
    own = {name: read(path) for name, path in (("spec", spec), ("loss", loss)) if path is not None}
    with _telling("check") as told:
        verdicts = campaign.check_own(chosen, seed, **own, told=told) if own else campaign.check_all(chosen, seed, told)
    kills, left_out = None, {}
    if mutants:
        left_out = campaign.unbuildable(chosen)
        with _telling("mutants") as told:
            kills = campaign.kill_all(chosen, seed, told)
    holds = not any(verdict.refuted if own else not verdict.holds for verdict in verdicts)
    if as_json:
        say(theorem_tables.as_json(seed, verdicts, kills))
    else:
        say(theorem_tables.own_table(verdicts) if own else theorem_tables.theorem_table(verdicts))
    if kills is not None:
        unchallenged = campaign.unchallenged(chosen)
        holds &= all(kill.holds for kill in kills) and not unchallenged
        if not as_json:
            say(f"\n{theorem_tables.mutant_table(kills, unchallenged, left_out)}")
    return 0 if holds else REFUTED


@contextmanager
def _telling(phase: str) -> Iterator["Told"]:
    """What is told of each check or mutant that is decided: how far all are, on a terminal; else a line of standard error."""
    from ..words import theorem_tables

    with progress_bar() as show:

        def told(decided: "Verdict | Kill", share: float) -> None:
            if show is None:
                with suppress(OSError):  # nobody hears it
                    print(theorem_tables.line(decided), file=sys.stderr, flush=True)
            else:
                show(phase, share, theorem_tables.name(decided))

        if show is not None:
            show(phase, 0.0, "")
        yield told
