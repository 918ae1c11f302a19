"""A slice of the campaign of forged folders: none is believed, and no honest one refused."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest


@pytest.mark.parametrize("family", ["spikes", "bumps, counts", "bumps, covariance", "relu 2", "relu 12"])
def test_no_forgery_is_believed(
    family: str, tmp_path: Path, pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(pytestconfig.rootpath / "benchmarks"))
    forgeries = importlib.import_module("forgeries")
    found = list(forgeries.cases(9, 1, tmp_path, [family]))
    assert sum(kind != "honest" for _, kind, _ in found) == 9
    assert [(kind, good) for _, kind, good in found if good != (kind == "honest")] == []
