"""The problem: minimise a convex function of a measure."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np

from ..base.arrays import Array, Field
from ..base.errors import ProblemError
from ..base.validation import number
from ..dual.certificate import DualCertificate
from ..dual.supremum import Supremum, supremum
from ..kernels.protocol import Data
from ..space.feature_map import FeatureMap
from ..space.gauge import Gauge, Sign, gauge_of
from ..space.sinusoid import Origin
from .background import Background, Columns, constant, directions
from .losses import Loss, suited
from .measure import Measure
from .profiled import Profiled
from .samples import of_same_samples


@dataclass(frozen=True, eq=False)
class Problem:
    """min over measures mu of J(mu) = R(int phi dmu) + penalty·|mu|(Theta)   (docs/theory.md §1, CB18 §1).

    Where the feature map's spec has a penalty weight kappa(theta) > 0, |mu| stands for int kappa d|mu|.

    Parameters
    ----------
    features : the feature map phi: Theta -> F.
    loss : R, with the data.
    penalty : lambda >= 0.
    sign : "any" for signed measures, "nonnegative" for mu >= 0, "vector" for weights in R^q, whose |mu| sums their norms;
        "any" with data of q outputs, (n, q), means "vector". {"up": a, "down": b} counts a positive weight w as a·w and a
        negative one as b·|w|.
    background : an unpenalised linear part B: J(mu) is the minimum over c of R(int phi dmu + Bc) + penalty·|mu|, and `loss`
        is R_B, from which c is eliminated (docs/theory.md §4); None for none.

    Raises
    ------
    ProblemError : data of the wrong length or field, a penalty that is negative or not finite, an unknown sign,
        or a loss of real numbers for complex features.
    """

    features: FeatureMap
    loss: Loss
    penalty: float
    sign: Sign = "any"
    background: Background | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.features, FeatureMap) or not isinstance(self.loss, Loss):
            raise ProblemError(
                f"a problem needs a feature map and a loss; got {type(self.features).__name__} and "
                f"{type(self.loss).__name__}; build them with conicflow.features and conicflow.losses"
            )
        features, loss = of_same_samples(self.features, self.loss.plain)
        object.__setattr__(self, "features", features)
        object.__setattr__(self, "loss", loss)
        object.__setattr__(self, "penalty", _penalty(self.penalty))
        self._validate_weights()
        if self.features.complex and not self.loss.description["complex_values"]:
            raise ProblemError(
                f"{self.features.name} gives complex numbers, for which not every loss is made; got {self.loss.name}; "
                f"choose one of {', '.join(suited('torus'))}"
            )
        self._validate_data()
        self._eliminate_background()
        with np.errstate(over="ignore"):
            largest = self.risk_at_zero
        if not np.isfinite(largest):
            raise ProblemError(
                f"R(0) must be finite; the data reach {np.abs(self.loss.y).max():.3g} in size; rescale them"
            )

    def _eliminate_background(self) -> None:
        if self.background is not None:
            rows = directions(self.background, self.features, self.loss.y)
            object.__setattr__(self, "loss", Profiled.of(self.loss, rows))

    def __getstate__(self) -> dict[str, Any]:
        """What it travels as: what it was given, as it was checked, and nothing that was computed from it."""
        return {item.name: vars(self)[item.name] for item in fields(self)} | {"loss": self.loss.plain}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._eliminate_background()

    def _validate_weights(self) -> None:
        """Features that take the weights that the data ask for, and whose eta can be searched."""
        if self.features.homogeneous and self.features.unit is None:
            raise ProblemError(
                f"homogeneous units need the form s(<v, x>), v = theta or v = theta |theta|, for eta to be searched; "
                f"{self.features.name} has another warp; use one of these"
            )
        if self.loss.y.ndim == 2 and not self.features.takes_vectors:
            raise ProblemError(
                f"weights in R^q are for ridge units whose output sign is free; got {self.features.name} and data of shape "
                f"{self.loss.y.shape}; solve one problem for each column"
            )
        object.__setattr__(self, "sign", self.gauge.sign)

    def _validate_data(self) -> None:
        """As many data as features give numbers, in the same field; on the torus they become complex."""
        features, loss = self.features, self.loss
        if np.iscomplexobj(loss.y) and len(loss.shape) > 1 and loss.shape != features.shape:
            raise ProblemError(
                f"coefficients of several axes must have the features' shape {features.shape}; got {loss.shape}; "
                "check the cutoff, and the order of the axes"
            )
        if len(loss.y) != features.size:
            raise ProblemError(
                f"data and features must agree: {features.name} gives {features.size} numbers; "
                f"the data have {len(loss.y)}; give one datum for each"
            )
        if features.complex and not np.iscomplexobj(loss.y):
            object.__setattr__(self, "loss", loss.with_data(loss.y.astype(np.complex128)))
        if not features.complex and np.iscomplexobj(loss.y):
            raise ProblemError(
                f"{features.name} gives real numbers; the data are complex; give real data, or use a torus feature map"
            )

    @property
    def loss_arguments(self) -> Data:
        """R as kernels take it."""
        return self.loss.as_data

    @cached_property
    def gauge(self) -> Gauge:
        """The norm of one weight."""
        return gauge_of(self.sign, self.loss.outputs if self.loss.y.ndim == 2 else None)

    @property
    def outputs(self) -> int:
        """q, the number of entries of a weight."""
        return self.loss.outputs

    @property
    def zero(self) -> Measure:
        """The measure without atoms."""
        return Measure.zero(self.features.dimension, self.outputs if self.loss.y.ndim == 2 else None)

    def forward(self, measure: Measure) -> Field:
        """f = int phi dmu, shape (size,), or (n, q)."""
        self.validate(measure)
        return self.features.forward(measure.weights, measure.positions)

    def field(self, weights: Array, positions: Array) -> Field:
        """f = sum_i w_i phi(theta_i)/kappa(theta_i), in the shape of the data, for weights (k, q) of kappa·mu."""
        flat = weights if self.loss.y.ndim == 2 else weights[:, 0]
        return self.features.penalised.forward(flat, positions)

    def measure(self, weights: Array, positions: Array) -> Measure:
        """The measure of which kappa·mu has weights (k, q)."""
        flat = weights if self.loss.y.ndim == 2 else weights[:, 0]
        return self.without_penalty_weights(Measure(flat, positions))

    def with_penalty_weights(self, measure: Measure) -> Measure:
        """kappa·mu, the measure of which flows and charts speak: its features are phi/kappa, its penalty weight is 1."""
        return self._times(measure, 1)

    def without_penalty_weights(self, measure: Measure) -> Measure:
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
        return float(self.gauge.size(self.with_penalty_weights(measure).rows).sum())

    def value_and_gradient(self, particles: Array) -> tuple[float, Array]:
        """R(f) at f = (1/m) sum_i w_i phi(theta_i)/kappa(theta_i), and its gradient by (w_i, theta_i) times m, shape (m, q + d).

        The data term of F_m, in one pass over the features where they are pointwise (CB18 Def 2.2 scales by m).

        Parameters
        ----------
        particles : (m, q + d) float64, rows (w, theta), m >= 1, w of kappa·mu.
        """
        features = self.features.penalised
        if self.background is None:
            return features.value_and_gradient(particles, self.loss_arguments)
        f = self.field(particles[:, : self.outputs] / len(particles), particles[:, self.outputs :])
        return self.loss.value(f), features.adjoint(particles, self.loss.gradient(f))[1]

    def objective(self, measure: Measure) -> float:
        """J(mu)."""
        return self.loss.value(self.forward(measure)) + self.penalty * self.total_variation(measure)

    @cached_property
    def risk_at_zero(self) -> float:
        """R(0)."""
        return self.loss.value(np.zeros_like(self.loss.y))

    def dual(self, g: Field) -> DualCertificate:
        """eta = <g, phi/kappa> of a point g of F: its heights compare with the penalty."""
        return DualCertificate(self.features.penalised, self.gauge, g)

    @cached_property
    def supremum_at_zero(self) -> Supremum:
        """The supremum of the height of <R'(0), phi>, and where it is nearly reached; the penalty plays no part."""
        return supremum(self.dual(self.loss.gradient(np.zeros_like(self.loss.y))))

    def penalty_max(self) -> float:
        """The smallest penalty whose solution is the zero measure, sup_theta |<R'(0), phi(theta)>| (one-sided when mu >= 0;
        the norm of q numbers for weights in R^q).

        Zero when no measure >= 0 improves on none, whatever the penalty. As good as the feature map's bound on that
        supremum: on the torus an upper bound, elsewhere estimated.
        """
        return max(0.0, self.supremum_at_zero.value)

    @cached_property
    def centred(self) -> tuple[Problem, Origin] | None:
        """The same problem with samples counted from their middle, and how positions go there and back; None where they are."""
        origin = Origin.of(self.features)
        if origin is None:
            return None
        columns = None if self.background is None else Columns(self.background.columns(self.features))
        return replace(self, features=origin.centred, background=columns), origin

    def background_of(self, measure: Measure) -> Array:
        """The best c with a measure, (p,), or (p, q) for q outputs; (0,) without a background."""
        if not isinstance(self.loss, Profiled):
            return np.zeros(0)
        c = self.loss.coefficients(self.forward(measure))
        return c.reshape(-1, self.outputs) if self.loss.y.ndim == 2 else c

    def fitted(self, measure: Measure) -> Field:
        """int phi dmu + Bc with the best c: what the model says of the data."""
        return self.loss.fitted(self.forward(measure))

    def predict(self, measure: Measure, features: FeatureMap) -> Field:
        """What the model says at other samples of the same feature map: int phi dmu there, and a constant background.

        Raises
        ------
        ProblemError : another background, whose columns at other samples are not those of these.
        """
        f = features.forward(measure.weights, measure.positions)
        if self.background is None:
            return f
        if self.background != constant():
            raise ProblemError(
                f"a background is known at other samples where it is constant; got {self.background}; add it to int phi dmu"
            )
        return np.asarray(f + self.background_of(measure)[0])

    def with_penalty(self, penalty: float) -> Problem:
        """The same problem with another penalty; the supremum at zero goes with it once it is known.

        Raises
        ------
        ProblemError : a penalty that is negative or not finite.
        """
        other = object.__new__(Problem)
        stays = [*(item.name for item in fields(self)), "gauge", "supremum_at_zero", "risk_at_zero"]
        vars(other).update({name: vars(self)[name] for name in stays if name in vars(self)}, penalty=_penalty(penalty))
        return other

    def validate(self, measure: Measure) -> None:
        """Refuse a measure whose positions or weights this problem does not admit."""
        if measure.positions.shape[1] != self.features.dimension:
            raise ProblemError(
                f"positions of this problem have {self.features.dimension} coordinates; got "
                f"{measure.positions.shape[1]}; give positions of shape (k, {self.features.dimension})"
            )
        vectors = self.loss.y.ndim == 2
        if measure.outputs != self.outputs or (measure.weights.ndim == 2) != vectors:
            raise ProblemError(
                f"weights of this problem need shape {'(k, ' + str(self.outputs) + ')' if vectors else '(k,)'}; "
                f"got {measure.weights.shape}; reshape them"
            )
        if not self.features.domain.contains(measure.positions):
            where = self.features.domain.where
            raise ProblemError(f"positions must lie {where}; some do not; project them with features.domain.project")
        if not (admitted := self.gauge.admits(measure.rows)).all():
            raise ProblemError(
                f"weights must be >= 0 in this problem; got {measure.weights[~admitted].min()}; drop them, or use sign='any'"
            )


def _penalty(given: object) -> float:
    """A penalty that a problem may have."""
    penalty = number("the penalty", given, "a finite number >= 0", "give lambda >= 0")
    if penalty < 0:
        raise ProblemError(f"the penalty must be a finite number >= 0; got {penalty}; give lambda >= 0")
    return penalty
