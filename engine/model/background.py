"""Backgrounds: the unpenalised linear part Bc of J(mu, c) = R(int phi dmu + Bc) + penalty·|mu| (docs/theory.md §4).

Each gives the columns of B for the samples of a feature map; the coefficients c are free real numbers, q of them for each
column where the data have q outputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike

from ..base.arrays import Array, Field
from ..base.errors import ProblemError
from ..base.validation import array, integer
from ..space.feature_map import FeatureMap

_MOST_COLUMNS = 10_000  # each is an array as long as the data


class Background(Protocol):
    """What the data may contain besides the features, at no price."""

    def columns(self, features: FeatureMap) -> Field:
        """B, shape (size, p), p >= 1."""

    def to_dict(self) -> dict[str, Any]:
        """What it is, in words and numbers."""


@dataclass(frozen=True)
class Polynomial:
    """All monomials of total degree <= `degree` in coordinates that run from -1 to 1 over the samples, lowest degree first.

    Coefficients on the torus have the constant alone, that of frequency zero.
    """

    degree: int

    def __post_init__(self) -> None:
        integer("the degree of a background", self.degree, 0, 20, "choose a small one")

    def columns(self, features: FeatureMap) -> Field:
        if features.complex:
            if self.degree > 0:
                raise ProblemError(
                    f"on the torus a polynomial is no background of few coefficients; got degree {self.degree}; use "
                    "background.constant() or background.columns"
                )
            return _at_frequency_zero(features)
        t = _coordinates(features)
        powers = [e for e in product(range(self.degree + 1), repeat=t.shape[1]) if sum(e) <= self.degree]
        _count(len(powers))
        ordered = sorted(powers, key=lambda e: (sum(e), [-a for a in e]))
        return np.stack([np.prod(t ** np.array(e), axis=1) for e in ordered], axis=1)

    def to_dict(self) -> dict[str, Any]:
        return {"name": "polynomial", "degree": self.degree}


@dataclass(frozen=True)
class Mesh:
    """Continuous functions that are linear between nodes, along each axis, on `cells` equal cells over the samples.

    One column for each node: the product over axes of max(0, 1 - |s_a - node_a|), s_a from 0 to `cells`.
    """

    cells: int | tuple[int, ...]

    def __post_init__(self) -> None:
        for number in self.cells if isinstance(self.cells, tuple) else (self.cells,):
            integer("cells of a background", number, 1, _MOST_COLUMNS, "choose a few for each axis")

    def columns(self, features: FeatureMap) -> Field:
        if features.complex:
            raise ProblemError(
                f"a mesh is over samples, which {features.name} has none of; got coefficients; use background.constant()"
            )
        t = _coordinates(features)
        cells = self.cells if isinstance(self.cells, tuple) else (self.cells,) * t.shape[1]
        if len(cells) != t.shape[1]:
            raise ProblemError(
                f"a mesh has cells along each of the {t.shape[1]} axes of the samples; got {len(cells)}; give one for each"
            )
        _count(int(np.prod([number + 1.0 for number in cells])))
        place = (t + 1) / 2 * np.array(cells)
        nodes = product(*(range(number + 1) for number in cells))
        hats = [np.prod(np.maximum(0.0, 1.0 - np.abs(place - np.array(node))), axis=1) for node in nodes]
        return np.stack(hats, axis=1)

    def to_dict(self) -> dict[str, Any]:
        return {"name": "mesh", "cells": list(self.cells) if isinstance(self.cells, tuple) else self.cells}


@dataclass(frozen=True, eq=False)
class Columns:
    """Given columns, (size, p) or (size,), real, or complex on the torus; c is real."""

    values: Field

    def __post_init__(self) -> None:
        values = array("columns of a background", self.values, allow_complex=True)
        values = values[:, None] if values.ndim == 1 else values
        if values.ndim != 2 or values.size == 0:
            raise ProblemError(
                f"columns of a background need shape (n, p), p >= 1; got {values.shape}; give one row for each datum"
            )
        _count(values.shape[1])
        object.__setattr__(self, "values", values)

    def columns(self, features: FeatureMap) -> Field:
        if len(self.values) != features.size:
            raise ProblemError(
                f"columns of a background have one row for each of the {features.size} data that are not masked; got "
                f"{len(self.values)}; give as many"
            )
        if np.iscomplexobj(self.values) and not features.complex:
            raise ProblemError(
                f"{features.name} gives real numbers; got complex columns of a background; give real ones"
            )
        return self.values

    def to_dict(self) -> dict[str, Any]:
        return {"name": "columns"}


def constant() -> Polynomial:
    """One unknown number added to every datum, or to the coefficient of frequency zero: an offset, an intercept."""
    return Polynomial(0)


def polynomial(degree: int) -> Polynomial:
    """A polynomial of the samples' coordinates: see `Polynomial`."""
    return Polynomial(degree)


def mesh(cells: int | tuple[int, ...]) -> Mesh:
    """A piecewise linear function over the samples: see `Mesh`."""
    return Mesh(cells)


def columns(values: ArrayLike) -> Columns:
    """The span of given columns (n, p): see `Columns`."""
    return Columns(np.asarray(values))


def from_dict(table: Mapping[str, Any], values: Field | None = None) -> Background:
    """What `to_dict` said, with the columns that it does not hold.

    Raises
    ------
    ProblemError : an unknown name, or a number out of range.
    """
    name = table["name"]
    if name == "constant":
        return constant()
    if name == "polynomial":
        return Polynomial(table["degree"])
    if name == "mesh":
        cells = table["cells"]
        return Mesh(tuple(cells) if isinstance(cells, list) else cells)
    if name == "columns" and values is not None:
        return Columns(values)
    raise ProblemError(f"a background is constant, polynomial, mesh or columns; got {name!r:.60}; choose one of these")


def directions(background: Background, features: FeatureMap, y: Field) -> Field:
    """What one unit of each coefficient adds to a point of F, (p, *y.shape), or (p·q, n, q), outputs of a column in turn."""
    b = np.asarray(background.columns(features), dtype=y.dtype)
    if y.ndim == 1:
        return np.ascontiguousarray(b.T)
    q = y.shape[1]
    return np.ascontiguousarray((b.T[:, None, :, None] * np.eye(q)[None, :, None, :]).reshape(-1, len(y), q))


def _coordinates(features: FeatureMap) -> Array:
    """The samples' coordinates from -1 to 1, (size, a); an axis along which they do not vary is 0."""
    x = np.column_stack([samples.reshape(features.size, -1) for samples in features.inputs.values()])
    low, high = x.min(axis=0), x.max(axis=0)
    half = (high - low) / 2
    return np.asarray(np.where(half > 0, (x - (low + half)) / np.where(half > 0, half, 1.0), 0.0))


def _at_frequency_zero(features: FeatureMap) -> Field:
    """The unit coefficient of frequency zero, the middle one in C order."""
    b = np.zeros((features.size, 1), dtype=np.complex128)
    b[features.size // 2] = 1.0
    return b


def _count(number: int) -> None:
    if number > _MOST_COLUMNS:
        raise ProblemError(f"a background has at most {_MOST_COLUMNS} columns; got {number}; choose fewer")
