"""The figure of a solution: which drawing suits the problem, in one style, as a PNG file."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from conicflow.engine.feature_map import FeatureMap

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .results import Solution

# Okabe and Ito's palette, told apart with every kind of colour vision.
BLUE, VERMILLION, SKY, GREY = "#0072B2", "#D55E00", "#56B4E9", "#8C8C8C"

DPI = 150
STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "axes.titlesize": 10.5,
    "axes.titlelocation": "left",
    "axes.labelsize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.4,
    "figure.titlesize": 12,
    "mathtext.fontset": "dejavusans",
}


def draw(solution: "Solution", path: Path) -> None:
    """Draw a solution into the PNG file `path`."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    drawing = _drawing(solution.file.problem.features)
    with rc_context(STYLE):
        figure = Figure(layout="constrained")
        drawing(solution, figure)
        figure.suptitle(solution.file.title, x=0.01, ha="left", weight="bold")
        partial = path.with_suffix(".partial")
        figure.savefig(partial, format="png", dpi=DPI, metadata={"Software": "conicflow"})
    os.replace(partial, path)


def _drawing(features: FeatureMap) -> "Callable[[Solution, Figure], None]":
    """The drawing for a feature map."""
    if features.name == "line_spectrum":
        from .figures_spectrum import draw_spectrum

        return draw_spectrum
    if features.kind == "ridge":
        from .figures_network import draw_network

        return draw_network
    if features.dimension > 1:
        from .figures_plane import draw_plane

        return draw_plane
    from .figures_line import draw_line

    return draw_line
