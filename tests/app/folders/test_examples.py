"""The bundled examples are what their sources say."""

import csv
import importlib.util
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from conicflow.app.files.problem import read_problem

EXAMPLES = Path(str(files("conicflow.app") / "examples" / "e1" / "problem.toml")).parents[1]


def test_e1_is_what_its_maker_says() -> None:
    spec = importlib.util.spec_from_file_location("make_data", EXAMPLES / "e1" / "make_data.py")
    assert spec is not None
    assert spec.loader is not None
    maker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(maker)
    stored = np.load(EXAMPLES / "e1" / "data.npz")
    for name, values in maker.make_data().items():
        # exp may differ in the last place from one platform to another
        np.testing.assert_allclose(stored[name], values, rtol=0, atol=1e-14)
    positions = np.sort(stored["positions"])
    assert np.diff([*positions, positions[0] + 1]).min() >= 1 / 7
    assert np.all((np.abs(stored["weights"]) >= 0.5) & (np.abs(stored["weights"]) <= 1.5))
    np.testing.assert_array_equal(stored["y"], np.conj(stored["y"][::-1]))  # bits: stored so, and a sign is exact
    clean = np.exp(-2j * np.pi * np.outer(np.arange(-7, 8), stored["positions"])) @ stored["weights"]
    assert np.linalg.norm(stored["y"] - clean) == pytest.approx(0.03 * np.linalg.norm(clean), rel=1e-12)


@pytest.mark.parametrize("name", ["e1", "sunspots", "diabetes"])
def test_the_bundled_examples_are_problems(name: str) -> None:
    file = read_problem(EXAMPLES / name / "problem.toml")
    assert 0 < file.problem.penalty < file.problem.penalty_max()


@pytest.mark.parametrize(("name", "rows"), [("sunspots/sunspots.csv", 309), ("diabetes/diabetes.csv", 442)])
def test_the_bundled_tables_are_whole(name: str, rows: int) -> None:
    with (EXAMPLES / name).open(newline="") as stream:
        assert len(list(csv.reader(stream))) == rows + 1
