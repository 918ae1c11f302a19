"""`conicflow check`: that the theorems hold, that each check can fail, and that the machinery tells the one from the other."""

import ast
import json
import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from conicflow.app import cli
from conicflow.engine.kernels.loading import KINDS, kernel_names, load_kernel
from conicflow.engine.model import gap as engine_gap
from conicflow.proofs_check import gap
from conicflow.proofs_check.enclosures.points import inner
from conicflow.proofs_check.theorems import campaign, processes, registry
from conicflow.proofs_check.theorems.check import PROPERTIES, Check, Draw, Inapplicable, Margin
from conicflow.proofs_check.theorems.counterexample import Outcome, run
from conicflow.proofs_check.theorems.mutants.catalogue import mutants
from conicflow.proofs_check.theorems.mutants.inject import InKernel, injected
from conicflow.proofs_check.theorems.mutants.rebuilt import InTemplate, emitted, in_template
from conicflow.proofs_check.theorems.mutants.source import InSource, changed, located
from conicflow.proofs_check.theorems.processes import Task
from conicflow.proofs_check.theorems.registry import checks
from flint import arb

# Each sees its mutant within a second; the command runs them all.
SAMPLE = (
    "stale-kernel",
    "slope-without-weight",
    "velocity-over-m",
    "ignored-descent",
    "rule-without-descent",
    "slow-reaction",
    "projection-of-degree-two",
    "grid-maximum",
    "gap-of-wrong-sign",
    "merge-loses-mass",
    "conjugate-without-domain",
    "unrounded-residual",
    "cells-as-points",
    "negative-multiple",
    "covariance-averaged-twice",
    "no-cosine",
    "sums-round-nothing",
    "polynomials-round-nothing",
    "positions-at-the-speed-of-weights",
    "batches-of-a-part",
)


def some(check: Check, most: int = 4) -> tuple[str, ...]:
    """A few of a check's subjects, the first and the last among them; each check takes others."""
    step = max(1, len(check.subjects) // most)
    return tuple(
        dict.fromkeys((check.subjects[0], *check.subjects[len(check.name) % step :: step], check.subjects[-1]))
    )


@pytest.mark.parametrize("name", list(checks()))
def test_no_counterexample_is_found(name: str) -> None:
    """Two cases for some subjects, from another seed than the command's: the command tries more, for all of them."""
    check = checks()[name]
    found = [run(check, subject, min(check.examples, 2), seed=10, simplify=False) for subject in some(check)]
    assert [outcome for outcome in found if not outcome.holds] == []


@pytest.mark.parametrize("name", SAMPLE)
def test_a_mutant_is_killed_and_gone_afterwards(name: str) -> None:
    mutant = mutants()[name]
    killed = processes.perform(Task(mutant.check, mutant.subject, mutant=name))
    assert campaign.Kill(mutant, killed).holds, killed
    assert run(checks()[mutant.check], mutant.subject, 3, simplify=False).holds


def test_every_check_is_challenged_and_every_mutant_meant_for_one() -> None:
    assert campaign.unchallenged(list(checks())) == []
    assert all(mutant.subject in checks()[mutant.check].subjects for mutant in mutants().values())
    assert len(mutants()) >= 150
    assert sum(isinstance(mutant.change, InTemplate) for mutant in mutants().values()) >= 30


def a_check(margin: Margin) -> Check:
    return Check("example", "kernels", "none", "none", ("one",), margin, 50)


def test_a_counterexample_is_found_and_made_simple() -> None:
    found = run(a_check(lambda subject, draw: draw.integer("n", 0, 10_000) / 400), "one")
    assert found.refuted
    assert not found.holds
    assert found.drawn == {"n": 401}
    assert found.worst == 401 / 400


def test_the_worst_margin_is_told_with_its_case() -> None:
    found = run(a_check(lambda subject, draw: draw.real("x", 0.0, 0.5)), "one")
    assert found.holds
    assert found.cases == 50
    assert found.worst == found.drawn["x"] == 0.5  # the ends of an interval come up


def test_not_a_number_is_a_counterexample() -> None:
    assert run(a_check(lambda subject, draw: np.nan), "one").refuted


def test_cases_without_the_hypotheses_do_not_count() -> None:
    def even(subject: str, draw: Draw) -> float:
        if draw.integer("n", 0, 100) % 2:
            raise Inapplicable("an even number")
        return 0.5

    found = run(a_check(even), "one", 10)
    assert (found.holds, found.cases) == (True, 10)


def test_a_check_without_cases_does_not_hold() -> None:
    def never(subject: str, draw: Draw) -> float:
        raise Inapplicable("more than any draw has")

    found = run(a_check(never), "one")
    assert (found.cases, found.holds, found.refuted) == (0, False, False)
    assert not campaign.Verdict(a_check(never), (found,)).holds


def test_an_exception_is_a_counterexample_with_its_words() -> None:
    def broken(subject: str, draw: Draw) -> float:
        return 1 / draw.integer("n", 0, 5)

    found = run(a_check(broken), "one")
    assert found.error == "ZeroDivisionError: division by zero"
    assert found.drawn == {"n": 0}
    mutant = mutants()["grid-maximum"]
    assert not mutant.raises
    assert not campaign.Kill(mutant, found).holds  # an exception kills only those that are to raise one


def test_a_search_that_never_began_kills_nothing() -> None:
    mutant = mutants()["infeasible-multiple"]
    assert mutant.raises
    assert campaign.Kill(mutant, Outcome(mutant.check, mutant.subject, cases=1, error="ArithmeticError")).holds
    assert not campaign.Kill(mutant, Outcome(mutant.check, mutant.subject, error="the process ended")).holds


def test_a_search_repeats() -> None:
    check = checks()["convexity"]
    assert run(check, "gaussian", 5, seed=3) == run(check, "gaussian", 5, seed=3)  # bits: the same call


def test_draws_stay_within_their_bounds() -> None:
    def margin(subject: str, draw: Draw) -> float:
        values = draw.reals("x", 3, -2.0, 5.0)
        option = draw.choice("option", ("a", "b"))
        same = draw.generator().random() == np.random.default_rng(int(str(draw.drawn["seed"]))).random()
        return 0.0 if same and option in "ab" and values.min() >= -2 and values.max() <= 5 else 2.0

    assert run(a_check(margin), "one").holds


def test_a_source_mutant_reaches_those_who_imported_the_function_and_leaves() -> None:
    with injected(InSource("proofs_check.enclosures.points.inner", "x * y", "3 * x * y")):
        assert inner([arb(2)], [arb(5)]) == 30
    assert inner([arb(2)], [arb(5)]) == 10
    with injected(InSource("proofs_check.gap.BITS", "96", "97")):
        assert gap.BITS == 97
    assert gap.BITS == 96


def test_a_mutant_leaves_also_after_an_exception() -> None:
    kernel = load_kernel("squared")
    before = kernel.value
    change = InKernel("squared", "value", lambda original: None)
    with pytest.raises(ZeroDivisionError), injected(change):
        assert 1 / len([] if kernel.value is None else [1])
    assert kernel.value is before


def the_source(change: InSource) -> str:
    return ast.unparse(changed(change)[1])


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        (
            "(self.lower+arb( TOLERANCE )*abs(self.lower) .max(self.scale)  ) . max(self.enough) # layout",
            "arb(1)",
            "return arb(1)",
        ),
        (
            "return (\n  (self.lower + arb(TOLERANCE) * abs(self.lower).max(self.scale)).max(self.enough)\n)",
            "pass",
            "pass",
        ),
    ],
)
def test_what_matches_is_the_code_whatever_its_layout(right: str, wrong: str, told: str) -> None:
    where = "proofs_check.suprema.branch.BranchAndBound.target"
    before = the_source(InSource(where, "self.scale", "self.scale"))
    assert told not in before
    assert told in the_source(InSource(where, right, wrong))


def test_keywords_and_quotes() -> None:
    where = "proofs_check.certify.proof_of"
    assert "relative_gap=0.0" in the_source(InSource(where, "relative_gap=_above(share)", "relative_gap=0.0"))
    where, right = "engine.kernels.cache._INDEX", "'index'"
    assert "_INDEX = 'places'" in the_source(InSource(where, right, '"places"'))


def test_a_function_is_found_wherever_it_is_defined() -> None:
    """`checker` imports `prove` from `gap`, and `cache`d functions and families of particles are wrapped."""
    where, right = "proofs_check.checker.prove", "objective - dual_value(statement, loss, p, bound.upper)"
    module, tree = changed(InSource(where, "objective + dual_value(statement, loss, p, bound.upper)", right))
    assert module.__name__ == "conicflow.proofs_check.gap"
    assert right in ast.unparse(tree)
    assert located("proofs_check.certify.catalogue_spec")[1] == "catalogue_spec"
    assert located("engine.flow.initial.grid")[0].__name__ == "conicflow.engine.flow.initial"


def test_every_mutant_has_its_place() -> None:
    """Also of those that only the command tries: each changes the code of its module, or a template of its kernel."""
    for mutant in mutants().values():
        if isinstance(mutant.change, InTemplate):
            with in_template(mutant.change):
                pass
            continue
        with injected(mutant.change):
            pass


@pytest.mark.parametrize("kernel", ["_flow", "_local", "_ridge", "_torus", "_covariance", "squared", "lorentzian"])
def test_a_template_mutant_changes_lines_of_its_kernel_alone(kernel: str) -> None:
    right = emitted(kernel)
    changes = [mutant.change for mutant in mutants().values() if isinstance(mutant.change, InTemplate)]
    for change in (change for change in changes if change.kernel == kernel):
        with in_template(change):
            wrong = emitted(kernel)
        assert wrong != right
        assert abs(len(wrong.splitlines()) - len(right.splitlines())) <= 2
    assert emitted(kernel) == right


@pytest.mark.parametrize(
    ("where", "right", "words"),
    [
        ("scalar_flow._MOVE", "shrink(w + a", "occurs 0 times"),
        ("scalar_flow._MOVE", "keep_inside(", "occurs 2 times"),
        ("scalar_flow._STAY", "shrink", "_STAY is none; look where it went"),
    ],
)
def test_a_template_mutant_that_is_none_is_refused(where: str, right: str, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)), in_template(InTemplate("_flow", where, right, "0")):
        pass


@pytest.mark.parametrize(
    ("where", "right", "wrong", "words"),
    [
        ("prove", "loss.value(g)", "0", "similar there: loss.value(f)"),
        ("prove", "return Proof(0)", "pass", "must occur once in proofs_check.gap.prove; it occurs 0 times"),
        ("prove", "bound.upper", "0", "say more of it"),
        ("proved", "0", "1", "similar there: prove"),
        ("Enclosed.share_of_all", "0", "1", "similar there: share"),
        ("BITS", "96", "96  # of Arb", "must differ"),
    ],
)
def test_a_mutant_that_is_none_is_refused(where: str, right: str, wrong: str, words: str) -> None:
    change = InSource(f"proofs_check.gap.{where}", right, wrong)
    with pytest.raises(ValueError, match=re.escape(words)), injected(change):
        pass


def test_no_file_is_edited() -> None:
    path = Path(engine_gap.__file__)
    before = path.read_bytes()
    processes.perform(Task("weak-duality", "gaussian", mutant="gap-of-wrong-sign"))
    assert path.read_bytes() == before


def command(*arguments: str) -> tuple[int, str, str]:
    ran = CliRunner().invoke(cli.main, ["check", *arguments])
    return ran.exit_code, ran.stdout, ran.stderr


def test_the_command_shows_a_table() -> None:
    code, out, _ = command("fresh-kernels", "--mutants")
    assert code == 0
    rows = [line.split() for line in out.splitlines() if line]
    assert rows[0][:2] == ["check", "theorem"]
    assert rows[2] == ["kernels", "and", "losses"]
    assert rows[3][0] == "fresh-kernels"
    assert rows[3][-3:] == [str(len(kernel_names(*KINDS, "loss"))), "0", "holds"]
    assert rows[-1][0] == "stale-kernel"


def test_the_command_prints_json() -> None:
    code, out, _ = command("fresh-kernels", "--mutants", "--json", "--seed", "4")
    report = json.loads(out)
    assert code == 0
    assert report["seed"] == 4
    (check,) = report["checks"]
    assert check["property"] == "kernels"
    cases = len(kernel_names(*KINDS, "loss"))
    assert (check["name"], check["holds"], check["cases"], check["worst_margin"]) == ("fresh-kernels", True, cases, 0.0)
    (mutant,) = report["mutants"]
    assert (mutant["name"], mutant["killed"], mutant["search"]["worst_margin"]) == ("stale-kernel", True, None)


def test_failures_are_told_and_exit_with_one(monkeypatch: pytest.MonkeyPatch) -> None:
    check = checks()["fresh-kernels"]
    found = run(a_check(lambda subject, draw: draw.integer("n", 7, 9)), "one")
    monkeypatch.setattr(campaign, "check_all", lambda names, seed, told: [campaign.Verdict(check, (found,))])
    survivor = mutants()["stale-kernel"]
    alive = run(a_check(lambda subject, draw: 0.0), "one")
    monkeypatch.setattr(campaign, "kill_all", lambda names, seed, told: [campaign.Kill(survivor, alive)])
    code, out, _ = command("fresh-kernels", "--mutants")
    assert code == 1
    assert "FAILS" in out
    assert "example, one: margin 7 at n = 7" in out
    assert "stale-kernel survives" in out


def test_a_survivor_alone_fails_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    alive = run(a_check(lambda subject, draw: 0.0), "one")
    monkeypatch.setattr(
        campaign, "kill_all", lambda names, seed, told: [campaign.Kill(mutants()["stale-kernel"], alive)]
    )
    assert command("fresh-kernels", "--mutants")[0] == 1


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("energy",), "'energy'; did you mean energy-identity?"),
        (("--property", "conic"), "'conic'; did you mean conic-wasserstein?"),
        (("--property", "optimality"), "'optimality'; did you mean optimality-certificates?"),
        (("fresh-kernels", "--property", "limits"), "got fresh-kernels of limits; leave one out"),
    ],
)
def test_an_unknown_name_is_one_line_with_the_nearest(arguments: tuple[str, ...], hint: str) -> None:
    code, out, err = command(*arguments)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert hint in err


def test_every_property_has_checks_and_every_promise_mutants() -> None:
    """Each check has one property, a word of `PROPERTIES`; the first four are what the project promises."""
    groups = {name: registry.chosen((), name) for name in PROPERTIES}
    assert sorted(name for group in groups.values() for name in group) == sorted(checks())
    promises = {
        "energy-decrease": "energy decrease",
        "2-homogeneity": "2-homogeneity",
        "conic-wasserstein": "conic-to-Wasserstein equivalence",
        "optimality-certificates": "global optimality certificates",
    }
    assert list(PROPERTIES.items())[:4] == list(promises.items())
    for group in groups.values():
        assert group
        assert campaign.unchallenged(group) == []
    assert {"euclid-and-cone", "projected-flow", "projection-inequality"} <= set(groups["conic-wasserstein"])


def test_one_property_alone_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def record(names: list[str], seed: int, told: object) -> list[campaign.Verdict]:
        asked.extend(names)
        return [campaign.Verdict(checks()[name], (Outcome(name, "one", 1, 0.0),)) for name in names]

    monkeypatch.setattr(campaign, "check_all", record)
    code, out, _ = command("--property", "2-homogeneity")
    assert (code, asked) == (0, ["homogeneity-proofs", "homogeneous-kernels"])
    assert "2-homogeneity" in out.splitlines()
    code, out, _ = command()
    assert code == 0
    assert asked[2:] == list(checks())
    assert [line for line in out.splitlines() if line in PROPERTIES.values()] == list(PROPERTIES.values())


def test_a_missing_package_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    for name in [name for name in sys.modules if name.startswith("conicflow.proofs_check.theorems.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr("conicflow.proofs_check.theorems.counterexample")
    monkeypatch.delattr("conicflow.proofs_check.theorems.campaign")
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    code, _, err = command("fresh-kernels")
    assert code == 2
    assert len(err.splitlines()) == 1
    assert "pip install 'conicflow[check]'" in err
