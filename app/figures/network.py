"""A network of units on rows of a table: how it was found, what it predicts, and how strong its units are."""

from typing import TYPE_CHECKING

import numpy as np

from .figure import AS_WRITTEN, BLUE, GREY, SKY, VERMILLION

SHOWN_CLASSES = 8

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..files.results import Solution


SMALLEST = 1e-17  # of J, of what is drawn: zero has no logarithm


def draw_network(solution: "Solution", figure: "Figure") -> None:
    """Three panels: objective and gap against time; predicted against actual; strengths."""
    figure.set_size_inches(11.5, 4.2)
    descent, predictions, strengths = figure.subplots(1, 3, width_ratios=[1.1, 1, 1])
    _draw_descent(descent, solution)
    if solution.file.problem.loss.takes_classes:
        _draw_classes(predictions, solution)
    else:
        _draw_predictions(predictions, solution)
    _draw_strengths(strengths, solution)


def _draw_descent(axes: "Axes", solution: "Solution") -> None:
    result, trace = solution.result, solution.result.trace
    bounded = np.isfinite(result.gap)
    axes.set_title("Descent")
    axes.set_xlabel("time (s)")
    axes.set_ylabel("above the final lower bound" if bounded else "objective")
    axes.set_yscale("log")
    bound = result.objective - result.gap if bounded else 0.0
    flowing = np.array([phase == "flow" for phase in trace["phase"]], dtype=bool)
    smallest = SMALLEST * max(abs(result.objective), np.finfo(np.float64).tiny / SMALLEST)
    seconds, excess, gaps = (
        np.maximum(trace[name] - shift, least)
        for name, shift, least in (("seconds", 0.0, 0.0), ("objective", bound, smallest), ("gap", 0.0, smallest))
    )
    if result.trajectory is not None:
        start = result.trajectory.energies[0] - bound
        flow = np.append(0.0, seconds[flowing]), np.append(start, excess[flowing])
        axes.plot(*flow, color=BLUE, label="objective of the particles")
    if len(seconds):
        axes.plot(seconds[~flowing], excess[~flowing], "s", color=BLUE, markersize=5, label="… merged and polished")
        axes.plot(seconds[~flowing], gaps[~flowing], "o", color=VERMILLION, markersize=4.5, label="gap, float64")
        axes.legend(loc="best")


def _draw_predictions(axes: "Axes", solution: "Solution") -> None:
    file, measure, scores = solution.file, solution.result.measure, solution.holdout
    problem, target = file.problem, file.data["loss.data"]
    sets = [("training rows", problem.features, problem.loss.y, SKY, 9, "r2_training")]
    if file.holdout is not None:
        sets.append(("rows kept out", file.holdout.features, file.holdout.target, VERMILLION, 14, "r2"))
    for name, features, actual, colour, size, score in sets:
        predicted = file.problem.predict(measure, features)
        label = name if scores is None else f"{name}, R² {scores[score]:.3f}"
        pairs = target.in_units(actual).ravel(), target.in_units(predicted).ravel()  # the outputs together
        axes.scatter(*pairs, s=size, color=colour, linewidths=0, label=label)
    ends = [target.values.min(), target.values.max()]
    axes.plot(ends, ends, color=GREY, linewidth=1, zorder=0)
    axes.set_title("Prediction" if scores is None else f"Prediction (ridge regression: R² {scores['ridge_r2']:.3f})")
    axes.set_xlabel(f"{file.labels.data}, actual", **AS_WRITTEN)
    axes.set_ylabel(f"{file.labels.data}, predicted", **AS_WRITTEN)
    axes.legend(loc="upper left", handletextpad=0.2, borderaxespad=0.2)


def _draw_classes(axes: "Axes", solution: "Solution") -> None:
    """How many training rows of each class (across) are given each class (down)."""
    problem, measure = solution.file.problem, solution.result.measure
    actual, given = problem.loss.y.argmax(axis=1), problem.fitted(measure).argmax(axis=1)
    counts = np.zeros((problem.outputs, problem.outputs))
    np.add.at(counts, (given, actual), 1)
    axes.imshow(counts / np.maximum(counts.sum(axis=0), 1), cmap="Greys", vmin=0, vmax=2, aspect="auto")
    if problem.outputs <= SHOWN_CLASSES:
        for row, column in np.ndindex(*counts.shape):
            axes.text(column, row, f"{counts[row, column]:.0f}", ha="center", va="center")
        axes.set_xticks(range(problem.outputs))
        axes.set_yticks(range(problem.outputs))
    axes.set_title(f"Training rows by class: {np.mean(actual == given):.1%} right")
    axes.set_xlabel(f"{solution.file.labels.data}, actual class", **AS_WRITTEN)
    axes.set_ylabel("class of the largest output")


def _draw_strengths(axes: "Axes", solution: "Solution") -> None:
    from matplotlib.ticker import MaxNLocator

    measure = solution.result.measure
    vector = measure.weights.ndim == 2
    weights = measure.sizes if vector else measure.weights
    ordered = weights[np.argsort(-measure.sizes)]
    rank = np.arange(1, len(ordered) + 1)
    axes.set_title(f"The {len(ordered)} units of the measure" if len(ordered) != 1 else "The one unit of the measure")
    axes.set_xlabel("unit, by strength")
    axes.set_ylabel("strength $|w|$")
    raising = "norm of the outputs' weights" if vector else "raise the prediction"
    for sign, colour, label in ((1, BLUE, raising), (-1, VERMILLION, "lower the prediction")):
        shown = np.sign(ordered) == sign
        if shown.any():
            axes.vlines(rank[shown], 0, np.abs(ordered[shown]), color=colour, linewidth=1.6)
            axes.plot(rank[shown], np.abs(ordered[shown]), "o", markersize=4.5, color=colour, label=label)
    axes.set_xlim(0.5, max(len(ordered), 1) + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if len(ordered):
        axes.set_ylim(0, 1.25 * np.abs(ordered[0]))
        axes.legend(loc="upper right")
