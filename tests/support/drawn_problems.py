"""Random problems of every feature map and loss, for a test and a benchmark: choices drawn one by one, noise by a seed."""

from __future__ import annotations

from typing import Any

import conicflow as cf
import numpy as np
from conicflow.engine.kernels.loading import describe
from conicflow.engine.model.losses import suited
from conicflow.engine.space.gauge import Sign
from conicflow.proofs_check.theorems.check import Draw
from conicflow.proofs_check.theorems.material.cases import BALL, FEATURES, LOSSES, RIDGE, TORUS
from hypothesis import strategies as st

TOLERANCE = 1e-8  # of the relative gap
GOAL = 0.98  # share of the problems whose solution is certified to it
UNIT = (0.0, 1.0)
_HIGHEST_CUTOFF = {"fourier": 30, "fourier_2d": 6, "fourier_3d": 2}
_SAMPLES = {"1": (1, 100), "2": (2, 10), "3": (2, 5)}  # on a line; for each axis of a grid
_SHORTEST = 1e-12  # data that are smaller are all zero


def by_generator(random: np.random.Generator) -> Draw:
    """Draws of a NumPy generator."""
    return Draw(
        lambda low, high: int(random.integers(low, high + 1)), lambda low, high: float(random.uniform(low, high))
    )


def by_hypothesis(data: st.DataObject) -> Draw:
    """Draws that Hypothesis makes simpler where a test fails."""
    return Draw(
        lambda low, high: data.draw(st.integers(low, high)),
        lambda low, high: data.draw(st.floats(low, high, allow_subnormal=False)),
    )


def random_problem(draw: Draw) -> tuple[str, cf.Problem]:
    """Its description, and a problem of up to a hundred samples.

    Any feature map, loss and sign; up to six atoms, apart or clustered or twice, or none; noise, or none, or nothing else;
    data over seven decades, and penalties over five, from the largest that is of use.
    """
    features = random_features(draw, draw.choice("features", FEATURES))
    outputs = None
    if features.name in RIDGE and features.name != "relu_signed_square":
        outputs = draw.choice("outputs", (None, None, 1, 2, 3))
    sign: Sign = "any" if outputs else draw.choice("sign", ("any", "nonnegative"))
    y = random_data(draw, features, sign, outputs)
    loss = random_loss(draw, features, y)
    ratio = 10 ** -draw.real("decades", -0.1, 5.0)
    penalty = ratio * cf.Problem(features, loss, penalty=1.0, sign=sign).penalty_max()
    problem = cf.Problem(features, loss, penalty or 1.0, sign)
    return f"{features.name}, {loss.name}, {problem.sign}, {ratio:.1e}", problem


def random_features(draw: Draw, name: str) -> cf.FeatureMap:
    """The feature map of this name; widths of a fiftieth to a third of the domain, frequencies up to a few dozen periods."""
    make, description = getattr(cf.features, name), describe(name)
    if name in TORUS:
        return make(cutoff=draw.integer("cutoff", 1, _HIGHEST_CUTOFF[name]))
    if name in RIDGE:
        n, d = draw.integer("samples", 1, 60), draw.integer("dimension", 1, 4)
        x = np.column_stack([draw.generator("rows").standard_normal((n, d)), np.ones(n)])
        return make(x=x, **({"radius": draw.real("radius", 1.0, 5.0)} if name in BALL else {}))
    inputs = [item["name"] for item in description["inputs"]]
    count = draw.integer("samples", *_SAMPLES[str(len(inputs))])
    if inputs == ["t"]:
        damping = {"gamma": (0.0, 0.5)} if name == "damped_lines" else {}
        return make(t=np.arange(float(count)), theta=(0.0, 0.5), **damping)
    if name == "laplace":
        return make(x=np.sort(draw.generator("times").uniform(0.0, 5.0, count)), theta=(0.0, 10.0))
    grid = np.meshgrid(*(np.linspace(0.0, 1.0, count) for _ in inputs))
    arguments: dict[str, Any] = {name: axis.ravel() for name, axis in zip(inputs, grid, strict=True)}
    narrowest = {1: 0.02, 2: 0.05, 3: 0.1}[len(inputs)]
    for item in description["constants"]:
        low, high = {"band": (2.0, 40.0), "pixel": (0.02, 0.2)}.get(item["name"], (narrowest, 0.3))
        arguments[item["name"]] = draw.real(item["name"], low, high)
    for item in description["parameters"]:
        arguments[item["name"]] = (narrowest, 0.3) if item["domain"] == "positive interval" else UNIT
    return make(**arguments)


def random_data(draw: Draw, features: cf.FeatureMap, sign: Sign, outputs: int | None) -> Any:
    """Noisy features of a few atoms, or noise alone, or nothing."""
    k, random, domain = draw.integer("atoms", 0, 6), draw.generator("atoms seed"), features.domain
    if domain.sphere or domain.is_ball:
        positions = domain.project(random.standard_normal((k, features.dimension)))
    else:
        positions = random.uniform(domain.lower, domain.upper, (k, features.dimension))
    layout = draw.choice("layout", ("apart", "apart", "clustered", "twice")) if k > 1 else "apart"
    if layout == "clustered":
        positions = domain.project(positions[:1] + 0.01 * random.standard_normal(positions.shape))
    if layout == "twice":
        positions[1] = positions[0]
    weights = random.uniform(0.3, 2.0, k) * (1 if sign == "nonnegative" else random.choice([-1, 1], k))
    if outputs is not None:
        weights = weights[:, None] * random.standard_normal((k, outputs))
    y = features.forward(weights, positions)
    noise = random.standard_normal(y.shape)
    if np.iscomplexobj(y):
        noise = noise + 1j * random.standard_normal(y.shape)
        noise = (noise + noise[::-1].conj()) / 2
    share = draw.choice("noisy", (0, 1)) * 10 ** draw.real("noise", -4.0, -0.5)
    return (y + share * (np.abs(y).max() if k else 1.0) * noise) * 10.0 ** draw.integer("scale", -3, 3)


def random_loss(draw: Draw, features: cf.FeatureMap, y: Any) -> cf.Loss:
    """A loss that the features can be followed in, of data that are these, or their signs, counts or classes."""
    several = y.ndim > 1 and y.shape[1] > 1
    allowed = [name for name in suited(features.kind) if name in LOSSES]
    names = [name for name in allowed if several or describe(name)["targets"] != "class"]
    name = draw.choice("loss", sorted(names, key=lambda name: name != "squared"))
    largest, targets = max(float(np.abs(y).max()), _SHORTEST), describe(name)["targets"]
    options: dict[str, Any] = {}
    match draw.choice("weighting", ("none", "none", "average", "samples", "covariance")):
        case "average":
            options["average"] = True
        case "samples":
            options["sample_weights"] = draw.generator("sample weights").uniform(0.2, 5.0, len(y))
        case "covariance" if name == "squared":
            spread = draw.generator("covariance").uniform(-0.3, 0.3, (len(y), len(y)))
            options["cholesky"] = np.tril(spread / len(y) ** 0.5, -1) + np.eye(len(y))
    if targets == "count":
        y = draw.generator("counts").poisson(10 * np.abs(y) / largest).astype(np.float64)
        options["background"] = draw.real("background", 0.1, 2.0)
    elif targets == "sign":
        y = np.where(y > np.median(y), 1.0, -1.0)
    elif targets == "class":
        y = np.eye(y.shape[1])[y.argmax(axis=1)]
    elif name == "huber":
        options["delta"] = largest * 10 ** draw.real("delta", -2.0, 0.0)
    elif name == "quantile":
        options |= {"tau": draw.real("tau", 0.05, 0.95), "width": largest * 10 ** draw.real("width", -2.0, 0.0)}
    made: cf.Loss = getattr(cf.losses, name)(y, **options)
    return made
