"""The problem: minimise a convex function of a measure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from .checks import number
from .domain import Array
from .errors import ProblemError
from .feature_map import FeatureMap
from .losses import Field, Loss
from .measure import Measure

Sign = Literal["any", "nonnegative"]


@dataclass(frozen=True, eq=False)
class Problem:
    """min over measures mu of J(mu) = R(int phi dmu) + penalty·|mu|(Theta)   (theory §1, CB18 §1).

    Parameters
    ----------
    features : the feature map phi: Theta -> F.
    loss : R, with the data.
    penalty : lambda >= 0.
    sign : "any" for signed measures, "nonnegative" for mu >= 0.

    Raises
    ------
    ProblemError : data of the wrong length or field, a penalty that is negative or not finite, an unknown sign,
        or a loss that the feature map's kernel cannot follow.
    """

    features: FeatureMap
    loss: Loss
    penalty: float
    sign: Sign = "any"

    def __post_init__(self) -> None:
        if not isinstance(self.features, FeatureMap) or not isinstance(self.loss, Loss):
            raise ProblemError(
                f"a problem needs a feature map and a loss; got {type(self.features).__name__} and "
                f"{type(self.loss).__name__}; build them with conicflow.features and conicflow.losses"
            )
        penalty = number("the penalty", self.penalty, "a finite number >= 0", "give lambda >= 0")
        if penalty < 0:
            raise ProblemError(f"the penalty must be a finite number >= 0; got {penalty}; give lambda >= 0")
        object.__setattr__(self, "penalty", penalty)
        if self.sign not in ("any", "nonnegative"):
            raise ProblemError(f"sign is 'any' or 'nonnegative'; got {self.sign!r}; choose one")
        allowed = self.features.description["losses"]
        if self.loss.name not in allowed:
            raise ProblemError(
                f"{self.features.name} can follow the losses {', '.join(allowed)}; got {self.loss.name}; choose one of them"
            )
        if len(self.loss.y) != self.features.size:
            raise ProblemError(
                f"data and features must agree: {self.features.name} gives {self.features.size} numbers; "
                f"the data have {len(self.loss.y)}; give one datum for each"
            )
        if self.features.kind == "torus" and not np.iscomplexobj(self.loss.y):
            object.__setattr__(self, "loss", Loss(self.loss.name, self.loss.y.astype(np.complex128), self.loss.average))
        if self.features.kind != "torus" and np.iscomplexobj(self.loss.y):
            raise ProblemError(
                f"{self.features.name} gives real numbers; the data are complex; give real data, or use a torus feature map"
            )

        with np.errstate(over="ignore"):
            largest = self.loss.value(np.zeros_like(self.loss.y))
        if not np.isfinite(largest):
            raise ProblemError(
                f"R(0) must be finite; the data reach {np.abs(self.loss.y).max():.3g} in size; rescale them"
            )

    def forward(self, measure: Measure) -> Field:
        """f = int phi dmu, shape (size,)."""
        self.check(measure)
        return self.features.forward(measure.weights, measure.positions)

    def value_and_gradient(self, particles: Array) -> tuple[float, Array]:
        """R(f) at f = (1/m) sum_i w_i phi(theta_i), and its gradient by (w_i, theta_i) times m, shape (m, 1 + d).

        The data term of F_m, in one pass over the features where they are pointwise (CB18 Def 2.2 scales by m).

        Parameters
        ----------
        particles : (m, 1 + d) float64, rows (w, theta), m >= 1.
        """
        code = self.features.description["losses"].index(self.loss.name)
        return self.features.value_and_gradient(particles, self.loss.y, self.loss.omega, code)

    def objective(self, measure: Measure) -> float:
        """J(mu)."""
        return self.loss.value(self.forward(measure)) + self.penalty * measure.mass

    def penalty_max(self) -> float:
        """The smallest penalty whose solution is the zero measure, sup_theta |<R'(0), phi(theta)>| (one-sided when mu >= 0).

        Zero when no measure >= 0 improves on none, whatever the penalty. As good as the feature map's bound on that
        supremum: on the torus an upper bound, elsewhere estimated.
        """
        from .bounds import sup_certificate

        return max(0.0, sup_certificate(self, self.loss.gradient(np.zeros_like(self.loss.y))).value)

    def check(self, measure: Measure) -> None:
        """Refuse a measure whose positions or weights this problem does not admit."""
        if measure.positions.shape[1] != self.features.dimension:
            raise ProblemError(
                f"positions of this problem have {self.features.dimension} coordinates; got "
                f"{measure.positions.shape[1]}; give positions of shape (k, {self.features.dimension})"
            )
        if not self.features.domain.contains(measure.positions):
            where = "on the unit sphere" if self.features.domain.sphere else "in the feature map's domain"
            raise ProblemError(f"positions must lie {where}; some do not; project them with features.domain.project")
        if self.sign == "nonnegative" and np.any(measure.weights < 0):
            raise ProblemError(
                f"weights must be >= 0 in this problem; got {measure.weights.min()}; drop them, or use sign='any'"
            )
