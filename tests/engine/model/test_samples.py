"""Masked samples are left out, images are pixels, and quantities with units are refused."""

from typing import Any

import conicflow as cf
import numpy as np
import pytest

X = np.linspace(0.0, 1.0, 24)
Y = np.exp(-((X - 0.4) ** 2) / 0.02) + 0.01 * np.cos(40 * X)
HIDDEN = np.isin(np.arange(24), [3, 10, 17])
MASKED = "3 of 24 samples are masked, and left out"


def gaussian(x: Any) -> cf.FeatureMap:
    return cf.features.gaussian(x=x, sigma=0.1, theta=(0.0, 1.0))


def same(problem: cf.Problem, other: cf.Problem) -> None:
    """The same problem."""
    # bits: the same numbers, picked out of arrays
    np.testing.assert_array_equal(problem.loss.y, other.loss.y)
    np.testing.assert_array_equal(problem.loss.omega, other.loss.omega)  # bits: as above
    np.testing.assert_array_equal(problem.loss.parameters, other.loss.parameters)  # bits: as above
    assert problem.features.inputs.keys() == other.features.inputs.keys()
    for name, samples in problem.features.inputs.items():
        np.testing.assert_array_equal(samples, other.features.inputs[name])  # bits: as above
    measure = cf.Measure([0.7], np.full((1, problem.features.dimension), 0.3))
    assert problem.objective(measure) == other.objective(measure)


def hidden(values: Any, mask: Any = HIDDEN, fill: float = np.nan) -> Any:
    """Masked values, with something under the mask that nobody may look at."""
    return np.ma.MaskedArray(np.where(mask, fill, values), mask)


@pytest.mark.parametrize("where", ["data", "samples", "both"])
@pytest.mark.parametrize("average", [False, True])
def test_masked_samples_are_left_out_and_said(where: str, average: bool) -> None:
    x, y = X if where == "data" else hidden(X), Y if where == "samples" else hidden(Y)
    features, loss = gaussian(x), cf.losses.squared(y, average=average, sample_weights=1 + X)
    with pytest.warns(UserWarning, match=MASKED):
        problem = cf.Problem(features, loss, penalty=0.1)
    kept = ~HIDDEN
    expected = cf.losses.squared(Y[kept], average=average, sample_weights=1 + X[kept])
    same(problem, cf.Problem(gaussian(X[kept]), expected, penalty=0.1))
    assert problem.with_penalty(0.2).loss.y.shape == (21,)  # without another word


def test_masks_of_features_and_data_join() -> None:
    others = np.isin(np.arange(24), [10, 17])
    with pytest.warns(UserWarning, match=MASKED):
        problem = cf.Problem(
            gaussian(hidden(X, np.arange(24) == 3)), cf.losses.huber(hidden(Y, others), delta=1 + X), penalty=0.1
        )
    kept = ~HIDDEN
    same(problem, cf.Problem(gaussian(X[kept]), cf.losses.huber(Y[kept], delta=1 + X[kept]), penalty=0.1))


def test_rows_of_a_table_with_a_masked_entry_are_left_out() -> None:
    rows = np.random.RandomState(0).standard_normal((24, 2))
    mask = np.zeros((24, 2), dtype=bool)
    mask[[3, 10], [0, 1]] = mask[17] = True
    labels = np.arange(24) % 3
    with pytest.warns(UserWarning, match=MASKED):
        problem = cf.Problem(
            cf.features.relu(x=hidden(rows, mask)), cf.losses.multinomial_logistic(labels), penalty=0.1
        )
    with pytest.warns(UserWarning, match=MASKED):
        other = cf.Problem(
            cf.features.relu(x=rows), cf.losses.multinomial_logistic(hidden(labels, HIDDEN, 99.0)), penalty=0.1
        )
    expected = cf.Problem(
        cf.features.relu(x=rows[~HIDDEN]), cf.losses.multinomial_logistic(labels[~HIDDEN]), penalty=0.1
    )
    for found in (problem, other):
        np.testing.assert_array_equal(found.loss.y, expected.loss.y)  # bits: rows are taken
        np.testing.assert_array_equal(found.features.inputs["x"], rows[~HIDDEN])


def test_an_image_is_its_pixels() -> None:
    x1, x2 = np.meshgrid(np.linspace(0, 1, 5), np.linspace(0, 1, 6), indexing="ij")
    image = np.exp(-((x1 - 0.3) ** 2 + (x2 - 0.6) ** 2) / 0.08)
    arguments = {"sigma1": 0.2, "theta1": (0.0, 1.0), "theta2": (0.0, 1.0)}
    flat = cf.features.gaussian_2d(x1=x1.ravel(), x2=x2.ravel(), **arguments)
    expected = cf.Problem(flat, cf.losses.squared(image.ravel(), average=True), penalty=0.1)
    for features in (flat, cf.features.gaussian_2d(x1=x1, x2=x2, **arguments)):
        same(cf.Problem(features, cf.losses.squared(image, average=True), penalty=0.1), expected)
    mask = image < 0.1
    with pytest.warns(UserWarning, match="of 30 samples are masked"):
        problem = cf.Problem(features, cf.losses.squared(hidden(image, mask)), penalty=0.1)
    kept = ~mask.ravel()
    same(
        problem,
        cf.Problem(
            cf.features.gaussian_2d(x1=x1.ravel()[kept], x2=x2.ravel()[kept], **arguments),
            cf.losses.squared(image.ravel()[kept]),
            penalty=0.1,
        ),
    )
    weighted = cf.losses.squared(image, sample_weights=np.ones(5))
    with pytest.raises(cf.ProblemError, match="got sample_weights for its rows"):
        cf.Problem(features, weighted, penalty=0.1)
    with pytest.raises(cf.ProblemError, match="must agree: gaussian_2d gives 30 numbers; the data have 25"):
        cf.Problem(features, cf.losses.squared(image[:, :5]), penalty=0.1)


def test_masks_that_cannot_be_followed_are_refused() -> None:
    covered = np.ma.MaskedArray(Y, True)
    for make in (lambda: gaussian(covered), lambda: cf.losses.squared(covered)):
        with pytest.raises(cf.ProblemError, match="must have an entry that is not masked; got 24 masked ones"):
            make()
    weights = hidden(1 + X, fill=1.0)
    for name in ("sample_weights", "delta"):
        with pytest.raises(cf.ProblemError, match=f"{name} must have no masked entries; got 3"):
            cf.losses.huber(Y, **({"delta": 1.0} | {name: weights}))
    with pytest.raises(cf.ProblemError, match="masked samples are left out where samples are independent; got coeff"):
        cf.Problem(
            cf.features.fourier(cutoff=1),
            cf.losses.squared(np.ma.MaskedArray([1j, 2, 3], [True, False, False])),
            penalty=0.1,
        )
    with pytest.raises(cf.ProblemError, match="got a covariance"):
        cf.Problem(gaussian(X), cf.losses.squared(hidden(Y), cholesky=np.eye(24)), penalty=0.1)
    with pytest.raises(cf.ProblemError, match="must agree"):
        cf.Problem(gaussian(X[:20]), cf.losses.squared(hidden(Y)), penalty=0.1)
    opposite = np.ma.MaskedArray(Y, ~HIDDEN)
    with pytest.raises(cf.ProblemError, match="got 24 masked ones; check the masks"):
        cf.Problem(gaussian(hidden(X)), cf.losses.squared(opposite), penalty=0.1)
    with pytest.raises(cf.ProblemError, match="must have no masked entries"):
        gaussian(X).with_inputs(x=hidden(X))


def test_a_mask_that_masks_nothing_is_no_mask() -> None:
    problem = cf.Problem(gaussian(np.ma.MaskedArray(X)), cf.losses.squared(np.ma.MaskedArray(Y)), penalty=0.1)
    same(problem, cf.Problem(gaussian(X), cf.losses.squared(Y), penalty=0.1))


class Quantity(np.ndarray):
    """As astropy's: an array with a unit."""

    unit = "Jy"


class Measured:
    """As pint's: a magnitude and its units."""

    units = "metre"

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return X


def test_quantities_with_units_are_refused() -> None:
    for make, unit in (
        (lambda: gaussian(Measured()), "metre"),
        (lambda: cf.losses.squared(Y.view(Quantity)), "Jy"),
        (lambda: cf.losses.squared(Y, sample_weights=(1 + X).view(Quantity)), "Jy"),
        (lambda: cf.Measure(Y.view(Quantity), X[:, None]), "Jy"),
    ):
        with pytest.raises(cf.ProblemError, match=f"got a quantity in {unit}; give its values alone"):
            make()
