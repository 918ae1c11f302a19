"""The picture of the algorithm shows what it says: every step is computed anew."""

import importlib.util
from pathlib import Path
from types import ModuleType

import conicflow as cf
import numpy as np
import pytest


@pytest.fixture(scope="module")
def algorithm(pytestconfig: pytest.Config) -> ModuleType:
    """docs/draw_algorithm.py, loaded."""
    spec = importlib.util.spec_from_file_location("draw_algorithm", pytestconfig.rootpath / "docs/draw_algorithm.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_each_panel_is_true(algorithm: ModuleType) -> None:
    problem = algorithm.example()
    trajectory, merged, polished, missing = algorithm.steps(problem)
    assert np.all(np.diff(trajectory.energies) <= 0)
    assert len(trajectory.particles[-1]) > 5 * len(merged) >= 5 * len(polished)
    certain = cf.duality_gap(problem, polished)
    assert certain.relative < 1e-12
    assert certain.supremum.value <= problem.penalty * (1 + 1e-9)
    doubtful = cf.duality_gap(problem, missing)
    assert doubtful.supremum.value > 1.1 * problem.penalty
    assert doubtful.objective - certain.objective <= doubtful.gap
    assert doubtful.objective > certain.objective


def test_it_can_be_drawn(algorithm: ModuleType, tmp_path: Path) -> None:
    algorithm.draw(tmp_path / "picture.png")
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")
