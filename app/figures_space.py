"""Atoms in two or more dimensions: where they are and how heavy, over the dual certificate where that fits on paper."""

from typing import TYPE_CHECKING

import numpy as np

from .figures import BLUE, GREY, VERMILLION
from .figures_line import dual_certificate

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from .results import Solution

LARGEST_ATOM = 220  # area in points²
CERTIFICATE_POINTS = 160  # per axis


def draw_space(solution: "Solution", figure: "Figure") -> None:
    """One panel for each further coordinate, all against the first."""
    names = [axis.name for axis in solution.file.problem.features.domain.axes]
    further = range(1, len(names))
    figure.set_size_inches(2 + 4.2 * len(further), 5.2)
    panels = figure.subplots(1, len(further), squeeze=False)[0]
    for axes, k in zip(panels, further, strict=True):
        if len(names) == 2:
            _draw_certificate(axes, solution, figure)
        _draw_atoms(axes, solution, k)
        axes.set_xlabel(names[0])
        axes.set_ylabel(names[k])
        axes.set_title("Particles at the end (dots), atoms (discs)" if k == 1 else f"The same against {names[k]}")
    if solution.file.truth is not None:
        panels[0].set_title("Particles at the end (dots), atoms (discs), truth (crosses)")


def _draw_certificate(axes: "Axes", solution: "Solution", figure: "Figure") -> None:
    domain, penalty = solution.file.problem.features.domain, solution.file.problem.penalty
    grid = domain.grid((CERTIFICATE_POINTS, CERTIFICATE_POINTS))
    eta = dual_certificate(solution, grid).reshape(CERTIFICATE_POINTS, CERTIFICATE_POINTS)
    extent = (domain.lower[0], domain.upper[0], domain.lower[1], domain.upper[1])
    top = max(penalty, float(np.abs(eta).max()))
    # an atom is as blue or red as the certificate around it: eta = -penalty where weights are positive
    image = axes.imshow(
        eta.T, origin="lower", extent=extent, aspect="auto", cmap="RdBu_r", vmin=-top, vmax=top, alpha=0.6
    )
    bar = figure.colorbar(image, ax=axes, label=r"dual certificate $\eta(\theta)$")
    bar.ax.axhline(-penalty, color="black", linewidth=0.9, linestyle="--")
    bar.ax.axhline(penalty, color="black", linewidth=0.9, linestyle="--")


def _draw_atoms(axes: "Axes", solution: "Solution", k: int) -> None:
    measure, trajectory, truth = solution.result.measure, solution.result.trajectory, solution.file.truth
    domain = solution.file.problem.features.domain
    if trajectory is not None:
        end = trajectory.particles[-1, :, 1:]
        axes.scatter(end[:, 0], end[:, k], s=4, c=GREY, zorder=2)
    if len(measure):
        sizes = LARGEST_ATOM * np.abs(measure.weights) / np.abs(measure.weights).max()
        colours = [BLUE if weight > 0 else VERMILLION for weight in measure.weights]
        axes.scatter(
            measure.positions[:, 0],
            measure.positions[:, k],
            s=sizes,
            c=colours,
            edgecolors="white",
            alpha=0.9,
            zorder=3,
        )
    if truth is not None:
        axes.scatter(
            truth.positions[:, 0], truth.positions[:, k], s=50, marker="x", c="black", linewidths=1.3, zorder=4
        )
    axes.set_xlim(domain.lower[0], domain.upper[0])
    axes.set_ylim(domain.lower[k], domain.upper[k])
