"""The built-in feature maps, as functions of their arguments."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from ..base.errors import ProblemError
from ..base.validation import number
from ..kernels.binding import bind
from ..kernels.loading import KINDS, describe, find_kernel, kernel_names
from ..kernels.protocol import FeatureKernel
from ..kernels.reference import ByReference
from .arguments import interval_names, pack, split_masks, validate_inputs
from .described import Described
from .domain.ball import Ball
from .domain.box import Box
from .domain.domain import Axis, Round
from .domain.sphere import Sphere
from .feature_map import FeatureMap
from .positive import check_penalty_weight
from .structure import structure_of
from .torus import make_torus


def make(name: str, /, **arguments: Any) -> FeatureMap:
    """The built-in feature map `name`.

    Parameters
    ----------
    **arguments : by kind.
        pointwise: every input as an array (n,), every constant as a number unless it has a default, every interval
        parameter as (low, high).
        ridge: `x`, an array (n, d), the constants, and for units that are not 2-homogeneous the `radius` of the ball in
        which theta may lie. torus: `cutoff`, K >= 1 on every axis or a tuple of one each, and optionally `filter` (see
        `torus.make_torus`).

    Raises
    ------
    ProblemError : a missing, unknown or unusable argument.
    """
    return FeatureFactory(find_kernel(name, *KINDS), describe(name))(**arguments)


@dataclass(frozen=True, eq=False)
class FeatureFactory(Described, ByReference):
    """A feature map, built in or of a user's own, as a function of its arguments: see `make`.

    Parameters
    ----------
    kernel : the compiled module.
    description : what it says of itself.
    """

    kernel: ModuleType
    description: Mapping[str, Any]

    def __post_init__(self) -> None:
        object.__setattr__(self, "__name__", self.name)
        object.__setattr__(self, "__doc__", _docstring(self.description))

    def __call__(self, /, **arguments: Any) -> FeatureMap:
        """The feature map for these samples, constants and intervals."""
        return _build(bind(self.kernel, self.description), self.description, arguments)


def _build(kernel: FeatureKernel, description: Mapping[str, Any], arguments: Mapping[str, Any]) -> FeatureMap:
    name = description["name"]
    constants = {item["name"]: item for item in description["constants"]}
    if description["kind"] == "torus":
        known = {"cutoff", "filter"}
        required = {"cutoff"}
    else:
        inputs = ["x"] if description["kind"] == "ridge" else [item["name"] for item in description["inputs"]]
        intervals = interval_names(description)
        balls = ["radius"] if any(item["domain"] == "ball" for item in description["parameters"]) else []
        known = {*inputs, *constants, *intervals, *balls}
        required = known - {name for name, item in constants.items() if item["default"] is not None}
    unknown, missing = sorted(set(arguments) - known), sorted(required - set(arguments))
    if unknown or missing:
        what = f"there is no argument {unknown[0]!r}" if unknown else f"{missing[0]!r} is missing"
        raise ProblemError(f"{name} takes {', '.join(sorted(known))}; {what}; give exactly these")
    numbers: dict[str, float] = {}
    for key, item in constants.items():
        default = numbers.get(item["default"], item["default"])
        numbers[key] = validate_constant(item, arguments.get(key, default))
    if description["kind"] == "torus":
        return make_torus(kernel, description, arguments["cutoff"], arguments.get("filter"))
    filled, masked = split_masks(description["kind"], {key: arguments[key] for key in inputs})
    samples = validate_inputs(description, filled)
    if description["kind"] == "ridge":
        domain: Box | Round = _ridge_domain(samples["x"].shape[1], *(arguments[key] for key in balls))
    else:
        domain = Box(tuple(_axis(item, arguments) for item in description["parameters"]))
        if "penalty_weight_tree" in description:
            check_penalty_weight(description, domain, numbers)
    structure = structure_of(description, samples, numbers, domain)
    statics = pack(description["kind"], samples, numbers, structure)
    return FeatureMap(kernel, description, domain, samples, numbers, statics, masked, structure)


def _ridge_domain(dimension: int, *radii: Any) -> Round:
    """A ball, or the unit sphere of 2-homogeneous units, which have no radius."""
    if not radii:
        return Sphere.of(dimension)
    radius = number("radius", radii[0], "a positive number", "give the largest norm of theta")
    if radius <= 0:
        raise ProblemError(f"radius must be positive; got {radius}; give the largest norm of theta")
    return Ball.of(dimension, radius)


def _axis(parameter: Mapping[str, str], arguments: Mapping[str, Any]) -> Axis:
    name, domain = parameter["name"], parameter["domain"]
    if domain == "torus":
        return Axis(name, 0.0, 1.0, wraps=True)
    if domain == "circle":
        return Axis(name, 0.0, 2 * math.pi, wraps=True)
    try:
        low, high = arguments[name]
    except (TypeError, ValueError):
        raise ProblemError(
            f"{name} needs its interval as two numbers (low, high); got {arguments[name]!r:.60}; give both ends"
        ) from None
    rule = (f"the interval of {name}", "two finite numbers", "give both ends")
    axis = Axis(name, number(rule[0], low, *rule[1:]), number(rule[0], high, *rule[1:]))
    if (domain == "positive interval" and axis.low <= 0) or (domain == "nonnegative interval" and axis.low < 0):
        rule_of_low = "> 0" if domain == "positive interval" else ">= 0"
        raise ProblemError(f"the interval of {name} needs low {rule_of_low}; got ({axis.low}, {axis.high}); raise low")
    return axis


def validate_constant(item: Mapping[str, Any], value: Any) -> float:
    """A constant that its spec admits, as a float."""
    name, below = item["name"], item["below"]
    constant = number(name, value, "a finite number", "choose another value")
    if item["positive"] and constant <= 0:
        raise ProblemError(f"{name} must be positive; got {constant}; choose another value")
    if below is not None and constant >= below:
        raise ProblemError(f"{name} must be below {below:g}; got {constant}; choose another value")
    return constant


def names() -> list[str]:
    """Names of the built-in feature maps."""
    return list(kernel_names(*KINDS))


def __getattr__(name: str) -> FeatureFactory:
    """`features.fourier(cutoff=10)` and so on: every built-in feature map as a function of its arguments (see `make`)."""
    if name.startswith("_") or name not in kernel_names(*KINDS):
        raise AttributeError(f"feature maps are {', '.join(kernel_names(*KINDS))}; there is no feature map {name!r}")
    return FeatureFactory(find_kernel(name, *KINDS), describe(name))


def _docstring(description: Mapping[str, Any]) -> str:
    """Formula, arguments and source; what `help(features.gaussian)` shows."""
    lines = [f"{description['title']}: {description['equation']}.", "", "Symbols", "-------"]
    for item in (*description["inputs"], *description["constants"]):
        default = "" if item.get("default") is None else f"; by default {item['default']}"
        lines.append(f"{item['name']} : {item['description']}{default}.")
    lines += [f"{item['name']} : parameter; domain: {item['domain']}." for item in description["parameters"]]
    return "\n".join([*lines, "", f"Source: {description['reference']}. How to give arguments: `features.make`."])
