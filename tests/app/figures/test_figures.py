"""Figures: readable from the saved folder alone, the same bytes each time, and showing what they claim."""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conicflow.app.figures import line as figures_line
from conicflow.app.figures import network as figures_network
from conicflow.app.figures import plane as figures_plane
from conicflow.app.figures import spectrum as figures_spectrum
from conicflow.app.figures.figure import solution_png
from conicflow.app.files.results import Solution, read_result_folder
from conicflow.app.folders.result_folder import solve_problem_file
from conicflow.app.words.tables import atoms, standing, summary
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.figure import Figure

Drawing = Callable[[Solution, Figure], None]
HEADS = {
    "fourier": 'name = "fourier"\ncutoff = 5\n[loss]\nname = "squared"\ndata = "data.npz:coefficients"\n',
    "fourier_2d": 'name = "fourier_2d"\ncutoff = [4, 5]\n[loss]\nname = "squared"\ndata = "data.npz:plane"\n',
    "fourier_3d": 'name = "fourier_3d"\ncutoff = 1\n[loss]\nname = "squared"\ndata = "data.npz:space"\n',
    "gaussian": 'name = "gaussian"\nx = "data.npz:x"\nsigma = 0.1\ntheta = [0, 1]\n'
    '[loss]\nname = "squared"\ndata = "data.npz:bumps"\n',
    "gaussian_2d": 'name = "gaussian_2d"\nx1 = "data.npz:x1"\nx2 = "data.npz:x2"\nsigma1 = 0.15\ntheta1 = [0, 1]\n'
    'theta2 = [0, 1]\n[loss]\nname = "squared"\ndata = "data.npz:image"\n',
    "gaussian_3d_width": 'name = "gaussian_3d_width"\nx1 = "data.npz:x1"\nx2 = "data.npz:x2"\nx3 = "data.npz:x2"\n'
    "sigma = [0.1, 0.3]\ntheta1 = [0, 1]\ntheta2 = [0, 1]\ntheta3 = [0, 1]\n"
    '[loss]\nname = "squared"\ndata = "data.npz:image"\n',
    "line_spectrum": 'name = "line_spectrum"\nt = { data = "data.npz:t", subtract = "mean" }\ntheta = [0.02, 0.4]\n'
    '[loss]\nname = "squared"\ndata = { data = "data.npz:wave", divide = "deviation" }\n',
    "relu": 'name = "relu"\nx = "data.npz:rows"\n'
    '[loss]\nname = "squared"\ndata = { data = "data.npz:fold", divide = 2 }\n',
}
TAILS = {
    "fourier": '[truth]\npositions = "data.npz:positions"\nweights = "data.npz:weights"\n',
    "fourier_2d": '[truth]\npositions = "data.npz:points"\nweights = "data.npz:weights"\n',
    "fourier_3d": "",
    "gaussian": "",
    "gaussian_2d": '[truth]\npositions = "data.npz:places"\nweights = "data.npz:weights"\n',
    "gaussian_3d_width": "[solve]\nrelative_gap = 1e-3\n",
    "line_spectrum": '[labels]\ninput = "time"\nunit = "s"\ndata = "voltage (V)"\n',
    "relu": "[solve]\nrelative_gap = 1e-2\n[holdout]\nfraction = 0.3\n",
}
UNIT = np.arange(-1, 2)
DRAWINGS = {
    "fourier": figures_line.draw_line,
    "fourier_2d": figures_plane.draw_plane,
    "fourier_3d": figures_plane.draw_plane,
    "gaussian": figures_line.draw_line,
    "gaussian_2d": figures_plane.draw_plane,
    "gaussian_3d_width": figures_plane.draw_plane,
    "line_spectrum": figures_spectrum.draw_spectrum,
    "relu": figures_network.draw_network,
}


def solved(folder: Path, kind: str, measure: str) -> Solution:
    """A small problem of a kind, solved into `folder / "out"`."""
    random = np.random.RandomState(0)
    positions, weights = np.array([0.02, 0.5]), np.array([1.0, -0.8])
    x = np.linspace(0, 1, 50)
    t = np.arange(60.0)
    rows = random.standard_normal((80, 2))
    points = np.array([[0.02, 0.3], [0.5, 0.7]])
    x1, x2 = (axis.ravel() for axis in np.meshgrid(np.linspace(0, 1, 9), np.linspace(0, 1, 9)))
    places = np.array([[0.3, 0.3], [0.6, 0.8]])
    bumps = np.exp(-((x1[:, None] - places[:, 0]) ** 2 + (x2[:, None] - places[:, 1]) ** 2) / (2 * 0.15**2))
    arrays: dict[str, Any] = {
        "points": points,
        "plane": np.einsum(
            "ia,ib,i->ab", *(np.exp(-2j * np.pi * points[:, [a]] * np.arange(-4 - a, 5 + a)) for a in (0, 1)), weights
        ),
        "space": np.exp(-2j * np.pi * np.add.outer(np.add.outer(0.02 * UNIT, 0.3 * UNIT), 0.7 * UNIT)),
        "positions": positions,
        "weights": weights,
        "coefficients": np.exp(-2j * np.pi * np.outer(np.arange(-5, 6), positions)) @ weights,
        "x": x,
        "bumps": np.exp(-((x - 0.3) ** 2) / 0.02) + 0.01 * random.standard_normal(50),
        "x1": x1,
        "x2": x2,
        "places": places,
        "image": bumps @ weights,
        "t": t,
        "wave": 3 * np.cos(2 * np.pi * 0.11 * t + 1) + np.cos(2 * np.pi * 0.3 * t) + 0.1 * random.standard_normal(60),
        "rows": rows,
        "fold": np.maximum(rows[:, 0], 0) + 0.1 * random.standard_normal(80),
    }
    np.savez(folder / "data.npz", **arrays)
    sign = '"nonnegative"' if kind == "line_spectrum" else '"any"'
    text = f"[features]\n{HEADS[kind]}[measure]\n{measure}\nsign = {sign}\n{TAILS[kind]}"
    (folder / "problem.toml").write_text(text, encoding="utf-8")
    return solve_problem_file(folder / "problem.toml", folder / "out", 0)


@pytest.fixture(scope="module", params=HEADS)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Solution, Path]:
    folder = tmp_path_factory.mktemp(request.param)
    solution = solved(folder, request.param, "penalty_ratio = 0.05")
    return request.param, solution, folder / "out"


def chunks(png: bytes) -> list[tuple[bytes, bytes]]:
    """Types and contents of a PNG file's chunks, their checksums checked."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    place, found = 8, []
    while place < len(png):
        (length,) = struct.unpack(">I", png[place : place + 4])
        name, body = png[place + 4 : place + 8], png[place + 8 : place + 8 + length]
        assert zlib.crc32(name + body) == struct.unpack(">I", png[place + 8 + length : place + 12 + length])[0]
        found.append((name, body))
        place += 12 + length
    return found


def test_the_figure_is_a_png_at_150_dpi_without_a_date(case: tuple[str, Solution, Path]) -> None:
    found = dict(chunks((case[2] / "figure.png").read_bytes()))
    per_metre, _, unit = struct.unpack(">IIB", found[b"pHYs"])
    assert unit == 1
    assert round(per_metre * 0.0254) == 150
    assert b"tIME" not in found
    assert found[b"tEXt"] == b"Software\x00conicflow"


def test_the_saved_folder_is_enough_to_draw_the_same_bytes(case: tuple[str, Solution, Path]) -> None:
    _, _, folder = case
    assert solution_png(read_result_folder(folder)) == (folder / "figure.png").read_bytes()


def test_every_axis_is_labelled(case: tuple[str, Solution, Path]) -> None:
    kind, solution, _ = case
    figure = Figure()
    DRAWINGS[kind](solution, figure)
    panels = [axes for axes in figure.axes if axes.get_label() != "<colorbar>"]
    assert all(axes.get_ylabel() for axes in figure.axes)
    assert all(axes.get_title(loc="left") or axes.get_title() for axes in panels)
    assert panels[-1].get_xlabel()


def test_the_zero_measure_can_be_drawn_and_told(tmp_path: Path) -> None:
    for kind in HEADS:
        folder = tmp_path / kind
        folder.mkdir()
        solution = solved(folder, kind, "penalty_ratio = 2")
        assert solution.result.status == "converged"
        assert (folder / "out" / "figure.png").is_file()
        assert "zero measure" in atoms(solution)


def test_the_drawn_certificate_stays_within_the_penalty_and_touches_it_at_the_atoms(tmp_path: Path) -> None:
    """Optimality (CB18 Prop 3.1): |eta| <= penalty, eta = -penalty sign(weight) at the atoms."""
    solution = solved(tmp_path, "fourier", "penalty_ratio = 0.05")
    figure = Figure()
    figures_line.draw_line(solution, figure)
    axes = figure.axes[2]
    penalty = solution.file.problem.penalty
    curve = max((np.asarray(line.get_ydata()) for line in axes.get_lines()), key=len)
    # A certified relative gap of 1e-9 bounds the excess of |eta| by about its square root, 3e-5.
    assert np.abs(curve).max() <= penalty * (1 + 1e-4)
    dots = np.asarray(axes.collections[-1].get_offsets())
    np.testing.assert_allclose(dots[:, 1], -penalty * np.sign(solution.result.measure.weights), rtol=1e-4)


@pytest.mark.parametrize(
    ("kind", "drawing"), [("fourier", figures_line.draw_line), ("fourier_2d", figures_plane.draw_plane)]
)
def test_a_path_around_the_circle_leaves_no_stroke_across(tmp_path: Path, kind: str, drawing: Drawing) -> None:
    """The spike at 0.02 draws particles from both sides of 0."""
    solution = solved(tmp_path, kind, "penalty_ratio = 0.05")
    trajectory = solution.result.trajectory
    assert trajectory is not None
    assert np.any(np.abs(np.diff(trajectory.particles[:, :, 1], axis=0)) > 0.5)
    figure = Figure()
    drawing(solution, figure)
    (paths,) = (item for item in figure.axes[0].collections if isinstance(item, LineCollection))
    for path in paths.get_paths():
        points = np.asarray(path.vertices)
        drawn = np.isfinite(points[:-1]).all(axis=1) & np.isfinite(points[1:]).all(axis=1)
        assert np.all(np.abs(np.diff(points[:, 0]))[drawn] < 0.5)
        assert drawn.any()


def test_discs_stand_at_the_atoms_over_a_certificate_that_reaches_its_bound_there(tmp_path: Path) -> None:
    """Areas are in proportion to weights; the shade is |eta|/penalty: at most one, and one at the atoms (CB18 Prop 3.1)."""
    solution = solved(tmp_path, "fourier_2d", "penalty_ratio = 0.05")
    figure = Figure()
    figures_plane.draw_plane(solution, figure)
    atoms = figure.axes[1]
    crosses, discs = (item for item in atoms.collections if isinstance(item, PathCollection))
    measure, truth = solution.result.measure, solution.file.truth
    assert truth is not None
    # bits: what is drawn is copied, not computed
    np.testing.assert_array_equal(np.asarray(crosses.get_offsets()), truth.positions)
    np.testing.assert_array_equal(np.asarray(discs.get_offsets()), measure.positions)
    weights = np.abs(measure.weights)
    np.testing.assert_allclose(discs.get_sizes() / discs.get_sizes().max(), weights / weights.max(), rtol=1e-12)
    shade = np.asarray(atoms.get_images()[0].get_array())
    # A certified relative gap of 1e-9 bounds the excess of |eta| by about its square root, 3e-5.
    assert shade.max() <= 1 + 1e-4
    columns, rows = np.round(measure.positions * (np.array(shade.shape) - 1)).astype(int).T
    # The nearest grid point is at most 0.002 away, where |eta| has lost at most (2 pi 5 · 0.002)²/2 = 0.2 % along each axis.
    assert np.all(shade[rows, columns] >= 0.99)


def test_shades_in_space_are_the_largest_along_the_axis_that_is_not_seen(tmp_path: Path) -> None:
    """On its own pair of axes the one spike is seen at full height in each of the three projections."""
    solution = solved(tmp_path, "fourier_3d", "penalty_ratio = 0.05")
    figure = Figure()
    figures_plane.draw_plane(solution, figure)
    images = [axes.get_images()[0] for axes in figure.axes if axes.get_images()]
    assert len(images) == 3
    for image, (x, y) in zip(images, [(0.02, 0.3), (0.02, 0.7), (0.3, 0.7)], strict=True):
        shade = np.asarray(image.get_array())
        row, column = np.unravel_index(shade.argmax(), shade.shape)
        # The spike lies between the grid's points, which are 1/60 apart.
        assert abs(column / 60 - x) <= 1 / 60
        assert abs(row / 60 - y) <= 1 / 60


def test_a_plane_of_an_interval_and_a_circle(tmp_path: Path) -> None:
    """Frequency by phase: the axes are the domain's, and weights >= 0 are held by -eta alone."""
    solution = solved(tmp_path, "line_spectrum", "penalty_ratio = 0.05")
    figure = Figure()
    figures_plane.draw_plane(solution, figure)
    for axes in figure.axes[:2]:
        assert axes.get_xlim() == (0.02, 0.4)
        assert axes.get_ylim() == (0.0, 2 * np.pi)
        assert (axes.get_xlabel(), axes.get_ylabel()) == ("theta", "p")
    shade = np.asarray(figure.axes[1].get_images()[0].get_array())
    # eta changes its sign with the phase: half of the plane has -eta < 0, shown as none.
    assert 0.4 < np.mean(shade == 0) < 0.6
    assert 0.9 < shade.max() <= 1 + 1e-4


def test_lines_are_drawn_at_their_periods_in_the_units_of_the_data(tmp_path: Path) -> None:
    solution = solved(tmp_path, "line_spectrum", "penalty_ratio = 0.02")
    figure = Figure()
    figures_spectrum.draw_spectrum(solution, figure)
    series, lines = figure.axes
    assert lines.get_xlabel() == "period (s)"
    stems = max((line for line in lines.get_lines()), key=lambda line: len(np.asarray(line.get_xdata())))
    periods, amplitudes = np.asarray(stems.get_xdata()), np.asarray(stems.get_ydata())
    strongest = np.argmax(amplitudes)
    # The wave is 3 cos(2 pi 0.11 t + 1) and weaker things: the penalty shrinks it, noise moves it, by a few per cent.
    assert periods[strongest] == pytest.approx(1 / 0.11, rel=0.02)
    assert 2.5 < amplitudes[strongest] < 3.0
    assert min(np.asarray(series.get_lines()[0].get_xdata())) == 0.0  # times as in the file, not as centred


def test_tables_speak_the_words_of_the_problem(case: tuple[str, Solution, Path]) -> None:
    kind, solution, _ = case
    header = {
        "fourier": ["theta", "weight"],
        "fourier_2d": ["theta1", "theta2", "weight"],
        "fourier_3d": ["theta1", "theta2", "theta3", "weight"],
        "gaussian": ["theta", "weight"],
        "gaussian_2d": ["theta1", "theta2", "weight"],
        "gaussian_3d_width": ["theta1", "theta2", "theta3", "sigma", "weight"],
        "line_spectrum": ["period", "(s)", "frequency", "amplitude", "phase"],
        "relu": ["strength", "theta0", "theta1"],
    }[kind]
    lines = atoms(solution).splitlines()
    assert lines[0].split() == header
    assert len(lines) == 2 + min(20, len(solution.result.measure)) + (len(solution.result.measure) > 20)
    assert standing(solution.result).split(", ")[1] in summary(solution.result)
    assert solution.result.status in summary(solution.result)


def test_held_out_scores_are_in_the_result(tmp_path: Path) -> None:
    """A fold is what one unit makes and a plane cannot: the network must predict rows it has not seen better."""
    solution = solved(tmp_path, "relu", "penalty_ratio = 0.05")
    assert solution.holdout is not None
    assert (solution.holdout["training_rows"], solution.holdout["rows"]) == (56, 24)
    assert solution.holdout["r2"] > solution.holdout["ridge_r2"]
    again = read_result_folder(tmp_path / "out")
    assert again.holdout == solution.holdout
