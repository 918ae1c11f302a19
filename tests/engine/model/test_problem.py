"""Problems: the objective, the penalty that gives zero, and every kind of bad input, refused by rule, value and remedy."""

import math
from typing import Any

import conicflow as cf
import numpy as np
import pytest
from by_hand import NAMES, example, random_field, random_positions
from conicflow.engine.base.errors import ProblemError
from conicflow.engine.kernels.loading import kernel_names
from conicflow.engine.model import gap
from conicflow.engine.model import problem as problem_module
from problems import bumps, network, spikes, tones

FEATURES = cf.features.fourier(cutoff=2)
LOSS = cf.losses.squared(np.arange(5.0))
GAUSSIAN = cf.features.gaussian(x=np.ones(5), sigma=1.0, theta=(0, 1))
RELU, SIGNED = cf.features.relu(x=np.ones((5, 2))), cf.features.relu_signed_square(x=np.ones((5, 2)))


@pytest.mark.parametrize("average", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_objective(name: str, average: bool) -> None:
    """J = omega·½ sum |f - y|² + penalty·sum |w|, by its formula."""
    hand = example(name)
    generator = np.random.default_rng(1)
    y, weights = random_field(hand.features, generator), generator.standard_normal(7)
    positions = random_positions(hand.features, 7, generator)
    problem = cf.Problem(hand.features, cf.losses.squared(y, average=average), 0.3)
    omega = 1 / len(y) if average else 1.0
    expected = omega * (np.abs(weights @ hand.dense(positions)[0] - y) ** 2).sum() / 2 + 0.3 * np.abs(weights).sum()
    # a few hundred terms, each right to 1e-13 (arguments up to 2 pi·40)
    assert problem.objective(cf.Measure(weights, positions)) == pytest.approx(expected, rel=1e-12)
    # the zero measure: nothing but ½ sum |y|², added up in two orders
    assert problem.objective(cf.Measure.zero(hand.features.dimension)) == pytest.approx(
        omega * (np.abs(y) ** 2).sum() / 2, rel=1e-14
    )


@pytest.mark.parametrize(
    "make", [lambda: spikes(10), bumps, tones, network], ids=["spikes", "bumps", "tones", "network"]
)
def test_penalty_max_is_where_solutions_become_zero(make: Any) -> None:
    """Above it the zero measure is optimal, just below it is not (docs/theory.md §3: |eta| <= penalty)."""
    problem, _ = make()
    largest = problem.penalty_max()
    above = cf.Problem(problem.features, problem.loss, largest * (1 + 1e-9))
    zero = cf.Measure.zero(problem.features.dimension)
    assert cf.duality_gap(above, zero).gap == 0
    below = cf.Problem(problem.features, problem.loss, largest * (1 - 1e-3))
    assert cf.solve(below, relative_gap=1e-7).objective < below.objective(zero)  # the gap at zero is about 1e-6·J


def test_the_supremum_at_zero_is_searched_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The largest penalty, a problem at a part of it and the gap of its zero measure rest on one search."""
    problem, searches, true = bumps()[0], [], gap.supremum
    for module in (problem_module, gap):
        monkeypatch.setattr(module, "supremum", lambda *args: (searches.append(args), true(*args))[1])
    largest = problem.penalty_max()
    half = problem.with_penalty(largest / 2)
    assert (half.penalty, half.sign, half.features, half.loss) == (
        largest / 2,
        problem.sign,
        problem.features,
        problem.loss,
    )
    # bits: one search, kept
    assert half.penalty_max() == gap.duality_gap(half, half.zero).supremum.value == largest
    assert len(searches) == 1
    assert problem.penalty != half.penalty
    with pytest.raises(ProblemError, match="penalty"):
        problem.with_penalty(-1.0)


def test_real_data_are_coefficients_too() -> None:
    problem = cf.Problem(FEATURES, LOSS, 0.1)
    assert problem.loss.y.dtype == np.complex128
    assert problem.loss.y.tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("arguments", "value"),
    [
        ((FEATURES, LOSS, -0.1), "-0.1"),
        ((FEATURES, LOSS, math.nan), "nan"),
        ((FEATURES, LOSS, math.inf), "inf"),
        ((FEATURES, LOSS, 10**400), "inf"),
        ((FEATURES, LOSS, True), "True"),
        ((FEATURES, LOSS, "0.1"), "'0.1'"),
        ((FEATURES, LOSS, None), "None"),
        ((FEATURES, LOSS, np.array([0.1])), "array"),
        ((FEATURES, LOSS, 0.1, "positive"), "'positive'"),
        ((FEATURES, LOSS, 0.1, None), "None"),
        ((FEATURES, LOSS, 0.1, []), r"\[\]"),
        (("fourier", LOSS, 0.1), "str"),
        ((FEATURES, np.arange(5.0), 0.1), "ndarray"),
        ((FEATURES, cf.losses.squared(np.ones(4)), 0.1), "5 numbers; the data have 4"),
        ((FEATURES, cf.losses.logistic(np.ones(5)), 0.1), "logistic"),
        ((GAUSSIAN, cf.losses.squared(np.ones(5) * 1j), 0.1), "complex"),
        (
            (GAUSSIAN, cf.losses.squared(np.ones((5, 2))), 0.1),
            "gaussian gives 5 numbers; the data have 10; give one datum for each",
        ),
        ((FEATURES, cf.losses.squared(np.ones((5, 2))), 0.1), "ridge units .* got fourier"),
        ((GAUSSIAN, cf.losses.multinomial_logistic([0, 1, 0, 1, 2]), 0.1), "ridge units"),
        ((RELU, cf.losses.squared(np.ones((5, 2))), 0.1, "nonnegative"), r"exactly where .* \(n, 2\)"),
        ((RELU, cf.losses.squared(np.ones(5)), 0.1, "vector"), r"exactly where .* \(n,\)"),
        ((RELU, cf.losses.squared(np.ones((4, 2))), 0.1), "5 numbers; the data have 4"),
        ((SIGNED, cf.losses.squared(np.ones((5, 2))), 0.1), "output sign is free; got relu_signed_square"),
        ((FEATURES, cf.losses.huber(np.ones(5), delta=1.0), 0.1), "got huber; choose one of squared"),
    ],
)
def test_bad_problems(arguments: tuple[Any, ...], value: str) -> None:
    with pytest.raises(ProblemError, match=value) as caught:
        cf.Problem(*arguments)
    assert str(caught.value).count(";") >= 2  # rule; value; remedy


@pytest.mark.parametrize(
    ("data", "value"),
    [
        ([], r"\(0,\)"),
        (3.0, r"\(\)"),
        (np.ones((2, 2, 2)), r"\(2, 2, 2\)"),
        (np.ones((2, 0)), r"\(2, 0\)"),
        ([1.0, math.nan], "nan"),
        ([1.0, -math.inf], "-inf"),
        ([complex(0, math.inf)], "inf"),
        (["a", "b"], "U1"),
        (["1.0"], "U3"),
        (np.array([None]), "object"),
        (np.array([1.0, 2.0], dtype=object), "object"),
        ([[1.0], [2.0, 3.0]], "lengths"),
        (np.array(["2020-01-01"], dtype="datetime64[D]"), "datetime64"),
    ],
)
@pytest.mark.parametrize("name", ["squared", "logistic"])
def test_bad_data(name: str, data: Any, value: str) -> None:
    with pytest.raises(ProblemError, match=value) as caught:
        getattr(cf.losses, name)(data)
    assert str(caught.value).count(";") >= 2


@pytest.mark.parametrize(
    ("labels", "value"), [([0.0, 1.0], "0.0"), ([1.0, 2.0], "2.0"), ([0.5], "0.5"), ([1j], "complex")]
)
def test_labels_are_signs(labels: list[float], value: str) -> None:
    with pytest.raises(ProblemError, match=value):
        cf.losses.logistic(labels)


@pytest.mark.parametrize("average", ["no", math.nan, None, 2])
def test_average_is_a_bool(average: Any) -> None:
    with pytest.raises(ProblemError, match="True or False"):
        cf.losses.squared([1.0], average=average)


def test_unknown_losses() -> None:
    assert cf.losses.names() == list(kernel_names("loss"))
    with pytest.raises(AttributeError, match="no loss 'hubber'"):
        cf.losses.hubber([1.0])
    with pytest.raises(ProblemError, match=r"got 'squarred'; did you mean squared\?"):
        cf.Loss("squarred", np.ones(2))


def test_several_columns_of_data_make_weights_vectors() -> None:
    problem = cf.Problem(RELU, cf.losses.squared(np.ones((5, 3))), 0.1)
    assert (problem.sign, problem.outputs, problem.zero.weights.shape) == ("vector", 3, (0, 3))
    assert cf.Problem(RELU, problem.loss, 0.1, "vector").sign == "vector"
    assert cf.Problem(RELU, cf.losses.multinomial_logistic([0, 1, 2, 1, 0]), 0.1).outputs == 3
    measure = cf.Measure([[1.0, 0.0, 2.0]], [[0.6, 0.8]])
    # f = 1.4·(1, 0, 2) in each row; |mu| = sqrt(5)
    assert problem.objective(measure) == pytest.approx(5 * (0.4**2 + 1 + 1.8**2) / 2 + 0.1 * 5**0.5, rel=1e-14)
    for wrong in (cf.Measure([1.0], [[0.6, 0.8]]), cf.Measure([[1.0, 2.0]], [[0.6, 0.8]])):
        with pytest.raises(ProblemError, match=r"weights of this problem need shape \(k, 3\)"):
            problem.objective(wrong)
    with pytest.raises(ProblemError, match=r"need shape \(k,\)"):
        cf.Problem(RELU, cf.losses.squared(np.ones(5)), 0.1).objective(measure)


@pytest.mark.parametrize(
    ("measure", "value"),
    [
        (cf.Measure([1.0], [[0.1, 0.2]]), "1 coordinates; got 2"),
        (cf.Measure([1.0], [[1.5]]), "domain"),
        (cf.Measure([1.0, -1e-300], [[0.1], [0.2]]), "-1e-300"),
    ],
)
def test_measures_of_other_problems(measure: cf.Measure, value: str) -> None:
    problem = cf.Problem(FEATURES, LOSS, 0.1, "nonnegative")
    for call in (
        problem.objective,
        problem.forward,
        lambda m: cf.duality_gap(problem, m),
        lambda m: cf.polish(problem, m),
    ):
        with pytest.raises(ProblemError, match=value):
            call(measure)


@pytest.mark.parametrize("size", [1e200, 1e155])
def test_data_too_large_to_square_are_refused(size: float) -> None:
    """J(0) overflows: no number of the result would mean anything."""
    with pytest.raises(ProblemError, match="rescale"):
        cf.Problem(FEATURES, cf.losses.squared(np.full(5, size)), 1.0)
