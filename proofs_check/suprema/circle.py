"""sup of a trigonometric polynomial of one variable with many coefficients: float64, with a proved bound of its rounding.

P and its derivatives at M >= 8 K equispaced points are fast Fourier transforms; between these points Taylor's polynomial stands
for P, and Bernstein's inequality bounds what it leaves. So a pass is O(K log K), however many maxima there are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from flint import acb, arb
from numpy.typing import NDArray

from ..enclosures.points import down, up
from .branch import TOLERANCE, Bound
from .budget import Budget

Reals = NDArray[np.float64]
Complexes = NDArray[np.complex128]

UNIT = 2.0**-53
_PER_FREQUENCY = 8  # points in a period of the highest frequency, at least
_ORDERS = 14  # terms of Taylor's polynomial: (pi/8)^14/12! is 5e-15
_STAGE = 11 * UNIT  # relative, in the Euclidean norm, of one stage of `transform`
_SUMMED = 1 + 1e-9  # float64: sums of fewer than a million terms >= 0, from numbers rounded a few times
_POLYNOMIAL = 256 * UNIT  # relative to ||P||: values and bounds of polynomials of fourteen terms, on |t| <= 1
_PARTS = 4  # a cell that may hold a larger value is cut into this many
_LEVELS = 20  # cells are 4^-20 of the first then: nothing is left that is not rounding
_CELLS_PER_BOX = 1000  # that take as long as a box of branch and bound
_TURNS = (1, -1j, -1, 1j)  # powers of -i


def transform(values: Complexes, roots: Complexes) -> Complexes:
    """sum_k x_k e^(-2 pi i jk/M), j = 0..M-1, for M a power of 2, by log2 M stages of a + b and w (a - b) (Stockham).

    Off by at most log2(M)·_STAGE/(1 - log2(M)·_STAGE) in the Euclidean norm, relative to the result (Higham, Accuracy and
    Stability of Numerical Algorithms, 2002, Theorem 24.2): a stage is √2 times a unitary matrix A with two entries a row, whose
    moduli have the norm 2. Its entries are off by one rounding of the sum, 2√2 of the product, and 2√2 of w, which is less than
    7 UNIT (|A| |x|)_j to first order and all others, and 7 UNIT·2/√2 is less than _STAGE.

    Parameters
    ----------
    roots : e^(-2 pi i p/M), p < M/2, real and imaginary parts each off by at most 2 UNIT.
    """
    points, length, result = len(values), len(values), values.reshape(len(values), 1)
    while length > 1:
        half = length // 2
        upper, lower = result[:half], result[half:]
        after = np.empty((half, 2, points // length), dtype=np.complex128)
        np.add(upper, lower, out=after[:, 0])
        np.subtract(upper, lower, out=after[:, 1])
        after[:, 1] *= roots[:: points // length, None]
        result, length = after.reshape(half, -1), half
    return result.ravel()


def roots_of_unity(points: int) -> Complexes:
    """e^(-2 pi i p/M), p < M/2, from balls: of these an eighth, the others by symmetry."""
    pairs = [(arb(2 * p) / points).sin_cos_pi() for p in range(points // 8 + 1)]
    sine, cosine = np.array([[float(part.mid()) for part in pair] for pair in pairs]).T
    eighth, quarter = cosine - 1j * sine, points // 4
    mirrored = eighth[-2::-1]  # of pi/2 - x
    first = np.concatenate([eighth, -mirrored.imag - 1j * mirrored.real])[:quarter]
    return np.concatenate([first, first.imag - 1j * first.real])


@dataclass(frozen=True)
class Jets:
    """P(j/M + r t), r = 1/(2M), |t| <= 1, as polynomials in t with coefficients terms[:, j], (_ORDERS, M).

    Parameters
    ----------
    error : how far P, and its first two derivatives by t, may be from what is computed of these polynomials.
    norm : ||P|| is not larger.
    reach : 2 pi K r, or a little more: the n-th derivative by t is at most reach^n ||P|| (Bernstein).
    """

    terms: Reals
    error: float
    norm: float
    reach: float

    @staticmethod
    def of(coefficients: Sequence[acb]) -> Jets:
        """Of P(theta) = Re sum_{k=0}^K b_k e^(-2 pi i k theta).

        b_k is rounded; b_k (-ik/K)^n takes 2n roundings, and each transform its own. ||P|| is bounded from its values on the grid
        (Ehlich and Zeller 1964).
        """
        degree = len(coefficients) - 1
        points = 2 ** math.ceil(math.log2(_PER_FREQUENCY * degree))
        b, missed = _rounded(coefficients)
        roots, reach = roots_of_unity(points), math.pi * degree / points
        terms, power, padded = np.empty((_ORDERS, points)), b, np.zeros(points, dtype=np.complex128)
        for order in range(_ORDERS):
            padded[: degree + 1] = power * _TURNS[order % 4]
            terms[order] = transform(padded, roots).real
            power = power * (np.arange(degree + 1) / degree)
        stages = math.log2(points) * _STAGE
        transformed = math.sqrt(points) * float(np.linalg.norm(b)) * stages / (1 - stages)
        rounded = 2 * _ORDERS * UNIT * float(np.abs(b).sum())
        error = (missed + 2 * rounded + transformed) * _SUMMED
        norm = up((arb(float(np.abs(terms[0]).max())) + arb(error)) / (arb(degree) / points).cos_pi())
        terms *= np.array([reach**n / math.factorial(n) for n in range(_ORDERS)])[:, None]
        reach *= _SUMMED
        left = norm * reach**_ORDERS / math.factorial(_ORDERS - 2)
        total = (error * math.exp(reach) + left + _POLYNOMIAL * norm) * _SUMMED
        return Jets(terms, total, norm, reach)

    def at(self, cells: NDArray[np.intp], places: Reals) -> tuple[Reals, Reals, Reals]:
        """Value, first and second derivative by t, at t = `places` of these cells, each off by at most `error`."""
        value, slope, half = np.zeros(len(cells)), np.zeros(len(cells)), np.zeros(len(cells))
        for row in self.terms[::-1]:
            half = half * places + slope
            slope = slope * places + value
            value = value * places + row[cells]
        return value, slope, 2 * half

    def above(self, jet: tuple[Reals, Reals, Reals], radius: float) -> Reals:
        """Upper bounds of P within a distance `radius` <= 1 of where it has these derivatives by t."""
        value, slope, curvature = jet
        rising = np.abs(slope) * radius + np.maximum(curvature, 0.0) * (radius * radius / 2)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            vertex = np.where(curvature < 0, slope * slope / (-2 * curvature), np.inf)
        bound = value + np.fmin(rising, vertex)
        remainder = (self.reach * radius) ** 3 / 6 * self.norm
        # |v|, |s| r and |c| r²/2 are at most 3 ||P||, and each is rounded a few times
        return np.asarray(bound + (3 * self.error + remainder + _POLYNOMIAL * self.norm) * _SUMMED)


def circle_supremum(coefficients: Sequence[acb], signs: tuple[int, ...], scale: arb, budget: Budget) -> Bound:
    """Bounds of sup s·P over the circle and the signs, as `BranchAndBound` has them, but for the rounding of `Jets`."""
    jets = Jets.of(coefficients)
    if jets.norm == 0.0:
        return Bound(arb(0), arb(0), True)
    searches = [_Search(replace(jets, terms=sign * jets.terms), scale, budget) for sign in signs]
    lower = max(search.lower for search in searches)
    upper, finished = -math.inf, True
    for search in searches:
        search.lower = lower
        above, done = search.run()
        lower, upper, finished = max(lower, search.lower), max(upper, above), finished and done
    return Bound(arb(upper), arb(lower), finished)


class _Search:
    """sup P: cells are cut where they may hold more than the largest value that is known."""

    def __init__(self, jets: Jets, scale: arb, budget: Budget) -> None:
        self.jets, self.scale, self.budget = jets, down(scale), budget
        self.enough = down(budget.enough) if budget.enough.is_finite() else -math.inf
        self.lower = float(jets.terms[0].max()) - jets.error

    @property
    def target(self) -> float:
        """A bound that is good enough, as far as rounding lets it be reached."""
        near = TOLERANCE * max(abs(self.lower), self.scale) + 8 * self.jets.error
        return max(self.lower + near, self.enough)

    def run(self) -> tuple[float, bool]:
        """An upper bound, and whether it is within the target."""
        jets, radius, upper = self.jets, 1.0, -math.inf
        cells, places = np.arange(jets.terms.shape[1]), np.zeros(jets.terms.shape[1])
        for _ in range(_LEVELS):
            jet = jets.at(cells, places) if radius < 1 else (jets.terms[0], jets.terms[1], 2 * jets.terms[2])
            bounds = jets.above(jet, radius)
            self._climb(cells, places, jet, radius)
            open_ = bounds > self.target
            upper = max(upper, float(bounds[~open_].max(initial=-math.inf)))
            if not open_.any():
                return upper, True
            self.budget.spend(1 + int(open_.sum()) // _CELLS_PER_BOX)
            if not self.budget.left:
                break
            offsets = (2 * np.arange(_PARTS) + 1 - _PARTS) * (radius / _PARTS)
            cells, places = np.repeat(cells[open_], _PARTS), (places[open_, None] + offsets).ravel()
            radius /= _PARTS
        return max(upper, float(bounds[open_].max())), False

    def _climb(self, cells: NDArray[np.intp], places: Reals, jet: tuple[Reals, Reals, Reals], radius: float) -> None:
        """Take note of values at the vertices of parabolas that may be larger than what is known."""
        _, slope, curvature = jet
        likely = np.flatnonzero((curvature < 0) & (np.abs(slope) <= -curvature * radius))
        vertex = np.clip(places[likely] - slope[likely] / curvature[likely], -1.0, 1.0)
        found = self.jets.at(cells[likely], vertex)[0]
        self.lower = max(self.lower, float(found.max(initial=-math.inf)) - self.jets.error)


def _rounded(coefficients: Sequence[acb]) -> tuple[Complexes, float]:
    """float64 near the middles of balls, and a bound of the sum of |b_k - that|."""
    parts = [part for entry in coefficients for part in (entry.real, entry.imag)]
    middle = np.array([float(part.mid()) for part in parts])
    radii = sum(float(part.rad()) for part in parts)
    return middle.view(np.complex128), (radii + float(np.abs(middle).sum()) * 2 * UNIT) * _SUMMED
