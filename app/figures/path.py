"""A path: where the atoms are at every penalty, how well they fit, how many they are, and how good the solution is."""

from typing import TYPE_CHECKING

import numpy as np
from conicflow.engine.solve.choice import Choice
from conicflow.engine.solve.path import Path

from ..files.data import Array
from ..words.subject import subject
from .figure import BLUE, GREY, VERMILLION, by_sign

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_COORDINATES = 3  # beyond, and for units of a network, the atoms' strengths are shown instead
LARGEST = 60.0  # area in points² of the heaviest atom's disc
SMALLEST_GAP = 1e-17  # of what is drawn: a gap of zero has no logarithm


def draw_path(path: Path, chosen: Choice | None, figure: "Figure") -> None:
    """Atoms above; objective and fit, number of atoms and gap below, all against the penalty."""
    from matplotlib.ticker import LogLocator, NullLocator

    features = path.problem.features
    shown = subject(features) != "units" and features.dimension <= MOST_COORDINATES
    coordinates = features.domain.axes if shown else ()
    figure.set_size_inches(10.5, 4.0 + 3.0 * max(1, len(coordinates)))
    rows = figure.add_gridspec(max(1, len(coordinates)) + 1, 3)
    wide = [figure.add_subplot(rows[row, :]) for row in range(max(1, len(coordinates)))]
    for index, (axes, axis) in enumerate(zip(wide, coordinates, strict=False)):
        _draw_atoms(axes, path, [result.measure.positions[:, index] for result in path.results])
        axes.set_ylabel(f"position {axis.name}")
        axes.set_ylim(axis.low, axis.high)
    if not coordinates:
        _draw_atoms(wide[0], path, [result.measure.sizes for result in path.results])
        wide[0].set_ylabel("strength $|w|$")
    wide[0].set_title(
        "Atoms: blue positive, vermillion negative, area by weight" if path.problem.outputs == 1 else "Atoms"
    )
    below = [figure.add_subplot(rows[-1, column]) for column in range(3)]
    _draw_objective(below[0], path)
    _draw_counts(below[1], path)
    _draw_gaps(below[2], path)
    for axes in (*wide, *below):
        axes.set_xscale("log")
        axes.set_xlabel(r"penalty $\lambda$")
        axes.set_xlim(path.penalties.max() * 1.1, path.penalties.min() / 1.1)  # as it is solved: from the left
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_locator(NullLocator())
        if chosen is not None:
            axes.axvline(chosen.penalty, color=GREY, linewidth=1.0, linestyle="--", zorder=0)
    if chosen is not None:
        where = ("data", "axes fraction")
        wide[0].annotate("chosen ", (chosen.penalty, 1), xycoords=where, ha="right", va="top", fontsize=8)


def _draw_atoms(axes: "Axes", path: Path, heights: list[Array]) -> None:
    sizes = [result.measure.sizes for result in path.results]
    heaviest = max((float(size.max(initial=0.0)) for size in sizes), default=0.0) or 1.0
    for result, size, height in zip(path.results, sizes, heights, strict=True):
        weights = result.measure.weights if result.measure.weights.ndim == 1 else size
        area = 3 + LARGEST * size / heaviest
        axes.scatter(np.full(len(height), result.penalty), height, s=area, c=by_sign(weights), alpha=0.7, linewidths=0)


def _draw_objective(axes: "Axes", path: Path) -> None:
    axes.set_title("Objective and fit")
    axes.plot(path.penalties, path.objectives, "o-", markersize=3.5, color=BLUE, label="objective $J$")
    axes.plot(path.penalties, path.fits, "s-", markersize=3.5, color=VERMILLION, label="fit $R(f)$")
    if path.fits.min() > 0 and path.objectives.min() > 0:
        axes.set_yscale("log")
    axes.legend(loc="best")


def _draw_counts(axes: "Axes", path: Path) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.set_title("Number of atoms")
    axes.step(path.penalties, path.atoms, where="post", color=BLUE)
    axes.plot(path.penalties, path.atoms, "o", markersize=3.5, color=BLUE)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))


def _draw_gaps(axes: "Axes", path: Path) -> None:
    axes.set_title("Relative gap (dashed: tolerance)")
    axes.set_yscale("log")
    axes.plot(path.penalties, np.maximum(path.relative_gaps, SMALLEST_GAP), "o", markersize=3.5, color=BLUE)
    axes.axhline(path.results[0].tolerance.relative_gap, color="black", linewidth=0.9, linestyle="--")
