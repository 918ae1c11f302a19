"""The samples that features and data share: an image as its pixels, masked samples left out of both."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np

from ..base.errors import ProblemError
from ..base.masks import Mask
from ..space.feature_map import FeatureMap
from .losses import Loss


def of_same_samples(features: FeatureMap, loss: Loss) -> tuple[FeatureMap, Loss]:
    """The features and the loss of the samples that have both.

    Data (h, w) of pointwise features are the pixels of an image, in C order, not w outputs. A sample with a masked entry, in
    the features or in the data, is left out of both, which a warning says.

    Raises
    ------
    ProblemError : masks where no sample can be left out: of coefficients on the torus, or of data with a covariance; sample
        weights or constants of an image that are not one for each pixel.
    """
    if features.takes_images and loss.y.ndim == 2 and not loss.takes_classes:
        loss = _pixels(loss)
    missing = _either(features.missing, _rows(loss))
    if missing is None:
        return features, loss
    if features.complex or loss.cholesky is not None:
        what = "a covariance (cholesky)" if loss.cholesky is not None else "coefficients"
        raise ProblemError(
            f"masked samples are left out where samples are independent; got {what}; fill the masked entries"
        )
    if len(missing) != features.size or len(missing) != len(loss.y):
        return features, loss  # which the problem refuses
    kept = ~missing
    if not kept.any():
        raise ProblemError(
            f"a problem needs a sample that is not masked; got {len(missing)} masked ones; check the masks"
        )
    warnings.warn(f"{missing.sum()} of {len(missing)} samples are masked, and left out", UserWarning, stacklevel=4)
    constants = {name: value[kept] if value.ndim else value for name, value in loss.constants.items()}
    weights = None if loss.sample_weights is None else loss.sample_weights[kept]
    inputs = {name: samples[kept] for name, samples in features.inputs.items()}
    return features.with_inputs(**inputs), replace(loss, y=loss.y[kept], sample_weights=weights, constants=constants)


def _pixels(loss: Loss) -> Loss:
    """The loss of an image, of its pixels."""
    rows = [name for name, value in loss.constants.items() if value.ndim] + ["sample_weights"] * (
        loss.sample_weights is not None
    )
    if rows or loss.cholesky is not None:
        raise ProblemError(
            f"data of shape {loss.shape} are an image for pointwise features, one sample for each pixel; got "
            f"{(rows or ['cholesky'])[0]} for its rows; flatten the image, and give one for each pixel"
        )
    y = loss.y.reshape(-1)
    return replace(loss, y=y if loss.missing is None else np.ma.MaskedArray(y, loss.missing.reshape(-1)))


def _rows(loss: Loss) -> Mask | None:
    """Which rows of the data have a masked entry."""
    if loss.missing is None:
        return None
    missing = loss.missing.reshape(-1) if np.iscomplexobj(loss.y) else loss.missing
    return np.asarray(missing.any(axis=1) if missing.ndim == 2 else missing)


def _either(first: Mask | None, second: Mask | None) -> Mask | None:
    if first is None or second is None:
        return second if first is None else first
    return first | second if first.shape == second.shape else first
