"""The figure of a solution: which drawing suits the problem, in one style, as a PNG file."""

import warnings
from collections.abc import Callable
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from conicflow.engine.space.feature_map import FeatureMap

from ..files.data import Array
from ..words.subject import subject
from ..words.tables import standing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..files.results import Solution

# Okabe and Ito's palette, told apart with every kind of colour vision.
BLUE, VERMILLION, SKY, GREY = "#0072B2", "#D55E00", "#56B4E9", "#8C8C8C"

AS_WRITTEN: dict[str, Any] = {"parse_math": False}  # a user's words: a dollar in them is a dollar

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


def solution_png(solution: "Solution") -> bytes:
    """The figure of a solution, as a PNG file."""
    drawing = _drawing(solution.file.problem.features)
    return png(lambda figure: drawing(solution, figure), solution.file.title, standing(solution.result))


def png(drawing: "Callable[[Figure], None]", title: str, note: str = "") -> bytes:
    """A drawing as a PNG file, in the style of all figures, with a note below it."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(STYLE), np.errstate(all="ignore"):  # numbers near the ends of float64 are drawn as far as they go
        figure = Figure(layout="constrained")
        drawing(figure)
        figure.suptitle(title, x=0.01, ha="left", weight="bold", **AS_WRITTEN)
        if note:
            figure.supxlabel(note, x=0.01, ha="left", fontsize=9, color=GREY)
        stream = BytesIO()
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph .* missing from")  # a box stands for it
            figure.savefig(stream, format="png", dpi=DPI, metadata={"Software": "conicflow"})
    return stream.getvalue()


def by_sign(weights: Array) -> list[str]:
    """Blue for positive weights, vermillion for negative ones, grey for zero."""
    return [BLUE if weight > 0 else VERMILLION if weight < 0 else GREY for weight in weights]


def without_flow(solution: "Solution") -> str:
    """Why there are no paths to draw."""
    zero = len(solution.result.measure) == 0
    return "the solution is the zero measure: no flow" if zero else "begun from a measure: no flow"


def _drawing(features: FeatureMap) -> "Callable[[Solution, Figure], None]":
    """The drawing for a feature map."""
    shown = subject(features)
    if shown == "lines":
        from .spectrum import draw_spectrum

        return draw_spectrum
    if shown == "units":
        from .network import draw_network

        return draw_network
    if features.dimension > 1:
        from .plane import draw_plane

        return draw_plane
    from .line import draw_line

    return draw_line
