"""The problem: minimise a convex function of a measure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from ..base.arrays import Array, Field
from ..base.checks import number
from ..base.errors import ProblemError
from ..kernels.protocol import Data
from ..space.feature_map import FeatureMap
from ..space.gauge import Euclidean, Gauge, Signed, nonnegative
from .losses import Loss, suited
from .measure import Measure

if TYPE_CHECKING:
    from ..dual.supremum import Supremum

Sign = Literal["any", "nonnegative", "vector"]


@dataclass(frozen=True, eq=False)
class Problem:
    """min over measures mu of J(mu) = R(int phi dmu) + penalty·|mu|(Theta)   (theory §1, CB18 §1).

    Where the feature map's spec has a penalty weight kappa(theta) > 0, |mu| stands for int kappa d|mu|.

    Parameters
    ----------
    features : the feature map phi: Theta -> F.
    loss : R, with the data.
    penalty : lambda >= 0.
    sign : "any" for signed measures, "nonnegative" for mu >= 0, "vector" for weights in R^q, whose |mu| sums their norms.
        "any" with data of q outputs, (n, q), means "vector".

    Raises
    ------
    ProblemError : data of the wrong length or field, a penalty that is negative or not finite, an unknown sign,
        or a loss of real numbers for complex features.
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
        if self.sign not in get_args(Sign):
            raise ProblemError(f"sign is 'any', 'nonnegative' or 'vector'; got {self.sign!r}; choose one")
        several = self.loss.y.ndim == 2
        if several and (self.features.kind != "ridge" or self.features.family == "2-homogeneous in theta"):
            raise ProblemError(
                f"weights in R^q are for ridge units whose output sign is free; got {self.features.name} and data of shape "
                f"{self.loss.y.shape}; solve one problem for each column"
            )
        if several and self.sign == "any":
            object.__setattr__(self, "sign", "vector")
        if several != (self.sign == "vector"):
            raise ProblemError(
                f"sign is 'vector' exactly where the data have shape (n, q); got {self.sign!r} and data of shape "
                f"{self.loss.y.shape}; change one of them"
            )
        if self.features.kind == "torus" and not self.loss.description["complex_values"]:
            raise ProblemError(
                f"{self.features.name} gives complex numbers, for which not every loss is made; got {self.loss.name}; "
                f"choose one of {', '.join(suited('torus'))}"
            )
        filter_shape = self.features.inputs["filter"].shape if self.features.kind == "torus" else ()
        if np.iscomplexobj(self.loss.y) and len(self.loss.shape) > 1 and self.loss.shape != filter_shape:
            raise ProblemError(
                f"coefficients of several axes must have the features' shape {filter_shape}; got {self.loss.shape}; "
                "check the cutoff, and the order of the axes"
            )
        if len(self.loss.y) != self.features.size:
            raise ProblemError(
                f"data and features must agree: {self.features.name} gives {self.features.size} numbers; "
                f"the data have {len(self.loss.y)}; give one datum for each"
            )
        if self.features.kind == "torus" and not np.iscomplexobj(self.loss.y):
            object.__setattr__(self, "loss", self.loss.with_data(self.loss.y.astype(np.complex128)))
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

    @property
    def loss_arguments(self) -> Data:
        """R as kernels take it."""
        return self.loss.as_data

    @cached_property
    def gauge(self) -> Gauge:
        """The norm of one weight."""
        if self.sign == "vector":
            return Euclidean(self.loss.outputs)
        return nonnegative() if self.sign == "nonnegative" else Signed()

    @property
    def outputs(self) -> int:
        """q, the number of entries of a weight."""
        return self.loss.outputs

    @property
    def zero(self) -> Measure:
        """The measure without atoms."""
        return Measure.zero(self.features.dimension, self.outputs if self.sign == "vector" else None)

    def forward(self, measure: Measure) -> Field:
        """f = int phi dmu, shape (size,), or (n, q)."""
        self.check(measure)
        scaled = self.scaled(measure)
        return self.features.forward(scaled.weights, scaled.positions)

    def scaled(self, measure: Measure) -> Measure:
        """kappa·mu, the measure of which flows and charts speak: its features are phi/kappa, its penalty weight is 1."""
        return self._times(measure, 1)

    def unscaled(self, measure: Measure) -> Measure:
        """mu from kappa·mu."""
        return self._times(measure, -1)

    def _times(self, measure: Measure, power: int) -> Measure:
        """kappa^power·mu."""
        if not self.features.weighted:
            return measure
        factors = self.features.penalty_weights(measure.positions) ** power
        return Measure((measure.weights.T * factors).T, measure.positions)

    def total_variation(self, measure: Measure) -> float:
        """|mu|(Theta), or int kappa d|mu|."""
        return self.scaled(measure).mass

    def value_and_gradient(self, particles: Array) -> tuple[float, Array]:
        """R(f) at f = (1/m) sum_i w_i phi(theta_i), and its gradient by (w_i, theta_i) times m, shape (m, q + d).

        The data term of F_m, in one pass over the features where they are pointwise (CB18 Def 2.2 scales by m).

        Parameters
        ----------
        particles : (m, q + d) float64, rows (w, theta), m >= 1.
        """
        return self.features.value_and_gradient(particles, self.loss_arguments)

    def objective(self, measure: Measure) -> float:
        """J(mu)."""
        return self.loss.value(self.forward(measure)) + self.penalty * self.total_variation(measure)

    @property
    def negligible(self) -> float:
        """2^-52 (R(0) - inf R): J below it is rounding of the data."""
        return float(np.finfo(np.float64).eps * (self.loss.value(np.zeros_like(self.loss.y)) - self.loss.infimum()))

    @cached_property
    def supremum_at_zero(self) -> Supremum:
        """sup_theta |<R'(0), phi(theta)>|, and where it is nearly reached; the penalty plays no part."""
        from ..dual.supremum import sup_certificate

        return sup_certificate(self, self.loss.gradient(np.zeros_like(self.loss.y)))

    def penalty_max(self) -> float:
        """The smallest penalty whose solution is the zero measure, sup_theta |<R'(0), phi(theta)>| (one-sided when mu >= 0;
        the norm of q numbers for weights in R^q).

        Zero when no measure >= 0 improves on none, whatever the penalty. As good as the feature map's bound on that
        supremum: on the torus an upper bound, elsewhere estimated.
        """
        return max(0.0, self.supremum_at_zero.value)

    def with_penalty(self, penalty: float) -> Problem:
        """The same problem with another penalty; the supremum at zero goes with it once it is known.

        Raises
        ------
        ProblemError : a penalty that is negative or not finite.
        """
        other = replace(self, penalty=penalty)
        if (known := vars(self).get("supremum_at_zero")) is not None:
            vars(other)["supremum_at_zero"] = known
        return other

    def check(self, measure: Measure) -> None:
        """Refuse a measure whose positions or weights this problem does not admit."""
        if measure.positions.shape[1] != self.features.dimension:
            raise ProblemError(
                f"positions of this problem have {self.features.dimension} coordinates; got "
                f"{measure.positions.shape[1]}; give positions of shape (k, {self.features.dimension})"
            )
        if measure.outputs != self.outputs or (measure.weights.ndim == 2) != (self.sign == "vector"):
            raise ProblemError(
                f"weights of this problem need shape {'(k, ' + str(self.outputs) + ')' if self.sign == 'vector' else '(k,)'}; "
                f"got {measure.weights.shape}; reshape them"
            )
        if not self.features.domain.contains(measure.positions):
            where = "on the unit sphere" if self.features.domain.sphere else "in the feature map's domain"
            raise ProblemError(f"positions must lie {where}; some do not; project them with features.domain.project")
        if self.sign == "nonnegative" and np.any(measure.weights < 0):
            raise ProblemError(
                f"weights must be >= 0 in this problem; got {measure.weights.min()}; drop them, or use sign='any'"
            )
