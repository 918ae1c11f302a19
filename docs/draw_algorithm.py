"""Draws docs/algorithm.png: the steps of `conicflow.solve` on three spikes of the torus, every panel as computed.

Run in a checkout, with conicflow installed: python docs/draw_algorithm.py
"""

from __future__ import annotations

from pathlib import Path

import conicflow as cf
import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

FOLDER = Path(__file__).parent
BLUE, RED, GREY = "#0072B2", "#D55E00", "0.6"
STYLE = {"font.size": 8, "axes.spines.top": False, "axes.spines.right": False, "axes.titlesize": 8.5}
PARTICLES, UNTIL = 40, 0.7


def example() -> cf.Problem:
    """Three spikes seen through their Fourier coefficients |k| <= 7, with a little noise."""
    features = cf.features.fourier(cutoff=7)
    noise = np.random.default_rng(3).standard_normal((2, features.size))
    y = features.forward(np.array([1.0, -0.8, 0.7]), np.array([[0.18], [0.45], [0.8]])) + 0.1 * (
        noise[0] + 1j * noise[1]
    )
    return cf.Problem(features, cf.losses.squared(y), penalty=1.5)


def stems(axes: Axes, measure: cf.Measure, colour: str, size: float) -> None:
    """Atoms as stems."""
    axes.vlines(measure.positions[:, 0], 0, measure.weights, color=colour, lw=1.2)
    axes.plot(measure.positions[:, 0], measure.weights, "o", color=colour, ms=size)


def draw_flow(axes: Axes, trajectory: cf.Trajectory) -> None:
    """Paths of particles (position across, weight upwards), and where they are at the end."""
    paths = trajectory.particles
    for i in range(paths.shape[1]):
        axes.plot(paths[:, i, 1], paths[:, i, 0] / PARTICLES, color=GREY, lw=0.7)
    axes.plot(paths[0, :, 1], paths[0, :, 0] / PARTICLES, ".", color=GREY, ms=3)
    axes.plot(paths[-1, :, 1], paths[-1, :, 0] / PARTICLES, "o", color=BLUE, ms=3)
    axes.set(title="1  flow: many particles\nfollow the gradient", ylabel="weight")


def draw_merged(axes: Axes, merged: cf.Measure, polished: cf.Measure) -> None:
    """What merging makes of the particles, and where Newton's method takes it."""
    stems(axes, merged, GREY, 7)
    stems(axes, polished, BLUE, 4)
    axes.set(title="2  merge: few atoms (grey)\n3  polish: Newton's method (blue)", ylabel="weight")


def draw_certificate(axes: Axes, problem: cf.Problem, measure: cf.Measure) -> None:
    """eta of a measure, the bounds -penalty and penalty, and its values at the atoms."""
    theta, residual = np.linspace(0, 1, 600), cf.duality_gap(problem, measure).residual
    eta = problem.features.eta(theta[:, None], residual)
    outside = np.abs(eta) > problem.penalty * (1 + 1e-9)
    axes.hlines([problem.penalty, -problem.penalty], 0, 1, color=RED, lw=0.9)
    axes.plot(theta, eta, color="0.2", lw=1.0)
    axes.plot(theta, np.where(outside, eta, np.nan), color=RED, lw=2.2)
    axes.plot(measure.positions[:, 0], problem.features.eta(measure.positions, residual), "o", color=BLUE, ms=4)
    axes.set_yticks([-problem.penalty, 0, problem.penalty], ["−λ", "0", "λ"])


def steps(problem: cf.Problem) -> tuple[cf.Trajectory, cf.Measure, cf.Measure, cf.Measure]:
    """The flow, its merged particles, these polished, and polished without their last atom: as if the flow had lost it."""
    trajectory = cf.flow(problem, cf.initial.grid(problem, PARTICLES), until=UNTIL, snapshots=60)
    weights, positions = trajectory.particles[-1, :, 0] / PARTICLES, trajectory.particles[-1, :, 1:]
    merged = cf.merge(problem, cf.Measure(weights, positions % 1.0), 0.7)
    polished = cf.polish(problem, merged)
    return trajectory, merged, polished, cf.polish(problem, cf.Measure(polished.weights[:-1], polished.positions[:-1]))


def draw(path: Path) -> None:
    """All panels into a PNG file."""
    problem = example()
    trajectory, merged, polished, missing = steps(problem)
    with rc_context(dict(STYLE)):
        figure = Figure(figsize=(10.0, 2.4), layout="constrained")
        panels = figure.subplots(1, 4)
        draw_flow(panels[0], trajectory)
        draw_merged(panels[1], merged, polished)
        draw_certificate(panels[2], problem, polished)
        panels[2].set(title="4  bound: |η| ≤ λ everywhere:\nnothing is lower", ylabel="η")
        draw_certificate(panels[3], problem, missing)
        panels[3].set(title="5  else insert atoms\nwhere |η| > λ, and polish", ylabel="η")
        for axes in panels:
            axes.set(xlim=(0, 1), xlabel="position θ")
            axes.axhline(0, color="0.85", lw=0.7, zorder=0)
        figure.savefig(path, dpi=110, metadata={"Software": "conicflow"})


if __name__ == "__main__":
    draw(FOLDER / "algorithm.png")
