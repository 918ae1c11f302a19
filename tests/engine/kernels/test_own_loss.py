"""A user's own loss: the same numbers as a built-in one of the same formula, and every refusal."""

from pathlib import Path

import conicflow as cf
import mpmath
import numpy as np
import pytest
from conicflow.engine.base.errors import ProblemError, SpecError
from conicflow.engine.model.losses import LossFactory

SQUARE = """
name = "bump_square"
value = "(f - y)**2/2"
conjugate = "p**2/2 + p*y"
"""
PSEUDO_HUBER = """
name = "bump_huber"
value = "delta*sqrt(delta**2 + (f - y)**2) - delta**2"
conjugate = "p*y + delta**2 - delta*sqrt(delta**2 - p**2)"
conjugate_domain = ["delta - p", "delta + p"]
constants = { delta = { positive = true } }
"""
X = np.linspace(0.0, 1.0, 60)
Y = np.exp(-((X - 0.3) ** 2) / 0.005) - 0.6 * np.exp(-((X - 0.7) ** 2) / 0.005) + 0.01 * np.sin(40 * X)


@pytest.fixture(scope="module")
def files(shared_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("losses")
    written = {}
    for name, text in (("square", SQUARE), ("huber", PSEUDO_HUBER)):
        written[name] = folder / f"{name}.toml"
        written[name].write_text(text, encoding="utf-8")
    return written


@pytest.fixture(scope="module")
def square(files: dict[str, Path]) -> LossFactory:
    return cf.compile_loss(files["square"])


def problem(loss: cf.Loss) -> cf.Problem:
    """One with the built-in feature map as it is: no loss is compiled into it."""
    return cf.Problem(cf.features.gaussian(x=X, theta=(0.0, 1.0), sigma=0.05), loss, penalty=0.2)


def test_the_same_solution_as_with_the_built_in_loss_of_the_formula(square: LossFactory) -> None:
    own = cf.solve(problem(square(Y)))
    built_in = cf.solve(problem(cf.losses.squared(Y)))
    assert own.status == built_in.status == "converged"
    # both are within 1e-9 of the minimum, where the objective is flat to the square of that
    np.testing.assert_allclose(own.measure.positions, built_in.measure.positions, atol=1e-6)
    np.testing.assert_allclose(own.objective, built_in.objective, rtol=2e-9)


def test_another_loss_with_the_same_kernel(files: dict[str, Path]) -> None:
    loss = cf.compile_loss(files["huber"])
    result = cf.solve(problem(loss(Y, delta=0.3)))
    assert result.status == "converged"
    f = problem(loss(Y, delta=0.3)).forward(result.measure)
    with mpmath.workdps(50):
        delta = mpmath.mpf(0.3)
        exact = sum(
            delta * mpmath.sqrt(delta**2 + (mpmath.mpf(a) - mpmath.mpf(b)) ** 2) - delta**2
            for a, b in zip(f.tolist(), Y.tolist(), strict=True)
        )
    # the value is a difference of numbers near delta^2, 60 of them: 60 * 0.09 * 2^-53 = 6e-16
    assert loss(Y, delta=0.3).value(f) == pytest.approx(float(exact), abs=1e-15)


def test_it_describes_itself(square: LossFactory) -> None:
    assert (square.name, square.__name__) == ("bump_square", "bump_square")
    assert "Constants: none" in str(square.__doc__)
    with pytest.raises(ProblemError, match="bump_square takes no constants; there is no option 'delta'"):
        square(Y, delta=1.0)


def test_every_kind_of_feature_map_follows_it(square: LossFactory) -> None:
    """R and its slopes in a flow, of one and of several outputs, as those of the built-in loss of the formula."""
    random = np.random.default_rng(0)
    relu = cf.features.relu(x=random.standard_normal((50, 3)))
    cases = [
        (cf.features.gaussian(x=X, theta=(0.0, 1.0), sigma=0.05), Y, 1),
        (relu, random.standard_normal(50), 1),
        (relu, random.standard_normal((50, 2)), 2),
    ]
    for features, y, q in cases:
        positions = features.domain.project(random.uniform(0.1, 0.9, (7, features.dimension)))
        u = np.ascontiguousarray(np.column_stack([random.standard_normal((7, q)), positions]))
        own, built_in = (
            cf.Problem(features, loss(y), 0.1).value_and_gradient(u) for loss in (square, cf.losses.squared)
        )
        # The same formula; a wheel's was compiled elsewhere: sums of 50 samples, fused or not, of terms as large as the sums.
        assert own[0] == pytest.approx(built_in[0], rel=1e-12)
        np.testing.assert_allclose(own[1], built_in[1], rtol=0, atol=1e-12 * np.abs(built_in[1]).max())


def test_complex_features_need_a_loss_that_says_so(square: LossFactory) -> None:
    with pytest.raises(ProblemError, match=r"fourier gives complex numbers, .* got bump_square; choose one of squared"):
        cf.Problem(cf.features.fourier(cutoff=3), square(np.ones(7)), penalty=0.1)


def test_two_losses_of_one_name_are_told_apart(square: LossFactory, files: dict[str, Path]) -> None:
    """Each brings its own function: nothing is looked up by name."""
    steep = files["square"].with_name("steep.toml")
    steep.write_text(SQUARE.replace("(f - y)**2/2", "2*(f - y)**2/2").replace("p**2/2 +", "p**2/4 +"))
    u = np.array([[1.0, 0.3], [-0.5, 0.7]])
    first, second = (problem(loss(Y)).value_and_gradient(u) for loss in (square, cf.compile_loss(steep)))
    assert second[0] == 2 * first[0]  # bits: a factor of two goes through every operation exactly
    np.testing.assert_array_equal(second[1], 2 * first[1])


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (SQUARE.replace("bump_square", "huber"), "are built in, found 'huber': rename it"),
        (SQUARE.replace("p**2/2", "p**2/3"), "this fails at"),
        (SQUARE.replace("(f - y)**2/2", "(f - y)**2*z"), "z"),
        (SQUARE.replace("(f - y)**2/2", "-(f - y)**2/2").replace("p**2/2", "-p**2/2"), "convex"),
        (PSEUDO_HUBER.replace("delta", "cholesky"), "cholesky"),
        (
            'name = "bump"\nphi = "theta*x"\nparameters = { theta = "interval" }\ninputs = { x = "x" }',
            "use compile_spec",
        ),
    ],
)
def test_losses_that_are_refused(shared_cache: Path, tmp_path: Path, text: str, rule: str) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SpecError, match=rule):
        cf.compile_loss(path)


@pytest.mark.parametrize("name", ["square", "huber"])
def test_it_is_certified_from_its_own_spec(files: dict[str, Path], name: str) -> None:
    loss = cf.compile_loss(files[name])
    given = problem(loss(Y) if name == "square" else loss(Y, delta=0.3))
    proof = cf.certify(given, cf.solve(given).measure)
    assert proof.finished
    assert proof.relative_gap <= 2e-9  # solved to 1e-9; the proof is within a factor 2


def test_its_penalty_is_chosen_by_cross_validation(square: LossFactory) -> None:
    own, built_in = problem(square(Y)), problem(cf.losses.squared(Y))
    first, second = (cf.choice.cross_validation(cf.path(given, count=4), folds=3).scores for given in (own, built_in))
    np.testing.assert_allclose(first, second, rtol=1e-6)  # solutions differ by the root of their gaps, 1e-9
