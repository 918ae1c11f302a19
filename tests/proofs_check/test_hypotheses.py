"""What (G) asks of a problem, and the parts of a proof one by one: each is wrong in one way that final numbers would not show."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from conicflow.derive.read.spec import read_spec
from conicflow.proofs_check.enclosures.balls import precision
from conicflow.proofs_check.enclosures.covariance import Covariance
from conicflow.proofs_check.enclosures.features import total_variation
from conicflow.proofs_check.enclosures.losses import BallLoss
from conicflow.proofs_check.enclosures.points import Array, exact, inner
from conicflow.proofs_check.enclosures.polynomials import Polynomial
from conicflow.proofs_check.enclosures.sample_sums import SampleSum
from conicflow.proofs_check.enclosures.taylor_models import Model
from conicflow.proofs_check.gap import dual_value, prove
from conicflow.proofs_check.gauge import Signed
from conicflow.proofs_check.hypotheses import why_no_measure, why_not, why_not_as_claimed
from conicflow.proofs_check.statement import Statement, catalogue_spec
from conicflow.proofs_check.suprema import torus
from conicflow.proofs_check.suprema.budget import Budget
from conicflow.proofs_check.suprema.torus import TrigonometricPolynomial
from flint import arb
from hypothesis import given
from hypothesis import strategies as st

seeds = st.integers(0, 2**32 - 1)
X, Y = np.array([10.0, 10.5, 11.0]), np.array([5.0, 5.0, 5.0])
BUMP = """name = "bump"
phi = "{phi}"
{more}
[parameters]
theta = "{domain}"
[inputs]
x = "location"
[constants]
sigma = {{ positive = true, description = "width" }}
"""
GAUSSIAN = "exp(-(x - theta)**2/(2*sigma**2))"


def stated(
    interval: tuple[float, float] | None, domain: str = "interval", phi: str = GAUSSIAN, more: str = "", **other: Any
) -> Statement:
    """Three samples near 10, of height 5; squared loss, penalty 0.5."""
    spec: Any = read_spec(BUMP.format(phi=phi, more=more, domain=domain).encode())
    given = {} if interval is None else {"theta": interval}
    statement = Statement(
        spec, {"x": X}, {"sigma": 1.0}, given, None, catalogue_spec("squared"), Y, 0.5, Signed(1.0, math.inf)
    )
    return replace(statement, **other)


PRICE = 'penalty_weight = "{}"'


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        (stated(None, "real"), "nothing bounds eta on a whole line"),
        (stated((-12.0, -9.0), "positive interval"), "'positive interval'"),
        (stated((0.0, 9.0), "positive interval"), "'positive interval'"),
        (stated((-1e-9, 9.0), "nonnegative interval"), "'nonnegative interval'"),
        (stated((9.0, 9.0)), "low < high"),
        (stated((9.0, math.inf)), "nothing bounds eta"),
        (stated((4.0, 5.0), phi="(3 - theta)*" + GAUSSIAN, more=PRICE.format("3 - theta")), "kappa"),
        (stated((0.0, 5.0), more=PRICE.format("theta**2 - theta + 1/4")), "kappa"),  # 0 at one half
        (stated((0.0, 5.0), constants={"sigma": -1.0}), "sigma is positive"),
        (stated((0.0, 5.0), constants={"sigma": math.nan}), "sigma"),
        (stated((0.0, 5.0), penalty=-1.0), "penalty"),
        (stated((0.0, 5.0), penalty=math.inf), "penalty"),
        (stated((0.0, 5.0), sample_weights=np.array([1.0, 0.0, 1.0])), "sample weights"),
        (stated((0.0, 5.0), inputs={"x": X[:2]}), "samples"),
        (stated((0.0, 5.0), cholesky=np.array([[1.0, 1, 0], [0, 1, 0], [0, 0, 1]])), "covariance"),
        (stated((0.0, 5.0), loss=catalogue_spec("log_cosh"), cholesky=np.eye(3)), "covariance"),
        (stated((0.0, 5.0), loss=catalogue_spec("logistic")), "labels"),
        (stated((0.0, 5.0), loss=catalogue_spec("poisson"), y=-Y, loss_constants={"background": np.ones(3)}), "counts"),
    ],
)  # fmt: skip
def test_problems_that_are_none(statement: Statement, words: str) -> None:
    with precision(96):
        assert words in why_not(statement)


@pytest.mark.parametrize(
    "statement",
    [
        stated((-12.0, 12.0), "real"),
        stated((1e-3, 9.0), "positive interval"),
        stated((0.0, 9.0), "nonnegative interval"),
        stated((0.0, 5.0), more=PRICE.format("theta**2 - theta + 26/100")),
        stated((-2.0, 2.0), more=PRICE.format("exp(-theta)*(2 + sin(5*theta))")),
        stated((0.0, 5.0), cholesky=np.diag([1.0, 2.0, 3.0])),
        stated((0.0, 5.0), loss=catalogue_spec("poisson"), loss_constants={"background": np.array([1.0, 2.0, 3.0])}),
    ],
)
def test_problems_that_are_some(statement: Statement) -> None:
    with precision(96):
        assert why_not(statement) == ""


def test_claims_of_a_spec_are_proved() -> None:
    false = read_spec(b'name = "square"\nvalue = "(f - y)**2/2"\nconjugate = "p**2/2 + p*y - 1/1000000"\n')
    assert "Fenchel" in why_not_as_claimed(stated((0.0, 5.0), loss=false)) or "conjugate" in why_not_as_claimed(
        stated((0.0, 5.0), loss=false)
    )
    assert why_not_as_claimed(stated((0.0, 5.0))) == ""


@pytest.mark.parametrize(
    ("weights", "positions", "words"),
    [
        ([1.0], [[5.0]], ""),
        ([1.0], [[5.1]], "outside the domain"),
        ([-1e-300], [[1.0]], "negative, where mu >= 0"),
    ],
)
def test_atoms_that_are_none(weights: list[float], positions: list[list[float]], words: str) -> None:
    assert why_no_measure(stated((0.0, 5.0)), np.array(weights), np.array(positions)) == words


# --- parts of a proof


def test_the_price_of_positions_is_in_the_penalty_and_in_eta() -> None:
    """kappa = 1 + theta²: int kappa d|mu| of two atoms; the zero measure is optimal exactly where sup(-eta/kappa) <= penalty."""
    statement = stated((9.0, 12.0), more=PRICE.format("1 + theta**2"))
    weights, positions = np.array([2.0, 3.0]), np.array([[9.0], [10.0]])
    with precision(96):
        assert total_variation(statement, weights, positions) == 2 * 82 + 3 * 101
    theta = np.linspace(9, 12, 300_001)[:, None]
    largest = float((np.exp(-((X - theta) ** 2) / 2) @ Y / (1 + theta[:, 0] ** 2)).max())
    nothing = np.zeros(0), np.zeros((0, 1))
    assert prove(replace(statement, penalty=largest * (1 + 1e-9)), *nothing).gap == 0
    assert prove(replace(statement, penalty=largest * (1 - 1e-6)), *nothing).gap > 0


def test_only_nonnegative_multiples_are_tried_where_weights_have_one_sign() -> None:
    """Beyond the data, the residual's best multiple is negative: of mu >= 0 it proves nothing, as -p is not feasible."""
    statement = stated((9.0, 12.0))
    with precision(96):
        loss = BallLoss(statement)
        p = exact(np.ones(3))  # R*(s p) = 1.5 s² + 15 s falls for s < 0
        assert dual_value(statement, loss, p, arb(1)) >= 0
        assert dual_value(replace(statement, gauge=Signed()), loss, p, arb(1)) < -6


@pytest.mark.parametrize("average", [False, True])
@pytest.mark.parametrize("complex_", [False, True])
@given(seed=seeds)
def test_a_covariance_and_its_conjugate_meet(average: bool, complex_: bool, seed: int) -> None:
    """R(f) + R*(R'(f)) = <f, R'(f)>, whatever R is divided by."""
    random, n = np.random.default_rng(seed), 4
    factor = np.tril(random.standard_normal((n, n)), -1) + np.diag([1.0, 2.0, 3.0, 0.5])
    y, f = random.standard_normal((2, n))
    if complex_:
        factor = factor + 1j * np.tril(random.standard_normal((n, n)), -1)
        y, f = y + 1j * random.standard_normal(n), f + 1j * random.standard_normal(n)
    with precision(128):
        loss = Covariance(factor, exact(y), arb(1) / n if average else arb(1))
        point = exact(f)
        p = loss.slope(point)
        assert abs(loss.value(point) + loss.conjugate(p) - inner(point, p)) <= arb(2) ** -90 * (1 + loss.value(point))
        assert loss.value(point).overlaps(loss.value(exact(y)) + loss.value(point))


def test_no_gap_is_proved_where_the_search_has_not_ended() -> None:
    """With one box S is loose, and the gap as large: what is found at the atoms proves nothing."""
    statement = replace(stated((9.0, 12.0)), penalty=2.0)
    positions = np.array([[10.5]])
    phi = np.exp(-((X - 10.5) ** 2) / 2)
    weights = np.array([(phi @ Y - 2.0) / (phi @ phi)])  # the best: -eta is the penalty there
    short, whole = (prove(statement, weights, positions, boxes=boxes) for boxes in (1, 12_000))
    assert whole.supremum.finished
    assert whole.gap < 1e-10
    assert not short.supremum.finished
    assert short.gap > 1e-4
    assert short.least < 1e-10


@given(cutoff=st.integers(1, 12))
def test_a_polynomial_is_below_its_norm_between_the_points_of_its_grid(cutoff: int) -> None:
    """cos 2 pi K (theta - half a step): on the grid it stays below 1 by exactly Ehlich and Zeller's cosine."""
    statement = replace(
        stated(None),
        features=catalogue_spec("fourier"),
        inputs={"cutoff": (cutoff,), "filter": np.ones(2 * cutoff + 1, complex)},
        y=np.zeros(2 * cutoff + 1, complex),
    )
    count = 2 ** math.ceil(math.log2(32 * cutoff))
    p = np.zeros(2 * cutoff + 1, complex)
    p[[0, -1]] = 0.5 * np.exp(2j * np.pi * cutoff / (2 * count) * np.array([1, -1]))
    made: list[TrigonometricPolynomial] = []

    class Kept(TrigonometricPolynomial):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            made.append(self)

    with precision(96), patch.object(torus, "TrigonometricPolynomial", Kept):
        torus.torus_supremum(statement, exact(p), (1, -1), Budget(0))
        assert abs(made[0].jet([arb(1) / (2 * count)])[0] - 1) < 1e-14
        assert 1 - arb(1e-14) <= made[0].norm <= 1 + arb(1e-2)


@given(seed=seeds)
def test_sums_over_samples_hold_what_they_round(seed: int) -> None:
    """Features that are exact, of sums whose terms cancel: what float64 rounds of products and sums is in the radius."""
    random, n = np.random.default_rng(seed), 400
    statement = replace(stated((0.0, 1.0)), inputs={"x": random.uniform(0, 1, n)}, y=np.zeros(n))
    p = random.standard_normal(n) * 10.0 ** random.uniform(-8, 8, n)
    row = random.uniform(0, 1, (1, n))
    with precision(160):
        summed = SampleSum(statement, exact(p)).summed(Model({(0,): row}, np.zeros((1, 1)), 12), 0)
        exactly = inner(exact(p), exact(row))
        value, slack = (float(entry.ravel()[0]) for entry in (summed.coefficients[(0,)], summed.radius))
        assert abs(exactly - arb(value)) <= arb(slack)
        assert slack <= 1e-13 * float(np.abs(p) @ row[0])


@given(seed=seeds, degree=st.integers(2, 12))
def test_polynomials_hold_what_they_round(seed: int, degree: int) -> None:
    """Value and gradient at other centres, of coefficients that cancel."""
    random = np.random.default_rng(seed)
    c = (random.standard_normal(degree + 1) * 10.0 ** random.uniform(0, 12, degree + 1)).tolist()
    polynomial = Polynomial({(k,): entry for k, entry in enumerate(c)}, [arb(0)], [arb(1)], arb(0))
    place = float(np.round(random.uniform(-1, 1) * 2**20)) / 2**20
    with precision(160):
        value, (slope,), _ = polynomial.jet([arb(place)])
        exactly = sum((arb(entry) * arb(place) ** k for k, entry in enumerate(c)), arb(0))
        rate = sum((k * arb(entry) * arb(place) ** (k - 1) for k, entry in enumerate(c) if k), arb(0))
        assert abs(value - exactly) <= polynomial.slack
        assert slope.contains(rate)


def _one_atom_of_units(random: np.random.Generator) -> tuple[Statement, Array, Array]:
    """ReLU units of twelve inputs, and the best weight at one position."""
    x, y = random.standard_normal((40, 12)), random.standard_normal(40)
    theta = random.standard_normal(12)
    theta /= np.linalg.norm(theta)
    phi = np.maximum(x @ theta, 0)
    penalty = 0.5 * abs(float(phi @ y))
    weight = (phi @ y - math.copysign(penalty, float(phi @ y))) / (phi @ phi)
    relu: Any = catalogue_spec("relu")
    statement = Statement(relu, {"x": x}, {}, {}, None, catalogue_spec("squared"), y, penalty, Signed())
    return statement, np.array([weight]), theta[None]


def test_what_no_search_ends_is_not_proved_by_the_atoms() -> None:
    """|eta| is the penalty at the atom of every measure that is stationary in its weight."""
    proof = prove(*_one_atom_of_units(np.random.default_rng(0)))
    assert not proof.supremum.finished
    assert proof.gap > 0.1 * proof.objective
    assert proof.least > 0.01 * proof.objective  # |eta| is found to be larger elsewhere: a claim of less is refuted


def test_units_without_a_positive_part_to_gain_are_proved_at_once() -> None:
    """y < 0 and mu >= 0: -eta <= 0 everywhere, in as many dimensions as one likes."""
    statement, _, _ = _one_atom_of_units(np.random.default_rng(1))
    statement = replace(statement, y=-np.abs(statement.y), gauge=Signed(1.0, math.inf), penalty=0.0 + 1e-3)
    proof = prove(statement, np.zeros(0), np.zeros((0, 12)), boxes=1)
    assert proof.gap == 0
    assert proof.supremum.finished
    assert proof.boxes == 0


def test_without_a_penalty_a_positive_direction_makes_room() -> None:
    """Nonnegative least squares, minus the curvature of a bump beside it: one atom is optimal, as eta >= 0 on a fine grid."""
    x = np.linspace(-2, 2, 21)
    phi = np.exp(-(x**2) / 2)
    y = 2 * phi - 0.1 * x**2 * phi
    weight = float(phi @ y / (phi @ phi))
    statement = replace(stated((-1.0, 1.0)), inputs={"x": x}, y=y, penalty=0.0)
    theta = np.linspace(-1, 1, 20_001)[:, None]
    eta = np.exp(-((x - theta) ** 2) / 2) @ (weight * phi - y)
    assert eta.min() > -1e-12  # the one atom is optimal
    proof = prove(statement, np.array([weight]), np.zeros((1, 1)))
    assert proof.supremum.finished
    assert proof.gap <= 1e-12 * proof.objective
    low = prove(statement, np.array([0.9 * weight]), np.zeros((1, 1)))
    assert low.gap >= 0.5 * (0.1 * weight) ** 2 * float(phi @ phi) * (1 - 1e-9)
    signed = prove(replace(statement, gauge=Signed()), np.array([weight]), np.zeros((1, 1)))
    assert signed.gap >= proof.objective * (1 - 1e-12)  # of both signs nothing is feasible but 0: inf R is 0
