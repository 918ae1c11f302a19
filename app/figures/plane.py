"""Atoms in a plane or in space: particles' paths, and the measure over its dual certificate, for each pair of axes."""

import itertools
from typing import TYPE_CHECKING

import numpy as np

from ..files.data import Array
from .certificate import dual_certificate, shade, shade_word
from .figure import BLUE, GREY, VERMILLION, by_sign, without_flow

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

    from ..files.results import Solution

GRID = {2: 241, 3: 61}  # points along each axis at which eta is shown, by dimension
MOST_POINTS = 240_000  # in higher dimensions
LARGEST = 320.0  # area in points² of the disc of the heaviest atom
Pair = tuple[int, int]


def draw_plane(solution: "Solution", figure: "Figure") -> None:
    """Two panels for each pair of axes; what lies along the other axes is seen in projection."""
    from matplotlib.colors import LinearSegmentedColormap

    domain = solution.file.problem.features.domain
    pairs = list(itertools.combinations(range(domain.dimension), 2))
    rows, columns = (1, 2) if len(pairs) == 1 else (2, len(pairs))
    figure.set_size_inches(3.7 * columns + 0.8, 4.0 * rows + 0.4)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    lines, heights = _certificate(solution)
    shades = LinearSegmentedColormap.from_list("certificate", ["white", GREY])
    for paths, atoms, pair in zip(panels[: len(pairs)], panels[len(pairs) :], pairs, strict=True):
        _draw_paths(paths, solution, pair)
        hidden = tuple(axis for axis in range(domain.dimension) if axis not in pair)
        image = atoms.imshow(
            heights.max(axis=hidden).T,
            extent=(*lines[pair[0]][[0, -1]], *lines[pair[1]][[0, -1]]),
            origin="lower",
            aspect="auto",
            interpolation="bilinear",
            cmap=shades,
            vmin=0.0,
            vmax=1.0,
        )
        _draw_atoms(atoms, solution, pair)
        for axes in (paths, atoms):
            _frame(axes, solution, pair)
    _draw_scale(figure, image, panels[len(pairs) :], solution)


def _certificate(solution: "Solution") -> tuple[list[Array], Array]:
    """Heights of eta over the penalty on a grid of Theta, and the grid's lines."""
    problem = solution.file.problem
    domain = problem.features.domain
    count = GRID.get(domain.dimension) or max(3, int(MOST_POINTS ** (1 / domain.dimension)))
    lines = [np.linspace(axis.low, axis.high, count) for axis in domain.axes]
    grid = np.stack([line.ravel() for line in np.meshgrid(*lines, indexing="ij")], axis=1)
    eta = dual_certificate(solution, grid).reshape([count] * domain.dimension)
    return lines, shade(problem, eta)


def _draw_paths(axes: "Axes", solution: "Solution", pair: Pair) -> None:
    from matplotlib.collections import LineCollection

    trajectory, domain = solution.result.trajectory, solution.file.problem.features.domain
    axes.set_title("Particles: paths, and where they end")
    if trajectory is None:
        axes.text(0.5, 0.6, without_flow(solution), transform=axes.transAxes, ha="center")
        return
    weights = trajectory.particles[-1, :, 0]
    moved = trajectory.particles[:, weights != 0, 1:][:, :, list(pair)].copy()
    start = trajectory.particles[0, :, 1:][:, list(pair)]
    extent = (domain.upper - domain.lower)[list(pair)]
    crossing = np.any(domain.wraps[list(pair)] & (np.abs(np.diff(moved, axis=0)) > extent / 2), axis=2)
    ends = moved[-1].copy()
    moved[1:][crossing] = (
        np.nan
    )  # a path that crosses the end of a circle continues at its start, without a stroke across
    colours = by_sign(weights[weights != 0])
    axes.scatter(start[:, 0], start[:, 1], s=1.5, c=GREY, linewidths=0, alpha=0.5)
    axes.add_collection(LineCollection(list(moved.transpose(1, 0, 2)), colors=colours, linewidths=0.8, alpha=0.6))
    axes.scatter(ends[:, 0], ends[:, 1], s=9, c=colours, linewidths=0, zorder=3)


def _draw_atoms(axes: "Axes", solution: "Solution", pair: Pair) -> None:
    measure, truth = solution.result.measure, solution.file.truth
    axes.set_title("The measure" if truth is None else "Solution (discs) and truth (crosses)")
    if truth is not None:
        x, y = truth.positions[:, pair[0]], truth.positions[:, pair[1]]
        axes.scatter(x, y, s=36, marker="x", c="black", linewidths=1.2, zorder=4, clip_on=False)
    if len(measure):
        axes.scatter(
            measure.positions[:, pair[0]],
            measure.positions[:, pair[1]],
            s=_areas(measure.weights),
            c=by_sign(measure.weights),
            edgecolors="white",
            linewidths=0.8,
            alpha=0.9,
            zorder=3,
            clip_on=False,
        )


def _areas(weights: Array) -> Array:
    """Areas of discs in points², in proportion to the weights' sizes."""
    return np.asarray(LARGEST * np.abs(weights) / np.abs(weights).max())


def _frame(axes: "Axes", solution: "Solution", pair: Pair) -> None:
    domain = solution.file.problem.features.domain
    names = [axis.name for axis in domain.axes]
    axes.set_box_aspect(1)
    axes.set_xlim(domain.lower[pair[0]], domain.upper[pair[0]])
    axes.set_ylim(domain.lower[pair[1]], domain.upper[pair[1]])
    axes.set_xlabel(_symbol(names[pair[0]]))
    axes.set_ylabel(_symbol(names[pair[1]]))


def _symbol(name: str) -> str:
    """theta1 as the letter with its index; other names as they are."""
    index = name.removeprefix("theta")
    return rf"$\theta_{{{index}}}$" if name.startswith("theta") and index.isdigit() else name


def _draw_scale(figure: "Figure", image: "AxesImage", panels: Array, solution: "Solution") -> None:
    """What the shades, the discs' areas and their colours mean."""
    from matplotlib.lines import Line2D

    problem, weights = solution.file.problem, solution.result.measure.weights
    hidden = "" if problem.features.dimension == 2 else ", largest along the other axes"
    bar = figure.colorbar(
        image, ax=list(panels), label=f"dual certificate {shade_word(problem)}{hidden}", fraction=0.04, aspect=30
    )
    bar.outline.set_visible(False)
    handles = []
    for colour, sign in ((BLUE, 1), (VERMILLION, -1)):
        if np.any(sign * weights > 0):
            heaviest = int((sign * weights).argmax())
            size, label = np.sqrt(_areas(weights)[heaviest]), f"weight {weights[heaviest]:+.3g}"
            handles.append(Line2D([], [], color=colour, marker="o", linestyle="", markersize=size, label=label))
    if handles:
        figure.legend(handles=handles, loc="outside lower right", ncols=2, handletextpad=0.8)
