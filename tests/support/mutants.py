"""Mutants: a module of the package with one named mistake, on which a test must fail."""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

Mutate = Callable[[ModuleType, str, str], ModuleType]


@pytest.fixture
def mutate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mutate:
    """`mutate(module, right, wrong)`: a second module whose source has `wrong` where, once, the first has `right`."""

    def make(module: ModuleType, right: str, wrong: str) -> ModuleType:
        source = Path(module.__file__ or "").read_text(encoding="utf-8")
        assert source.count(right) == 1, f"{right!r} must occur once in {module.__name__}"
        path = tmp_path / "mutant.py"
        path.write_text(source.replace(right, wrong), encoding="utf-8")
        spec = importlib.util.spec_from_file_location(f"{module.__name__}_mutant", path)
        assert spec is not None
        assert spec.loader is not None
        mutant = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, mutant.__name__, mutant)
        spec.loader.exec_module(mutant)
        return mutant

    return make
