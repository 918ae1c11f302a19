"""A kernel cache that all tests share, since a compilation takes 20 s."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """$CONICFLOW_CACHE for the whole session; pytest's other workers use the same folder."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "kernels"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CONICFLOW_CACHE", str(folder))
        yield folder
