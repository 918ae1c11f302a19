"""The built-in feature maps, as functions of their arguments."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .checks import array, integer, number
from .domain import Axis, Domain
from .errors import ProblemError
from .feature_map import FeatureMap, check_inputs
from .kernels import describe, find_kernel, kernel_names
from .threads import load_kernel_blas

KINDS = ("pointwise", "ridge", "torus")


def make(name: str, /, **arguments: Any) -> FeatureMap:
    """The built-in feature map `name`.

    Parameters
    ----------
    **arguments : by kind.
        pointwise: every input as an array (n,), every constant as a number, every interval parameter as (low, high).
        ridge: `x`, an array (n, d), and the constants. torus: `cutoff`, K >= 1, and optionally `filter`, the
        coefficients h_k of a known point-spread function in the order k = -K..K, complex, shape (2K + 1,).

    Raises
    ------
    ProblemError : a missing, unknown or unusable argument.
    """
    return FeatureFactory(find_kernel(name, *KINDS), describe(name))(**arguments)


@dataclass(frozen=True, eq=False)
class FeatureFactory:
    """A feature map, built in or of a user's own, as a function of its arguments: see `make`.

    Parameters
    ----------
    kernel : the compiled module.
    description : what it says of itself.
    """

    kernel: ModuleType
    description: Mapping[str, Any]

    def __post_init__(self) -> None:
        about = f"{self.description['title']}: {self.description['equation']}. Arguments as in `features.make`."
        object.__setattr__(self, "__name__", self.name)
        object.__setattr__(self, "__doc__", about)

    @property
    def name(self) -> str:
        """The spec's name."""
        return str(self.description["name"])

    def __call__(self, /, **arguments: Any) -> FeatureMap:
        """The feature map for these samples, constants and intervals."""
        return _build(self.kernel, self.description, arguments)


def _build(kernel: ModuleType, description: Mapping[str, Any], arguments: Mapping[str, Any]) -> FeatureMap:
    name = description["name"]
    constants = {item["name"]: item for item in description["constants"]}
    if description["kind"] == "torus":
        known = {"cutoff", "filter"}
        required = {"cutoff"}
    else:
        inputs = ["x"] if description["kind"] == "ridge" else [item["name"] for item in description["inputs"]]
        intervals = [item["name"] for item in description["parameters"] if item["domain"] == "interval"]
        required = known = {*inputs, *constants, *intervals}
    unknown, missing = sorted(set(arguments) - known), sorted(required - set(arguments))
    if unknown or missing:
        what = f"there is no argument {unknown[0]!r}" if unknown else f"{missing[0]!r} is missing"
        raise ProblemError(f"{name} takes {', '.join(sorted(known))}; {what}; give exactly these")
    numbers = {key: _check_constant(key, arguments[key], item["positive"]) for key, item in constants.items()}
    if description["kind"] == "torus":
        coefficients = _check_filter(arguments["cutoff"], arguments.get("filter"))
        domain = Domain((Axis(description["parameters"][0]["name"], 0.0, 1.0, wraps=True),))
        samples: dict[str, Any] = {"cutoff": (len(coefficients) - 1) // 2, "filter": coefficients}
        return FeatureMap(kernel, description, domain, samples, {}, (coefficients,))
    samples = check_inputs(description, {key: arguments[key] for key in inputs})
    if description["kind"] == "ridge":
        load_kernel_blas()
        axes = tuple(Axis(f"theta{j}", -math.inf, math.inf) for j in range(samples["x"].shape[1]))
        domain = Domain(axes, sphere=description["family"] == "2-homogeneous")
    else:
        domain = Domain(tuple(_axis(item, arguments) for item in description["parameters"]))
    return FeatureMap(kernel, description, domain, samples, numbers, (*samples.values(), *numbers.values()))


def _axis(parameter: Mapping[str, str], arguments: Mapping[str, Any]) -> Axis:
    name, domain = parameter["name"], parameter["domain"]
    if domain == "torus":
        return Axis(name, 0.0, 1.0, wraps=True)
    if domain == "circle":
        return Axis(name, 0.0, 2 * math.pi, wraps=True)
    if domain == "real":
        return Axis(name, -math.inf, math.inf)
    try:
        low, high = arguments[name]
    except (TypeError, ValueError):
        raise ProblemError(
            f"{name} needs its interval as two numbers (low, high); got {arguments[name]!r:.60}; give both ends"
        ) from None
    rule = (f"the interval of {name}", "two finite numbers", "give both ends")
    return Axis(name, number(rule[0], low, *rule[1:]), number(rule[0], high, *rule[1:]))


def _check_constant(name: str, value: Any, positive: bool) -> float:
    constant = number(name, value, "a finite number", "choose another value")
    if positive and constant <= 0:
        raise ProblemError(f"{name} must be positive; got {constant}; choose another value")
    return constant


def _check_filter(cutoff: Any, coefficients: Any) -> NDArray[np.complex128]:
    size = 2 * integer("cutoff", cutoff, 1, 1_000_000, "give the highest frequency K") + 1
    if coefficients is None:
        return np.ones(size, dtype=np.complex128)
    given = array("filter", coefficients, allow_complex=True)
    if given.shape != (size,):
        raise ProblemError(
            f"filter needs 2K + 1 = {size} numbers, k = -K..K; got shape {given.shape}; "
            "give the coefficients of the point-spread function"
        )
    return given.astype(np.complex128)


def names() -> list[str]:
    """Names of the built-in feature maps."""
    return list(kernel_names(*KINDS))


def __getattr__(name: str) -> FeatureFactory:
    """`features.fourier(cutoff=10)` and so on: every built-in feature map as a function of its arguments (see `make`)."""
    if name.startswith("_") or name not in kernel_names(*KINDS):
        raise AttributeError(f"feature maps are {', '.join(kernel_names(*KINDS))}; there is no feature map {name!r}")
    return FeatureFactory(find_kernel(name, *KINDS), describe(name))
