"""A line spectrum: the data with the fit, and the amplitude of each line against its period."""

from typing import TYPE_CHECKING

import numpy as np

from ..words.tables import amplitudes_in_units
from .figure import AS_WRITTEN, BLUE, GREY, VERMILLION

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..files.results import Solution

LABELLED_LINES = 10
LABEL_WIDTH = 0.015  # of the axis; labels are upright, as in a printed spectrum
CURVE_POINTS = 4001


def draw_spectrum(solution: "Solution", figure: "Figure") -> None:
    """Two panels: data and fit against time; amplitude against period."""
    figure.set_size_inches(9, 6.4)
    series, lines = figure.subplots(2, 1)
    _draw_series(series, solution)
    _draw_lines(lines, solution)


def _draw_series(axes: "Axes", solution: "Solution") -> None:
    file, measure = solution.file, solution.result.measure
    (name,) = file.problem.features.inputs
    times, target = file.data[f"features.{name}"], file.data["loss.data"]
    curve = np.linspace(times.array.min(), times.array.max(), CURVE_POINTS)
    fit = file.problem.features.with_inputs(**{name: curve}).forward(measure.weights, measure.positions)
    if file.problem.background is not None:  # known at the samples, drawn straight between them
        added = file.problem.fitted(measure) - file.problem.forward(measure)
        samples, order = file.problem.features.inputs[name], np.argsort(file.problem.features.inputs[name])
        fit = fit + np.interp(curve, samples[order], added[order])
    axes.plot(times.values, target.values, "o", markersize=3, color=GREY, label="data")
    axes.plot(times.in_units(curve), target.in_units(fit), color=BLUE, label=f"the {len(measure)} lines together")
    axes.set_title("Data and fit")
    axes.set_xlabel(file.labels.input, **AS_WRITTEN)
    axes.set_ylabel(file.labels.data, **AS_WRITTEN)
    axes.margins(x=0.01)
    axes.legend(loc="lower right", ncols=2, bbox_to_anchor=(1, 1), borderaxespad=0)


def _draw_lines(axes: "Axes", solution: "Solution") -> None:
    from matplotlib.ticker import NullLocator

    file, measure = solution.file, solution.result.measure
    domain = file.problem.features.domain
    shortest, longest = 1 / domain.upper[0], 1 / max(domain.lower[0], domain.upper[0] / 1000)
    axes.set_title("Lines, the strongest labelled by period")
    axes.set_xscale("log")
    axes.set_xlim(shortest * 0.97, longest * 1.03)
    ticks = [digit * 10.0**power for power in range(-6, 7) for digit in (1, 2, 3, 4, 5, 6, 8)]
    shown = [tick for tick in ticks if shortest * 0.97 <= tick <= longest * 1.03]
    axes.set_xticks(shown, [f"{tick:g}" for tick in shown])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel(f"period ({file.labels.unit or 'unit of ' + file.labels.input})", **AS_WRITTEN)
    axes.set_ylabel(f"amplitude, {file.labels.data}", **AS_WRITTEN)
    if not len(measure):
        return
    periods = 1 / measure.positions[:, 0]
    amplitudes = amplitudes_in_units(solution)
    axes.vlines(periods, 0, amplitudes, color=VERMILLION, linewidth=1.6)
    axes.plot(periods, amplitudes, "o", markersize=4.5, color=VERMILLION)
    axes.set_ylim(min(0.0, 1.2 * amplitudes.min()), 1.25 * max(0.0, amplitudes.max()))
    places = np.log(periods) / np.log(longest / shortest)
    for index in np.argsort(-np.abs(amplitudes))[:LABELLED_LINES]:
        taller = amplitudes > amplitudes[index]
        if np.any(np.abs(places - places[index])[taller] < LABEL_WIDTH / 2):
            continue  # the label would lie across the stem of a stronger line
        axes.annotate(
            f"{periods[index]:.1f}",
            (periods[index], amplitudes[index]),
            xytext=(0, 6),
            textcoords="offset points",
            ha="center",
            rotation=90,
            fontsize=8.5,
        )
