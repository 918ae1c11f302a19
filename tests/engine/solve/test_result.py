"""Result folders: exact, whole or absent, and never over something that is not a result."""

import json
from pathlib import Path

import conicflow as cf
import numpy as np
import pytest
from problems import units


@pytest.fixture(scope="module", params=["scalars", "vectors"])
def result(request: pytest.FixtureRequest) -> cf.Result:
    """A small solved problem with one atom at a position that has no short decimal form, or atoms with vectors as weights."""
    if request.param == "vectors":
        return cf.solve(units("cosine", 2, ratio=0.5)[0], particles=20, relative_gap=1e-3)
    k = np.arange(-3, 4)
    y = np.exp(-2j * np.pi * k / 3)
    return cf.solve(cf.Problem(cf.features.fourier(cutoff=3), cf.losses.squared(y), 0.7))


def test_a_round_trip_keeps_every_bit(result: cf.Result, tmp_path: Path) -> None:
    result.save(tmp_path / "out")
    again = cf.Result.load(tmp_path / "out")
    for name in (
        "objective",
        "gap",
        "relative_gap",
        "tolerance",
        "penalty",
        "seconds",
        "status",
        "ended_by",
        "schedule",
        "sign",
        "loss",
        "features",
    ):
        assert getattr(again, name) == getattr(result, name)
    assert again.certificate == result.certificate
    # bits: written in hexadecimal, or as they are in memory, and read
    assert again.measure.weights.tobytes() == result.measure.weights.tobytes()
    assert again.measure.positions.tobytes() == result.measure.positions.tobytes()
    assert result.trajectory is not None
    assert again.trajectory is not None
    assert again.trajectory.particles.tobytes() == result.trajectory.particles.tobytes()
    for name in ("seconds", "objective", "gap", "atoms"):
        np.testing.assert_array_equal(again.trace[name], result.trace[name])
        assert again.trace[name].dtype == result.trace[name].dtype == np.float64
    assert again.trace["phase"] == result.trace["phase"]


def test_json_holds_the_promised_keys_and_exact_floats(result: cf.Result, tmp_path: Path) -> None:
    result.save(tmp_path / "out")
    data = json.loads((tmp_path / "out" / "result.json").read_text())
    promised = "schema status objective gap relative_gap rounding reference proof certificate interrupted ended_by"
    assert set(promised.split()) <= set(data)
    assert {"weights", "positions", "penalty", "evaluations", "seconds"} <= set(data)
    assert {"method", "sup_bound"} == set(data["certificate"])
    assert float.fromhex(data["exact"]["objective"]) == result.objective
    with np.load(tmp_path / "out" / "measure.npz") as arrays:
        assert arrays["weights"].tobytes() == result.measure.weights.tobytes()  # bits: written as they are in memory


def test_the_zero_measure_survives(tmp_path: Path) -> None:
    zero = cf.solve(cf.Problem(cf.features.fourier(cutoff=2), cf.losses.squared(np.zeros(5)), 1.0))
    zero.save(tmp_path / "zero")
    assert cf.Result.load(tmp_path / "zero").measure.positions.shape == (0, 1)
    vectors, _ = units("cosine", 2, ratio=1.5)
    cf.solve(vectors).save(tmp_path / "vectors")
    again = cf.Result.load(tmp_path / "vectors")
    assert (again.status, again.measure.weights.shape, again.measure.positions.shape) == (
        "converged",
        (0, 2),
        (0, 3),
    )


def test_a_failure_in_the_middle_keeps_what_there_is(
    result: cf.Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(*arguments: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    result.save(tmp_path / "earlier")
    monkeypatch.setattr(np, "savez", full_disk)
    for name in ("new", "earlier"):
        with pytest.raises(cf.ProblemError, match=rf"No space left on device; a part of it is in .*{name}\.1$"):
            result.save(tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["earlier", "earlier.1", "new.1"]
    assert cf.Result.load(tmp_path / "earlier").gap == result.gap


def test_an_earlier_result_is_replaced_and_other_things_are_not(result: cf.Result, tmp_path: Path) -> None:
    """More about folders is in `test_folder`."""
    result.save(tmp_path / "out")
    result.save(tmp_path / "out")
    (tmp_path / "empty").mkdir()
    result.save(tmp_path / "empty")
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").write_text("years of work")
    (tmp_path / "thesis" / "result.json").write_text("the name by which results were known once")
    (tmp_path / "file").write_text("a file")
    for name in ("thesis", "file", "file/below", "x" * 300, "nul\0byte"):
        with pytest.raises(cf.ProblemError, match="; choose another"):
            result.save(tmp_path / name)
    assert (tmp_path / "thesis" / "chapter.tex").read_text() == "years of work"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "file", "out", "thesis"]
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert set(manifest["files"]) == {"result.json", "measure.npz", "trajectory.npz"}


@pytest.mark.parametrize(
    "damage",
    [
        "",
        "not json",
        "[]",
        '{"schema": 99}',
        "[" * 100_000,
        '{"schema": 3, "exact": {"weights": ["zz"]}}',
    ],
)
def test_damaged_json_is_refused(damage: str, tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text(damage)
    with pytest.raises(cf.ProblemError, match="solve"):
        cf.Result.load(tmp_path)


@pytest.mark.parametrize(
    "key", ["exact", "trace", "features", "certificate", "status", "ended_by", "schedule", "evaluations"]
)
def test_a_missing_key_is_refused(key: str, result: cf.Result, tmp_path: Path) -> None:
    result.save(tmp_path / "out")
    path = tmp_path / "out" / "result.json"
    data = json.loads(path.read_text())
    del data[key]
    path.write_text(json.dumps(data))
    with pytest.raises(cf.ProblemError, match=key):
        cf.Result.load(tmp_path / "out")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 garbage"])
def test_a_damaged_trajectory_is_refused(content: bytes, result: cf.Result, tmp_path: Path) -> None:
    result.save(tmp_path / "out")
    (tmp_path / "out" / "trajectory.npz").write_bytes(content)
    with pytest.raises(cf.ProblemError, match="result folder"):
        cf.Result.load(tmp_path / "out")


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(cf.ProblemError, match="No such file"):
        cf.Result.load(tmp_path / "nowhere")
