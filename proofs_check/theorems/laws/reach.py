"""Features that reach few samples: what passes the others by is as near to what visits all as is said."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from conicflow.engine.base.arrays import Array
from conicflow.engine.space import catalogue
from conicflow.engine.space.arguments import pack
from conicflow.engine.space.feature_map import FeatureMap

from ..check import Check, Draw, Inapplicable

_ROUNDING = 64 * np.finfo(np.float64).eps  # of one term: sums are made in other orders
_SIDE, _LINE, _VOLUME = 34, 1500, 11  # samples on an axis of a frame, of a line, and of a volume
SUBJECTS = ("gaussian", "gaussian_width", "gaussian_2d", "gaussian_2d_width", "pixel_gaussian", "gaussian_3d")


def _features(draw: Draw, name: str) -> FeatureMap:
    """A map with bumps that are narrow beside the samples' extent: on a frame, a line in any order, or in a volume."""
    factory, random = getattr(catalogue, name), draw.generator("samples")
    inputs = [item["name"] for item in factory.description["inputs"]]
    count = {1: _LINE, 2: _SIDE, 3: _VOLUME}[len(inputs)]
    step = draw.real("step", 0.5, 2.0) * 10.0 ** draw.integer("unit", -6, 6)
    lines = [step * np.arange(float(count))] * len(inputs)
    columns = [side.ravel() for side in np.meshgrid(*lines, indexing="ij")]
    kept = random.permutation(len(columns[0]))[: len(columns[0]) - draw.integer("missing", 0, 60)]
    width = step * draw.real("width", 0.4, 0.9) * (0.5 if len(inputs) == 3 else 1.0)
    given: dict[str, Any] = {key: column[kept] for key, column in zip(inputs, columns, strict=True)}
    for item in factory.description["constants"]:
        given[item["name"]] = step if item["name"] == "pixel" else width
    for item in factory.description["parameters"]:
        wide = item["domain"] == "positive interval"
        given[item["name"]] = (width / 2, width) if wide else (0.0, step * (count - 1))
    features: FeatureMap = factory(**given)
    if not features.local:
        raise Inapplicable("features that reach less than half of the samples")
    return features


def _positions(draw: Draw, features: FeatureMap, count: int) -> Array:
    domain, random = features.domain, draw.generator("positions")
    return np.asarray(domain.lower + (domain.upper - domain.lower) * random.random((count, features.dimension)))


def _out_of_reach(subject: str, draw: Draw) -> float:
    """f, eta and its derivatives, and inner products: of the samples in reach against all of them."""
    features = _features(draw, subject)
    whole = replace(features, structure=None, statics=pack("pointwise", features.inputs, features.constants))
    theta, random = _positions(draw, features, draw.integer("particles", 4, 16)), draw.generator("weights")
    weights, g, omega = random.standard_normal(len(theta)), *random.uniform(0.5, 2.0, (2, features.size))
    pairs = [
        (features.forward(weights, theta), whole.forward(weights, theta), np.abs(weights)),
        *((a, b, g) for a, b in zip(features.certificate(theta, g), whole.certificate(theta, g), strict=True)),
        (features.eta(theta, g), whole.eta(theta, g), g),
        (features.inner(theta, omega, slopes=True), whole.inner(theta, omega, slopes=True), omega),
    ]
    margins = []
    for found, right, terms in pairs:
        # derivatives have units of their own, in which the tail is as small
        size = max(float(np.abs(right).max()), np.finfo(np.float64).tiny)
        allowed = size * (_ROUNDING * len(terms) + 4 * features.tail * float(terms.sum()))
        margins.append(float(np.abs(found - right).max()) / allowed)
    return max(margins)


CHECKS = (
    Check(
        "samples-out-of-reach",
        "kernels",
        "theory §4: features that reach few samples",
        "a reach that is proved and below half of the samples' extent",
        SUBJECTS,
        _out_of_reach,
        examples=8,
    ),
)
