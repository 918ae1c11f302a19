"""kappa > 0 on Theta is enclosed for the intervals and constants that a map is given."""

import numpy as np
import pytest
from conicflow.derive.emit.weight import penalty_weight_tree
from conicflow.derive.read.spec import FeatureSpec, read_spec
from conicflow.engine.base.errors import ProblemError
from conicflow.engine.space.domain.box import Box
from conicflow.engine.space.domain.domain import Axis
from conicflow.engine.space.positive import check_penalty_weight, enclose
from flint import arb

SPEC = """
name = "weighted"
phi = "exp(-(x - a)**2 - b**2)/c"
penalty_weight = "{weight}"
parameters = {{ a = "interval", b = "interval" }}
inputs = {{ x = "location" }}
constants = {{ c = {{ positive = true }} }}
"""


def check(weight: str, a: tuple[float, float], b: tuple[float, float], c: float = 1.0) -> None:
    spec = read_spec(SPEC.format(weight=weight).encode())
    assert isinstance(spec, FeatureSpec)
    description = {"penalty_weight": weight, "penalty_weight_tree": penalty_weight_tree(spec)}
    check_penalty_weight(description, Box((Axis("a", *a), Axis("b", *b))), {"c": c})


@pytest.mark.parametrize(
    ("weight", "a", "b", "c"),
    [
        ("3 - a + b", (4.0, 5.0), (2.5, 3.0), 1.0),
        ("(a - b)**2 + 1e-3*c", (-1.0, 1.0), (-1.0, 1.0), 1.0),
        ("c*exp(a*b) - a*b*c", (-3.0, 3.0), (-3.0, 3.0), 2.0),
        ("1 + sin(a)*cos(b)/(1 + c)", (0.0, 100.0), (0.0, 1.0), 0.1),
        ("max(a, b) + abs(a) + erf(a)**3 + sqrt(c + b**2) + 2 - tanh(a)/(2 + sign(b))", (-1.0, 1.0), (-1.0, 1.0), 1.0),
        ("a**(3/2) + b**(-2) + pi*c", (0.5, 2.0), (1.0, 2.0), 1.0),
        ("softplus(a) + sigmoid(b) + c", (-5.0, 5.0), (-5.0, 5.0), 1.0),
    ],
)
def test_positive_ones_pass(weight: str, a: tuple[float, float], b: tuple[float, float], c: float) -> None:
    check(weight, a, b, c)


@pytest.mark.parametrize(
    ("weight", "a", "b"),
    [
        ("3 - a", (4.0, 5.0), (0.0, 1.0)),  # below zero everywhere, though not near a = 0
        ("3 - a", (0.0, 3.0), (0.0, 1.0)),  # zero at an end alone
        ("(a - 1/3)**2 + b", (0.0, 1.0), (-1e-9, 1.0)),  # a narrow dip
        ("1 - 1.0001*exp(-100*(a - 0.7)**2) + b", (0.0, 1.0), (0.0, 1.0)),  # a dip between a coarse grid's points
    ],
)
def test_others_are_refused_with_a_position(weight: str, a: tuple[float, float], b: tuple[float, float]) -> None:
    with pytest.raises(
        ProblemError, match=r"must be positive on Theta; it is not at a = .*, b = .*; narrow the intervals"
    ):
        check(weight, a, b)


def test_what_touches_zero_between_is_not_proved() -> None:
    with pytest.raises(ProblemError, match=r"could not be proved at a = 0\.3333"):
        check("(a - 1/3)**2 + 0*b + c*0 + (b - b)", (0.0, 1.0), (0.0, 1.0))


def test_enclosures_contain_the_values() -> None:
    """Of random formulas at random points of random boxes; a whole power of a ball around zero is the case that products lose."""
    random = np.random.default_rng(0)
    weights = ["a**2 - a*b", "(a*b)**3", "abs(a)**(1/2) + b**4", "exp(a)/(2 + b**2)", "min(a, b)*sign(a)", "1/(3 + a)"]
    for weight in weights:
        spec = read_spec(SPEC.format(weight=f"{weight} + c").encode())
        assert isinstance(spec, FeatureSpec)
        tree = penalty_weight_tree(spec)
        for _ in range(50):
            low = random.uniform(-2, 1, 2)
            high = low + random.uniform(0, 1, 2)
            inside = low + (high - low) * random.random(2)
            balls = [arb(p).union(arb(q)) for p, q in zip(low.tolist(), high.tolist(), strict=True)]
            value = enclose(tree, [arb(p) for p in inside.tolist()], [arb(1)])
            assert enclose(tree, balls, [arb(1)]).overlaps(value)
            assert value.rad() < 1e-12
    square = enclose(["power", ["parameter", 0], ["rational", 2, 1]], [arb(0, 1)], [])
    assert square >= -1e-8  # radii have 30 bits
