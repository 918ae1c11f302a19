"""Words and numbers of a result: a status that its own numbers contradict is searched for, and never found."""

import math
from dataclasses import replace

import conicflow as cf
import pytest
from conicflow.engine.model.gap import relative_gap
from conicflow.engine.solve.proof import Proof
from conicflow.engine.solve.tolerance import Tolerance
from hypothesis import given
from hypothesis import strategies as st
from problems import bumps, spikes

SIZES = st.floats(1e-12, 1e12)
GAPS = st.one_of(st.just(0.0), st.just(math.inf), st.floats(1e-30, 1e13))


@pytest.fixture(scope="module")
def found() -> cf.Result:
    return cf.solve(bumps()[0])


def proof(gap: float, relative: float) -> Proof:
    return Proof(gap, relative, (0.0, 1.0), 1.0, "by hand", 96, 1, True)


@given(
    reference=SIZES,
    part=st.floats(0, 1),
    gap=GAPS,
    rounding=st.floats(0, 1e-3),
    within=st.tuples(st.floats(1e-15, 0.9), st.one_of(st.just(0.0), SIZES)),
    interrupted=st.booleans(),
    proved=st.one_of(st.none(), st.tuples(GAPS, st.floats(0, 1))),
)
def test_no_word_is_contradicted_by_its_numbers(
    found: cf.Result,
    reference: float,
    part: float,
    gap: float,
    rounding: float,
    within: tuple[float, float],
    interrupted: bool,
    proved: tuple[float, float] | None,
) -> None:
    """Certified only of a proof within a tolerance, converged only of a gap within one or within its rounding; then no less."""
    result = replace(
        found,
        objective=part * reference,
        reference=reference,
        gap=gap,
        rounding=rounding * reference,
        tolerance=Tolerance(*within),
        interrupted=interrupted,
        proof=None if proved is None else proof(*proved),
    )
    relative = result.relative_gap
    assert 0.0 <= relative <= 1.0  # J <= J(0)
    if math.isfinite(gap):
        # the share of the possible decrease that may be missing: one sum and one quotient, each with a few roundings
        missing = reference - part * reference + gap
        assert relative == pytest.approx(gap / missing if gap else 0.0, rel=1e-14)
    assert result.certified == (proved is not None and (proved[1] <= within[0] or proved[0] <= within[1]))
    closed = relative <= within[0] or gap <= within[1] or gap <= 2 * rounding * reference
    assert result.converged == (result.certified or closed)
    words = {(True, True): "certified", (True, False): "converged", (False, False): "not converged"}
    expected = words[result.converged, result.certified]
    assert result.status == ("interrupted" if interrupted and expected == "not converged" else expected)


def test_a_height_that_a_proof_met_corrects_the_gap(found: cf.Result) -> None:
    """S was too small by a thousandth: the gap that rested on it is no bound, and the word goes with it."""
    known = found.certificate.sup_bound
    higher = replace(proof(math.inf, 1.0), sup_least=1.001 * known)
    told = found.with_proof(higher)
    assert (told.status, told.certificate.sup_bound) == ("not converged", 1.001 * known)
    assert told.ended_by.startswith("|eta| is higher")
    # J + R*(s g), s = penalty/S: to first order s - 1 = -0.001 costs a thousandth of -<g, f> = penalty |mu|
    assert told.gap > 1e3 * found.gap
    assert told.gap <= 0.0011 * found.penalty * found.measure.mass
    proved = replace(told, ended_by="a limit").with_proof(proof(0.0, 0.0))
    assert (proved.status, proved.ended_by) == ("certified", "")
    same = found.with_proof(replace(higher, sup_least=known))
    assert (same.status, same.gap) == ("converged", found.gap)


@pytest.mark.parametrize("constant", [0.0, 1e6, -1e6])
def test_a_constant_of_the_loss_moves_no_relative_gap(constant: float) -> None:
    """J + c - (J* + c): what is missing counts against what there is to gain, not against |J|."""
    exact = relative_gap(2.0, 10.0, 40.0)
    assert exact == 2.0 / 32.0
    assert relative_gap(2.0, 10.0 + constant, 40.0 + constant) == exact  # bits: integers are exact


def test_either_tolerance_suffices() -> None:
    """A gap that is all there is to gain is no small share of it, but may be few units of J."""
    problem = spikes(8)[0]
    first = cf.solve(problem, relative_gap=1e-300, absolute_gap=problem.objective(problem.zero))
    assert (first.status, len(first.measure), first.up_to_rounding) == ("converged", 0, False)
    assert first.relative_gap == 1.0
    with pytest.raises(cf.ProblemError, match="absolute_gap must be a number >= 0; got -1"):
        cf.solve(problem, absolute_gap=-1.0)


def test_when_time_is_over_the_best_so_far_is_handed_back() -> None:
    problem = bumps(ratio=1e-4)[0]
    found = cf.solve(problem, seconds=1e-9, relative_gap=1e-14)
    assert found.status == "not converged"
    assert found.ended_by.endswith("search: 1e-09 s of wall time (seconds)")
    assert found.objective <= problem.objective(problem.zero)
    assert found.gap == pytest.approx(cf.duality_gap(problem, found.measure).gap, rel=1e-9)  # atoms in another order
    for wrong in (0.0, -1.0, math.nan, "soon"):
        with pytest.raises(cf.ProblemError, match="seconds must be a positive number"):
            cf.solve(problem, seconds=wrong)


def test_a_result_that_knows_its_problem_can_be_proved(found: cf.Result) -> None:
    assert (found.status, found.proof) == ("converged", None)
    proved = found.certify()
    assert (proved.status, found.status) == ("certified", "converged")
    assert proved.proof is not None
    assert proved.proof.gap <= found.gap + found.rounding
    with pytest.raises(cf.ProblemError, match="run conicflow certify FOLDER"):
        replace(found, problem=None).certify()
