"""Random problems, particles and measures of any feature map and loss, small enough that a flow of them costs milliseconds."""

# Over 300 lines: what a problem is drawn from, features, data, losses and options, in the order of the draws, which seeds fix.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from conicflow.engine.base.arrays import Array, Field
from conicflow.engine.base.errors import ProblemError
from conicflow.engine.kernels.loading import describe, kernel_names
from conicflow.engine.model.losses import Loss, suited
from conicflow.engine.model.measure import Measure
from conicflow.engine.model.problem import Problem
from conicflow.engine.space.feature_map import FeatureMap
from conicflow.engine.space.gauge import Sign

from ..check import About, Draw, Inapplicable
from . import maps

FEATURES = kernel_names("pointwise", "ridge", "torus")
CHECKED = FEATURES + maps.checked_names()
"""With those that are compiled for the checks: what the catalogue lacks, such as a price kappa(theta) of positions."""
SAMPLED = kernel_names("pointwise", "ridge") + maps.checked_names()
LOSSES = kernel_names("loss")
TORUS = kernel_names("torus")
RIDGE = kernel_names("ridge")
HOMOGENEOUS = tuple(name for name in FEATURES if describe(name)["family"] != "partially 1-homogeneous")
PARTIAL = tuple(name for name in FEATURES if name not in HOMOGENEOUS)
BALL = tuple(name for name in RIDGE if name not in HOMOGENEOUS)
_UNIT = (0.0, 1.0)
KINK = 0.05  # <v, x> of relu units is drawn at least this far from 0
_COUPLED = 300  # samples that one covariance couples: its inverse costs the cube
LARGE = (
    3000  # samples, and a tenth of it particles: beyond a tile of samples and a block of particles, and several threads
)
Losses = Literal["all", "squared", "correlated"]
SIGNS: tuple[Sign, ...] = ("any", "nonnegative", {"up": 0.5, "down": 2.0})
"""What scalar weights may cost: both signs the same, none below zero, different prices."""


def _is_map(description: Mapping[str, Any]) -> bool:
    return bool(description["kind"] != "loss")


_BEARERS = ("gaussian", "relu", "fourier")
ANY_LOSS = About("losses", lambda description: description["kind"] == "loss")
ANY_MAP = About("feature maps", _is_map)
ANY_PROBLEM = About("feature maps and losses", lambda description: True, _BEARERS)
HOMOGENEOUS_MAP = About(
    "2-homogeneous units", lambda item: _is_map(item) and item["family"] != "partially 1-homogeneous"
)
PARTIAL_MAP = About(
    "features that are partially 1-homogeneous",
    lambda item: _is_map(item) and item["family"] == "partially 1-homogeneous",
)
RIDGE_MAP = About("ridge units", lambda item: item["kind"] == "ridge")
TORUS_MAP = About("features on the torus", lambda item: item["kind"] == "torus")
SAMPLED_MAP = About("features of samples", lambda item: item["kind"] in ("pointwise", "ridge"))
"""Of one's own."""


def features(draw: Draw, name: str, most: int = 6, dimension: int | None = None, *, large: bool = False) -> FeatureMap:
    """The feature map of this name at up to `most` random samples, or at hundreds to thousands of them."""
    description = maps.described(name)
    n = draw.integer("samples", most + 1, LARGE) if large else draw.integer("samples", 1, most)
    most = n if large else most
    if description["kind"] == "torus":
        d = len(description["parameters"])
        highest = {1: max(1, most), 2: 2, 3: 1}[d] if not large else {1: 32 + n // 10, 2: 12, 3: 4}[d]
        least = 1 + highest // 2 if large else 1
        cutoffs = tuple(draw.integer(f"cutoff{a}", least, highest) for a in range(d))
        shape = tuple(2 * k + 1 for k in cutoffs)
        real, imaginary = draw.generator("filter").standard_normal((2, *shape))
        return _make(name, cutoff=cutoffs, filter=real + 1j * imaginary)
    random = draw.generator("inputs")
    if description["kind"] == "ridge":
        d = dimension or draw.integer("dimension", 1, 3)
        arguments: dict[str, Any] = {"x": random.standard_normal((n, d)), **drawn_constants(draw, description)}
        if in_a_ball(description):
            arguments["radius"] = draw.real("radius", 0.5, 2.0)
        return _make(name, **arguments)
    return _make(name, **_arguments(draw, description, random, n))


def in_a_ball(description: Mapping[str, Any]) -> bool:
    """Whether positions of this feature map lie in a ball."""
    return any(item["domain"] == "ball" for item in description["parameters"])


def _make(name: str, **arguments: Any) -> FeatureMap:
    try:
        return maps.feature_factory(name)(**arguments)
    except ProblemError as error:
        if maps.in_catalogue(name):
            raise
        raise Inapplicable(f"arguments that the map takes ({error})") from None


def _arguments(draw: Draw, description: Mapping[str, Any], random: np.random.Generator, n: int) -> dict[str, Any]:
    """Samples around the unit interval, or times; widths of a tenth to a half of it."""
    arguments: dict[str, Any] = {}
    for item in description["inputs"]:
        decays = description["name"] in ("laplace", "damped_lines", "line_spectrum")
        arguments[item["name"]] = random.uniform(0.0, 2.0, n) if decays else random.uniform(-0.2, 1.2, n)
    arguments |= drawn_constants(draw, description)
    for item in description["parameters"]:
        if item["domain"] == "positive interval":
            arguments[item["name"]] = (0.2, 0.6)
        elif item["domain"].endswith("interval"):
            arguments[item["name"]] = (0.1, 2.0) if description["name"] == "laplace" else _UNIT
    return arguments


def drawn_constants(draw: Draw, description: Mapping[str, Any]) -> dict[str, float]:
    """Positive ones from a tenth to a half, below what bounds them; others on either side of 0."""
    drawn = {}
    for item in description["constants"]:
        name, below = item["name"], item["below"]
        low, high = {"band": (0.5, 2.0), "pixel": (0.2, 1.0)}.get(
            name, (0.15, 0.5) if item["positive"] else (-0.5, 0.5)
        )
        scale = 1.0 if below is None or below > high else below / (2 * high)
        drawn[name] = draw.real(name, scale * low, scale * high)
    return drawn


def loss(draw: Draw, phi: FeatureMap, which: Losses = "all", outputs: int | None = None) -> Loss:
    """A loss that the feature map's kernel can follow, with random data."""
    if which == "all" and (users := maps.users_losses()):
        return named_loss(draw, users[0], phi.size, outputs, complex_data=phi.complex, least=1)
    names = [name for name in suited(phi.kind) if name in LOSSES]
    classes = [name for name in names if describe(name)["kind"] == "loss" and describe(name)["targets"] == "class"]
    scalar = sorted(set(names) - set(classes), key=lambda name: name != "squared")
    options = scalar + (classes if outputs is not None and outputs > 1 else [])
    if which == "correlated":
        return named_loss(draw, "squared", phi.size, outputs, complex_data=phi.complex, noise=("covariance",))
    name = "squared" if which == "squared" else draw.choice("loss", options)
    # where every count is 0 the Poisson loss is straight, and a flow goes on to the end of its domain
    return named_loss(draw, name, phi.size, outputs, complex_data=phi.complex, least=1)


def named_loss(
    draw: Draw,
    name: str,
    size: int,
    outputs: int | None = None,
    complex_data: bool = False,
    *,
    least: int = 0,
    noise: tuple[str, ...] = ("equal", "sample weights", "covariance"),
) -> Loss:
    """The loss of this name with random data, averaged or not, with one of these kinds of noise; counts are `least` at least."""
    factory = maps.loss_factory(name)
    random, targets = draw.generator("data"), factory.description["targets"]
    shape = (size,) if outputs is None else (size, outputs)
    if targets == "class":
        q = outputs or 3
        y = np.eye(q)[random.integers(0, q, size)]
    elif targets == "sign":
        y = random.choice([-1.0, 1.0], shape)
    elif targets == "count":
        y = random.integers(least, 5, shape).astype(float)
    else:
        y = random.standard_normal(shape)
        y = y + 1j * random.standard_normal(shape) if complex_data else y
    options: dict[str, Any] = {"average": draw.choice("average", (True, False))}
    coupled = name == "squared" and size <= _COUPLED
    match draw.choice("noise", noise if coupled else tuple(kind for kind in noise if kind != "covariance")):
        case "sample weights":
            options["sample_weights"] = random.uniform(0.5, 2.0, size)
        case "covariance":
            options["cholesky"] = _factor(random, size, complex_data)
    ranges = {"background": (3.0, 8.0), "tau": (0.1, 0.9), "width": (0.2, 2.0)}
    for item in factory.description["constants"]:
        low, high = ranges.get(item["name"], (0.3, 2.0))
        scale = 1.0 if item["below"] is None or item["below"] > high else item["below"] / (1.5 * high)
        options[item["name"]] = draw.real(item["name"], scale * low, scale * high)
    return factory(y, **options)


def _factor(random: np.random.Generator, size: int, complex_data: bool) -> Field:
    """A lower triangular factor of a covariance, whose condition stays small as it grows."""
    entries = random.uniform(-0.4, 0.4, (2, size, size)) / size**0.5
    below = np.tril(entries[0] + 1j * entries[1] if complex_data else entries[0], -1)
    return np.asarray(below + np.diag(random.uniform(0.6, 1.5, size)))


def point(random: np.random.Generator, like: Field) -> Field:
    """A random point of the space that another one is of, real or complex."""
    real = random.standard_normal(like.shape)
    return real + 1j * random.standard_normal(like.shape) if np.iscomplexobj(like) else real


def problem(
    draw: Draw,
    name: str,
    which: Losses = "all",
    *,
    most: int = 6,
    vectors: bool = True,
    sign: Sign = "any",
    large: bool = False,
) -> Problem:
    """A problem with this feature map; ridge units may have weights in R^q."""
    phi = features(draw, name, most, large=large)
    outputs = None
    if vectors and phi.takes_vectors and sign == "any":
        outputs = draw.choice("outputs", (None, 1, 3))
    return Problem(phi, loss(draw, phi, which, outputs), draw.real("penalty", 0.01, 0.5), "any" if outputs else sign)


def positions(draw: Draw, phi: FeatureMap, count: int, margin: float = 0.15) -> Array:
    """Positions of Theta, a part `margin` of it away from its boundary, and relu units away from their kinks."""
    domain = phi.domain
    random = draw.generator("positions")
    if domain.sphere or domain.is_ball:
        theta = random.standard_normal((count, domain.dimension))
        theta /= np.linalg.norm(theta, axis=1, keepdims=True)
        if domain.is_ball:
            theta *= domain.radius * random.uniform(0.1, 1 - margin, (count, 1))
    else:
        shares = draw.reals("shares", count * domain.dimension, margin, 1 - margin)
        theta = domain.lower + (domain.upper - domain.lower) * shares.reshape(count, -1)
    if domain.sphere and kink_distance(phi, theta) < KINK:
        raise Inapplicable("away from the kinks of relu units")
    if domain.sphere and _scalar_products(phi, theta).max() < 0:
        raise Inapplicable("a relu unit that sees a sample")
    return np.ascontiguousarray(theta)


def _scalar_products(phi: FeatureMap, theta: Array) -> Array:
    v = theta * np.abs(theta) if phi.degree == 2 else theta
    return np.asarray(v @ phi.inputs["x"].T)


def kink_distance(phi: FeatureMap, theta: Array) -> float:
    """How near <v, x_j> comes to 0 for relu units, or an entry of theta where v is its signed square."""
    if not phi.domain.sphere:
        return np.inf
    distance = float(np.abs(_scalar_products(phi, theta)).min())
    return min(distance, float(np.abs(theta).min())) if phi.degree == 2 else distance


def smooth_time(phi: FeatureMap, theta: Array, velocity: Array) -> float:
    """How long positions keep away from kinks, as far as their first velocity tells: a third of the way."""
    if not phi.domain.sphere:
        return np.inf
    speed = np.linalg.norm(velocity, axis=1).max() * (1 + 2 * np.linalg.norm(phi.inputs["x"], axis=1).max())
    return kink_distance(phi, theta) / (3 * max(float(speed), 1e-300))


def particles(draw: Draw, case: Problem, most: int = 4, *, conic: bool = False, large: bool = False) -> Array:
    """Rows (w, theta) with weights away from 0, of the signs that the problem admits."""
    q = case.outputs
    if large:
        return _many_particles(draw, case, conic=conic)
    m = draw.integer("particles", 1, most)
    sizes = draw.reals("sizes", m, 0.3, 1.5)
    if case.gauge.vectors:
        w = draw.generator("directions").standard_normal((m, q))
        w *= (sizes / np.linalg.norm(w, axis=1))[:, None]
    else:
        signs = [1 if case.gauge.one_sided else draw.choice(f"sign{i}", (1, -1)) for i in range(m)]
        w = (sizes * signs)[:, None]
    theta = positions(draw, case.features, m)
    if case.features.degree == 2 and not conic:
        w, theta = np.sign(w), theta * np.sqrt(sizes)[:, None]
    elif case.features.homogeneous and not conic:
        theta = theta * draw.reals("norms", m, 0.5, 1.5)[:, None]
    return np.ascontiguousarray(np.column_stack([w, theta]))


def _many_particles(draw: Draw, case: Problem, *, conic: bool) -> Array:
    """Up to three hundred of them, wherever they fall."""
    m, random, domain, q = (
        draw.integer("particles", 5, LARGE // 10),
        draw.generator("many"),
        case.features.domain,
        case.outputs,
    )
    w = random.standard_normal((m, q))
    w = np.abs(w) if case.gauge.one_sided else w
    if domain.sphere or domain.is_ball:
        theta = domain.project(random.standard_normal((m, domain.dimension)))
    else:
        theta = random.uniform(domain.lower, domain.upper, (m, domain.dimension))
    if case.features.degree == 2 and not conic:
        w, theta = np.sign(w), theta * random.uniform(0.5, 1.5, (m, 1))
    elif case.features.homogeneous and not conic:
        theta = theta * random.uniform(0.5, 1.5, (m, 1))
    return np.ascontiguousarray(np.column_stack([w, theta]))


def on_cone(u: Array, case: Problem) -> Array:
    """Particles of the Euclidean lift as rows (±r², theta) of the conic one: their measure is the same."""
    if not case.features.domain.sphere:
        return u.copy()
    q = case.outputs
    norms = np.linalg.norm(u[:, q:], axis=1, keepdims=True)
    degree = 2 if case.features.degree == 2 else 1
    return np.ascontiguousarray(np.column_stack([u[:, :q] * norms**degree, u[:, q:] / norms]))


def measure(draw: Draw, case: Problem, most: int = 4, name: str = "atoms", margin: float = 0.0) -> Measure:
    """Atoms anywhere in Theta, of the signs that the problem admits; maybe none."""
    k, random = draw.integer(name, 0, most), draw.generator(f"{name} seed")
    if k == 0:
        return case.zero
    weights = random.standard_normal((k, case.outputs) if case.gauge.vectors else k)
    weights = np.abs(weights) if case.gauge.one_sided else weights
    domain = case.features.domain
    if domain.sphere or domain.is_ball:
        theta = domain.project(random.standard_normal((k, domain.dimension)))
    else:
        theta = random.uniform(domain.lower, domain.upper, (k, domain.dimension))
        theta += margin * ((domain.lower + domain.upper) / 2 - theta)
    return Measure(weights, theta)
