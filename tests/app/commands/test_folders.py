"""`certify` and `plot`: what is in a result folder is enough, and stays."""

from pathlib import Path

import pytest
from command_line import RIGHT, Write, one_line, run


def test_plot_draws_the_same_picture_from_the_folder_alone(write: Write, tmp_path: Path) -> None:
    problem = write(RIGHT)
    assert run("solve", problem, "--out", tmp_path / "out").exit_code == 0
    figure = tmp_path / "out" / "figure.png"
    drawn = figure.read_bytes()
    for path in (problem, tmp_path / "y.npy", figure):
        path.unlink()
    done = run("plot", tmp_path / "out")
    assert (done.exit_code, done.stdout.strip()) == (0, str(figure))
    assert figure.read_bytes() == drawn


def test_a_figure_drawn_again_belongs_to_the_folder(write: Write, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run("solve", write(RIGHT), "--out", out).exit_code == 0
    assert run("certify", out).exit_code == 0  # the manifest is no obstacle to the checker
    (out / "problem.toml").write_text('title = "another"\n' + (out / "problem.toml").read_text())
    first = (out / "figure.png").read_bytes()
    assert run("plot", out).exit_code == 0
    assert (out / "figure.png").read_bytes() != first
    assert "'problem.toml', which was changed" in run("solve", write(RIGHT), "--out", out).stderr
    (out / "problem.toml").unlink()
    assert run("solve", write(RIGHT), "--out", out).exit_code == 0


@pytest.mark.parametrize("name", ["result.json", "problem.toml", "data.npz"])
@pytest.mark.parametrize("contents", [None, b"", b"[]", b"{}", b"\xff\x00"])
def test_plot_of_a_damaged_folder_ends_with_2(write: Write, tmp_path: Path, name: str, contents: bytes | None) -> None:
    assert run("solve", write(RIGHT), "--out", tmp_path / "out").exit_code == 0
    damaged = tmp_path / "out" / name
    if contents is None:
        damaged.unlink()
    else:
        damaged.write_bytes(contents)
    done = run("plot", tmp_path / "out")
    assert (done.exit_code, done.stdout) == (2, "")
    one_line(done.stderr)
