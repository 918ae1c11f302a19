"""What a loss asks of its data, sample weights, covariance and constants."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..base.arrays import Array, Field
from ..base.errors import ProblemError
from ..base.validation import array

_CLASSES_AT_MOST = 1000  # a label beyond is a number of another kind; one-hot rows are stored in full


def validate_data(description: Mapping[str, Any], data: Field) -> Field:
    """The data, as the loss that describes itself so takes them."""
    name = description["name"]
    if np.iscomplexobj(data) and data.ndim > 1:
        data = data.reshape(-1)
        data.setflags(write=False)
    if data.ndim not in (1, 2) or data.size == 0:
        raise ProblemError(
            f"data must have shape (n,), or (n, q) for q outputs, with n >= 1; got {data.shape}; give one row per sample"
        )
    if np.iscomplexobj(data) and not description["complex_values"]:
        raise ProblemError(f"the loss {name} is for real data; got complex data; use squared")
    targets = description["targets"]
    if targets == "class":
        return _one_hot(name, data)
    if targets == "sign" and len(wrong := data[np.abs(data) != 1.0]):
        raise ProblemError(
            f"data of the loss {name} must be -1 or 1; got {wrong[0]}; recode the two classes as -1 and 1"
        )
    if targets == "count" and len(wrong := data[data < 0]):
        raise ProblemError(
            f"data of the loss {name} must be counts >= 0; got {wrong[0]}; give the known background as an option instead "
            "of subtracting it"
        )
    return data


def _one_hot(name: str, data: Array) -> Array:
    """Rows with one 1 from labels, or rows checked."""
    if data.ndim == 1:
        wrong = data[(data != np.floor(data)) | (data < 0) | (data >= _CLASSES_AT_MOST)]
        if len(wrong) or data.max() == 0:
            raise ProblemError(
                f"labels of the loss {name} must be integers 0, 1, ..., q - 1 of two to {_CLASSES_AT_MOST} classes; got "
                f"{wrong[0] if len(wrong) else 'only zeros'}; recode the classes"
            )
        rows = np.zeros((len(data), int(data.max()) + 1))
        rows[np.arange(len(data)), data.astype(np.int64)] = 1.0
        rows.setflags(write=False)
        return rows
    one_hot = np.all((data == 0) | (data == 1), axis=1) & (data.sum(axis=1) == 1)
    if data.shape[1] < 2 or not one_hot.all():
        row = data[int(one_hot.argmin())]
        raise ProblemError(
            f"rows of the loss {name} must have one 1 and zeros, for two classes or more; got {row!s:.60}; give labels instead"
        )
    return data


def validate_weights(values: ArrayLike, n: int) -> Array:
    """n sample weights > 0."""
    weights = array("sample_weights", values)
    if weights.shape != (n,) or weights.min() <= 0:
        raise ProblemError(
            f"sample_weights must be {n} numbers > 0; got shape {weights.shape}, smallest {weights.min(initial=np.inf)}; "
            "leave out samples of weight 0"
        )
    return weights


def validate_cholesky(values: ArrayLike, y: Field) -> Field:
    """The Cholesky factor of the covariance of noise in y."""
    n = len(y)
    factor = array("cholesky", values, allow_complex=np.iscomplexobj(y))
    if factor.shape != (n, n) or np.any(np.triu(factor, 1)) or not np.all(np.diag(factor).real > 0):
        raise ProblemError(
            f"cholesky must be a lower triangular ({n}, {n}) matrix with a positive diagonal; got shape {factor.shape}; "
            "use numpy.linalg.cholesky of the noise's covariance"
        )
    return factor.astype(y.dtype)


def validate_constants(description: Mapping[str, Any], given: Mapping[str, Any], n: int) -> dict[str, Array]:
    """The constants, each a number or one for each of n samples."""
    name, known = description["name"], {item["name"]: item for item in description["constants"]}
    unknown, missing = sorted(set(given) - set(known)), sorted(set(known) - set(given))
    if unknown or missing:
        what = f"there is no option {unknown[0]!r}" if unknown else f"{missing[0]!r} is missing"
        takes = ", ".join(known) or "no constants"
        raise ProblemError(f"the loss {name} takes {takes}; {what}; give exactly these")
    validated = {}
    for key, item in known.items():
        value = array(key, given[key])
        if value.shape not in ((), (n,)):
            raise ProblemError(
                f"{key} of the loss {name} is a number, or {n} of them; got shape {value.shape}; give either"
            )
        below = np.inf if item["below"] is None else item["below"]
        if (item["positive"] and value.min() <= 0) or value.max() >= below:
            low = "0" if item["positive"] else "-inf"
            bad = value.min() if item["positive"] and value.min() <= 0 else value.max()
            raise ProblemError(
                f"{key} of the loss {name} must lie between {low} and {below:g}; got {bad}; choose another"
            )
        validated[key] = value
    return validated
