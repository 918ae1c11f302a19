"""Mistakes in compiled kernels: wrappers around their functions; `_flow`, `_ridge` and `_torus` are shared by several maps."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np

from .inject import InKernel
from .mutant import Mutant

Make = Callable[[Any], Any]


def _result(change: Callable[..., Any]) -> Make:
    """`change(result, first argument)` in the place of a function's result."""

    def make(original: Any) -> Any:
        return lambda first, *rest: change(original(first, *rest), first)

    return make


def _advance(
    *, a: float = 1.0, b: float = 1.0, penalty: float = 1.0, mass: bool = False, descent: bool | None = None
) -> Make:
    """Steps with their lengths for weights (a) and positions (b), or the penalty, multiplied; with `mass`, a by m."""

    def make(original: Any) -> Any:
        def wrong(particles: Any, *arguments: Any) -> Any:
            given = list(arguments)
            ridge = isinstance(given[-3], float)  # a radius, where others have both ends and which axes wrap
            last = len(given) - (3 if ridge else 5)
            given[last - 1] *= b
            given[last - 2] *= a * (len(particles) if mass else 1)
            for price in (last - 5, last - 4) if ridge else (last - 6, last - 5):
                if np.isfinite(given[price]):
                    given[price] *= penalty
            if descent is not None:
                given[-1] = descent
            return original(particles, *given)

        return wrong

    return make


def _moved(move: Callable[[Any], None]) -> Make:
    """`advance`, after which particles are moved once more."""

    def make(original: Any) -> Any:
        def wrong(particles: Any, *arguments: Any) -> Any:
            energies = original(particles, *arguments)
            if arguments[-2] > 0:
                move(particles)
            return energies

        return wrong

    return make


def _of_another_spec(description: str) -> str:
    return json.dumps({**json.loads(description), "spec_sha256": "0" * 64})


def _columns(gradient: Any, first: int, factor: Any) -> Any:
    changed = gradient.copy()
    changed[:, first:] = changed[:, first:] * factor
    return changed


def _first_faster(particles: Any) -> None:
    particles[0, 0] *= 1.001


def _own_mass(particles: Any) -> None:
    particles[:, 0] *= 1 + 1e-3 * np.abs(particles[:, 0])


def _from_the_origin(particles: Any) -> None:
    particles[:, 0] *= 1 + 1e-6 * np.cos(2 * np.pi * particles[:, 1])


def _along_an_axis(particles: Any) -> None:
    particles[:, 0] *= 1 + 1e-6 * particles[:, 1]


MUTANTS = (
    Mutant("stale-kernel", "a kernel of another version of its spec", "fresh-kernels", "lorentzian",
           InKernel("lorentzian", "DESCRIPTION", _of_another_spec)),
    Mutant("flipped-slope", "the slope of <g, phi> has the wrong sign", "kernels-match-specs", "lorentzian",
           InKernel("lorentzian", "slopes", _result(lambda r, u: _columns(r, 1, -1.0)))),
    Mutant("slope-without-weight", "the gradient by theta lacks the factor w", "kernels-match-specs", "gaussian_2d",
           InKernel("gaussian_2d", "slopes", _result(lambda r, u: _columns(r, 1, 1 / u[:, :1])))),
    Mutant("halved-hessian", "a factor 2 is missing in the Hessian of eta", "kernels-match-specs", "damped_lines",
           InKernel("damped_lines", "certificate", _result(lambda r, theta: (r[0], r[1], r[2] / 2)))),
    Mutant("conjugated-features", "frequencies -k in the place of k", "kernels-match-specs", "fourier",
           InKernel("_torus", "jacobian", _result(lambda r, theta: np.conj(r)))),
    Mutant("velocity-over-m", "the gradient of R lacks the factor m", "data-term", "cosine",
           InKernel("_ridge", "value_and_rows", _result(lambda r, u: (r[0], r[1] / max(len(u), 1.5))))),
    Mutant("twice-the-pairing", "Phi is twice what its gradient by theta says", "homogeneous-kernels", "relu",
           InKernel("_ridge", "slopes", _result(lambda r, u: _columns(r, 1, 0.5)))),
    Mutant("penalty-of-degree-one", "V loses a part of its energy when particles are scaled", "homogeneous-kernels", "tanh",
           InKernel("_ridge", "advance", _advance(penalty=0.9))),
    Mutant("slow-positions", "positions move at 0.4 of their speed", "energy-identity", "gaussian",
           InKernel("_flow", "value_and_rows", _result(lambda r, u: (r[0], _columns(r[1], 1, 0.4))))),
    Mutant("missing-one-over-m", "the velocity counts every particle m times", "energy-identity", "sigmoid",
           InKernel("_ridge", "value_and_rows", _result(lambda r, u: (r[0], r[1] * (1 + len(u)))))),
    Mutant("uphill-positions", "positions move along the gradient, not against it", "descent-lemma", "gaussian_width",
           InKernel("_flow", "advance", _advance(b=-1.0))),
    Mutant("ignored-descent", "compiled steps go on although F_m rises", "descent-test", "sinc",
           InKernel("_flow", "advance", _advance(descent=False))),
    Mutant("slow-steps", "steps of positions have 0.9 of their length", "order-of-euclidean-schemes", "laplace",
           InKernel("_flow", "advance", _advance(b=0.9))),
    Mutant("steps-without-penalty", "the penalty is missing in the velocity", "order-of-euclidean-schemes", "gelu",
           InKernel("_ridge", "advance", _advance(penalty=0.0))),
    Mutant("slow-reaction", "masses of conic steps react with 2 g in the place of 4 g", "order-of-conic-schemes", "lorentzian",
           InKernel("_flow", "advance", _advance(a=0.5))),
    Mutant("slow-transport", "positions of conic steps move at half their speed", "order-of-conic-schemes", "relu",
           InKernel("_ridge", "advance", _advance(b=0.5))),
    Mutant("steps-without-theta", "the Euclidean flow moves w alone fast enough", "euclid-and-cone", "relu",
           InKernel("_ridge", "advance", _advance(b=0.8))),
    Mutant("scaled-index", "the first particle moves faster", "permutation", "erf",
           InKernel("_ridge", "advance", _moved(_first_faster))),
    Mutant("steps-times-m", "the velocity of weights grows with the number of particles", "splitting", "gaussian",
           InKernel("_flow", "advance", _advance(mass=True))),
    Mutant("mass-in-reaction", "a conic particle reacts to its own mass", "cutting-mass", "lorentzian",
           InKernel("_flow", "advance", _moved(_own_mass))),
    Mutant("origin-of-the-torus", "weights feel where the torus begins", "translation", "fourier_2d",
           InKernel("_flow", "advance", _moved(_from_the_origin))),
    Mutant("direction-of-the-axes", "weights feel the first coordinate", "rotation", "relu",
           InKernel("_ridge", "advance", _moved(_along_an_axis))),
    Mutant("exchanged-particles", "positions move by the slope of another particle", "separation-kept", "fourier",
           InKernel("_flow", "value_and_rows", _result(lambda r, u: (r[0], np.column_stack([r[1][:, 0], r[1][::-1, 1]]))))),
    Mutant("conjugate-without-domain", "the logistic conjugate is finite everywhere", "fenchel-young", "logistic",
           InKernel("logistic", "conjugate", lambda original: lambda *given: min(original(*given), 1.0))),
    Mutant("conjugate-without-half", "the squared loss's conjugate lacks a factor ½", "fenchel-young", "squared",
           InKernel("squared", "conjugate", lambda original: lambda p, *given: original(p, *given) + float(p @ p) / 2)),
    Mutant("slope-times-two", "Huber's slope is twice what it is", "loss-derivatives", "huber",
           InKernel("huber", "slope", lambda original: lambda *given: 2 * original(*given))),
    Mutant("halved-curvature", "the quantile loss's curvature is half of what it is", "loss-derivatives", "quantile",
           InKernel("quantile", "curvature", lambda original: lambda *given: original(*given) / 2)),
    Mutant("concave-loss", "the Poisson loss changes its sign", "convex-losses", "poisson",
           InKernel("poisson", "value", lambda original: lambda *given: -original(*given))),
)  # fmt: skip
