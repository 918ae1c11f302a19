"""`certify` and `plot`: what is in a result folder is enough, and stays."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
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


@pytest.mark.parametrize("boxes", ["nan", "-1", "0", "1e3"])
def test_an_amount_of_work_that_is_none_ends_with_2(tmp_path: Path, boxes: str) -> None:
    done = run("certify", tmp_path, "--boxes", boxes)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "--boxes" in one_line(done.stderr)


def damage_stream(archive: bytearray) -> None:
    """A compressed stream that cannot be one: its first block is of a kind that does not exist."""
    start = 30 + int.from_bytes(archive[26:28], "little") + int.from_bytes(archive[28:30], "little")
    archive[start] |= 7


def encrypt(archive: bytearray) -> None:
    """The flag alone."""
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        archive[archive.find(mark) + place] |= 1


def compress_strangely(archive: bytearray) -> None:
    for mark, place in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        archive[archive.find(mark) + place] = 97


@pytest.mark.parametrize("damage", [damage_stream, encrypt, compress_strangely])
def test_archives_that_cannot_be_unpacked_end_with_2(
    write: Write, tmp_path: Path, damage: Callable[[bytearray], None]
) -> None:
    """As data of a problem, as data of a claim, and as the paths of particles."""
    np.savez_compressed(tmp_path / "y.npz", y=np.load(write(RIGHT).with_name("y.npy")))
    archive = bytearray((tmp_path / "y.npz").read_bytes())
    damage(archive)
    (tmp_path / "damaged.npz").write_bytes(archive)
    problem = write(RIGHT.replace("y.npy", "damaged.npz:y"))
    done = run("solve", problem, "--out", tmp_path / "new")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "[loss] data = 'damaged.npz:y' must be a readable .npz file" in one_line(done.stderr)
    out = tmp_path / "out"
    assert run("solve", write(RIGHT), "--out", out).exit_code == 0
    done = run("certify", out, "--data", tmp_path / "damaged.npz")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "must be readable" in one_line(done.stderr)
    (out / "trajectory.npz").write_bytes(archive.replace(b"y.npy", b"times.npy"))
    for command in ("plot", "certify"):
        (out / "data.npz").write_bytes(archive)
        done = run(command, out)
        assert (done.exit_code, done.stdout) == (2, "")
        one_line(done.stderr)
