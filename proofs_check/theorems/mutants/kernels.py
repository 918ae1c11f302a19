"""Mistakes in compiled kernels: wrappers around what they do for one map or one loss."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np

from .inject import InFeatures, InKernel
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
        def wrong(
            particles: Any,
            data: Any,
            up: float,
            down: float,
            scheme: int,
            w: float,
            theta: float,
            *rest: Any,
            **options: Any,
        ) -> Any:
            prices, lengths = (penalty * up, penalty * down), (a * w * (len(particles) if mass else 1), b * theta)
            *bounds, last = rest
            last = last if descent is None else descent
            return original(particles, data, *prices, scheme, *lengths, *bounds, last, **options)

        return wrong

    return make


def _moved(move: Callable[[Any], None]) -> Make:
    """`advance`, after which particles are moved once more."""

    def make(original: Any) -> Any:
        def wrong(particles: Any, *arguments: Any, **options: Any) -> Any:
            energies = original(particles, *arguments, **options)
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


def _exchanged(gradient: Any) -> Any:
    return np.column_stack([gradient[:, 0], gradient[::-1, 1]])


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
           InFeatures("lorentzian", "adjoint", _result(lambda r, u: (r[0], _columns(r[1], 1, -1.0))))),
    Mutant("slope-without-weight", "the gradient by theta lacks the factor w", "kernels-match-specs", "gaussian_2d",
           InFeatures("gaussian_2d", "adjoint", _result(lambda r, u: (r[0], _columns(r[1], 1, 1 / u[:, :1]))))),
    Mutant("halved-hessian", "a factor 2 is missing in the Hessian of eta", "kernels-match-specs", "damped_lines",
           InFeatures("damped_lines", "certificate", _result(lambda r, theta: (r[0], r[1], r[2] / 2)))),
    Mutant("conjugated-features", "frequencies -k in the place of k", "kernels-match-specs", "fourier",
           InFeatures("fourier", "jacobian", _result(lambda r, theta: np.conj(r)))),
    Mutant("velocity-over-m", "the gradient of R lacks the factor m", "data-term", "cosine",
           InFeatures("cosine", "value_and_gradient", _result(lambda r, u: (r[0], r[1] / max(len(u), 1.5))))),
    Mutant("twice-the-pairing", "Phi is twice what its gradient says", "homogeneous-kernels", "relu",
           InFeatures("relu", "adjoint", _result(lambda r, u: (2 * r[0], r[1])))),
    Mutant("penalty-of-degree-one", "V loses a part of its energy when particles are scaled", "homogeneous-kernels", "tanh",
           InFeatures("tanh", "advance", _advance(penalty=0.9))),
    Mutant("slow-positions", "positions move at 0.4 of their speed", "energy-identity", "gaussian",
           InFeatures("gaussian", "value_and_gradient", _result(lambda r, u: (r[0], _columns(r[1], 1, 0.4))))),
    Mutant("missing-one-over-m", "the velocity counts every particle m times", "energy-identity", "sigmoid",
           InFeatures("sigmoid", "value_and_gradient", _result(lambda r, u: (r[0], r[1] * (1 + len(u)))))),
    Mutant("uphill-positions", "positions move along the gradient, not against it", "descent-lemma", "gaussian_width",
           InFeatures("gaussian_width", "advance", _advance(b=-1.0))),
    Mutant("ignored-descent", "compiled steps go on although F_m rises", "descent-test", "sinc",
           InFeatures("sinc", "advance", _advance(descent=False))),
    Mutant("slow-steps", "steps of positions have 0.9 of their length", "order-of-euclidean-schemes", "laplace",
           InFeatures("laplace", "advance", _advance(b=0.9))),
    Mutant("steps-without-penalty", "the penalty is missing in the velocity", "order-of-euclidean-schemes", "gelu",
           InFeatures("gelu", "advance", _advance(penalty=0.0))),
    Mutant("slow-reaction", "masses of conic steps react with 2 g in the place of 4 g", "order-of-conic-schemes", "lorentzian",
           InFeatures("lorentzian", "advance", _advance(a=0.5))),
    Mutant("slow-transport", "positions of conic steps move at half their speed", "order-of-conic-schemes", "relu",
           InFeatures("relu", "advance", _advance(b=0.5))),
    Mutant("steps-without-theta", "the Euclidean flow moves w alone fast enough", "euclid-and-cone", "relu",
           InFeatures("relu", "advance", _advance(b=0.8))),
    Mutant("scaled-index", "the first particle moves faster", "permutation", "erf",
           InFeatures("erf", "advance", _moved(_first_faster))),
    Mutant("steps-times-m", "the velocity of weights grows with the number of particles", "splitting", "gaussian",
           InFeatures("gaussian", "advance", _advance(mass=True))),
    Mutant("mass-in-reaction", "a conic particle reacts to its own mass", "cutting-mass", "lorentzian",
           InFeatures("lorentzian", "advance", _moved(_own_mass))),
    Mutant("origin-of-the-torus", "weights feel where the torus begins", "translation", "fourier_2d",
           InFeatures("fourier_2d", "advance", _moved(_from_the_origin))),
    Mutant("direction-of-the-axes", "weights feel the first coordinate", "rotation", "relu",
           InFeatures("relu", "advance", _moved(_along_an_axis))),
    Mutant("exchanged-particles", "positions move by the slope of another particle", "separation-kept", "fourier",
           InFeatures("fourier", "value_and_gradient", _result(lambda r, u: (r[0], _exchanged(r[1]))))),
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
