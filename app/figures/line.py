"""Atoms on a line or circle: the particles' paths, the measure they end in, and its dual certificate (CB18 Fig. 1)."""

from typing import TYPE_CHECKING

import numpy as np

from .certificate import dual_certificate, inequality, level_word, levels
from .figure import GREY, by_sign, without_flow

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..files.results import Solution

CURVE_POINTS = 4001


def draw_line(solution: "Solution", figure: "Figure") -> None:
    """Three panels over the same axis of positions."""
    figure.set_size_inches(7.4, 7.8)
    paths, atoms, certificate = figure.subplots(3, 1, sharex=True, height_ratios=[1.25, 1, 1])
    domain = solution.file.problem.features.domain
    _draw_paths(paths, solution)
    _draw_atoms(atoms, solution)
    _draw_certificate(certificate, solution)
    for axes in (paths, atoms, certificate):
        axes.set_xlim(domain.lower[0], domain.upper[0])
        for position in () if solution.file.truth is None else solution.file.truth.positions[:, 0]:
            axes.axvline(position, color=GREY, linewidth=0.7, linestyle=":", zorder=0)


def _draw_paths(axes: "Axes", solution: "Solution") -> None:
    from matplotlib.collections import LineCollection

    trajectory, domain = solution.result.trajectory, solution.file.problem.features.domain
    axes.set_title("Particles: paths, and where they end (dots)")
    axes.set_ylabel("particle weight $w$")
    axes.axhline(0, color=GREY, linewidth=0.8)
    if trajectory is None:
        axes.text(0.5, 0.6, without_flow(solution), transform=axes.transAxes, ha="center")
        return
    weights, positions = trajectory.particles[:, :, 0], trajectory.particles[:, :, 1]
    colours = by_sign(weights[-1])
    if domain.wraps[0]:  # a path that crosses the end of the circle continues at its start, without a stroke across
        crossing = np.abs(np.diff(positions, axis=0)) > (domain.upper[0] - domain.lower[0]) / 2
        weights = weights.copy()
        weights[1:][crossing] = np.nan
    lines = [np.column_stack([positions[:, i], weights[:, i]]) for i in range(positions.shape[1])]
    axes.add_collection(LineCollection(lines, colors=colours, linewidths=0.9, alpha=0.55))
    sizes = [4 if colour == GREY else 15 for colour in colours]
    axes.scatter(positions[-1], trajectory.particles[-1, :, 0], s=sizes, c=colours, zorder=3)
    axes.margins(y=0.08)
    axes.autoscale_view(scalex=False)


def _draw_atoms(axes: "Axes", solution: "Solution") -> None:
    measure, truth = solution.result.measure, solution.file.truth
    positions = measure.positions[:, 0]
    axes.set_title("The measure" if truth is None else "The measure: solution (dots) and truth (crosses)")
    axes.set_ylabel("atom weight")
    axes.axhline(0, color=GREY, linewidth=0.8)
    axes.vlines(positions, 0, measure.weights, colors=by_sign(measure.weights), linewidth=1.6)
    axes.scatter(positions, measure.weights, s=34, c=by_sign(measure.weights), zorder=3)
    if truth is not None:
        axes.scatter(truth.positions[:, 0], truth.weights, s=70, marker="x", c="black", linewidths=1.3, zorder=4)
    axes.margins(y=0.15)


def _draw_certificate(axes: "Axes", solution: "Solution") -> None:
    problem, measure = solution.file.problem, solution.result.measure
    domain, penalty = problem.features.domain, problem.penalty
    curve = np.linspace(domain.lower[0], domain.upper[0], CURVE_POINTS)
    axes.set_title(f"The dual certificate: {inequality(problem)} everywhere, with equality at the atoms")
    axes.set_ylabel(r"$\eta(\theta)$")
    axes.set_xlabel(r"position $\theta$")
    axes.axhline(0, color=GREY, linewidth=0.8)
    for level in levels(problem):
        axes.axhline(level * penalty, color="black", linewidth=0.9, linestyle="--")
        axes.annotate(
            level_word(level),
            (1, level * penalty),
            xycoords=("axes fraction", "data"),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
        )
    axes.plot(curve, dual_certificate(solution, curve[:, None]), color="black", linewidth=1.2)
    heights = dual_certificate(solution, measure.positions)
    axes.scatter(measure.positions[:, 0], heights, s=34, c=by_sign(measure.weights), zorder=3)
    axes.margins(y=0.15)
