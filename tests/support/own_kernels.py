"""The compiler of kernels of one's own, and a cache for them that all tests share, since a compilation takes 20 s."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from conicflow.engine.base.errors import KernelError
from conicflow.engine.kernels.toolchain import find_toolchain


@pytest.fixture(scope="session")
def compiler() -> None:
    """A test that asks for it is left out where there is none: built-in kernels need no compiler, those of one's own do."""
    try:
        find_toolchain()
    except KernelError as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def shared_cache(compiler: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """$CONICFLOW_CACHE for the whole session; pytest's other workers use the same folder."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "kernels"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CONICFLOW_CACHE", str(folder))
        yield folder
