"""Loading kernels: an installation that cannot run says so instead of ending the process."""

import importlib
import tomllib
from pathlib import Path
from types import ModuleType

import conicflow.derive
import pytest
from conicflow.engine.base.errors import KernelError, ProblemError
from conicflow.engine.kernels import loading as kernels

SPECS = conicflow.derive.SPECS


def test_an_older_processor_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Instructions that a processor lacks would end the process without a word."""
    for cpu in kernels._NEEDED:
        monkeypatch.setitem(kernels._NEEDED, cpu, ("ANOTHER_CENTURYS_INSTRUCTIONS",))
    with pytest.raises(KernelError, match=r"lacks ANOTHER_CENTURYS_INSTRUCTIONS; .*pip install"):
        kernels.built_for.__wrapped__()


@pytest.fixture
def two_families(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An installation, as of a wheel, with kernels for processors with AVX2 and for any."""
    for folder, cpu in (("wide", "x86-64-v3"), ("portable", "portable")):
        package = tmp_path / "two_families" / folder
        package.mkdir(parents=True)
        (package / "__init__.py").write_text(f"cpu = {cpu!r}\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(kernels, "_FOLDERS", ("two_families.wide", "two_families.portable"))


@pytest.mark.parametrize(
    ("features", "chosen"),
    [
        ({"AVX2": True, "FMA3": True}, "x86-64-v3"),
        ({"AVX2": True, "FMA3": False}, "portable"),
        ({"AVX2": False, "FMA3": False}, "portable"),
        ({}, "x86-64-v3"),  # NumPy does not tell: what was built here, it is hoped, runs here
    ],
)
@pytest.mark.usefixtures("two_families")
def test_the_processor_chooses(monkeypatch: pytest.MonkeyPatch, features: dict[str, bool], chosen: str) -> None:
    monkeypatch.setattr(kernels, "processor_features", lambda: features)
    assert kernels.built_for.__wrapped__().cpu == chosen


def test_an_installation_without_kernels_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "_FOLDERS", ("conicflow.nothing",))
    with pytest.raises(KernelError, match=r"this installation has none; .*pip install"):
        kernels.built_for.__wrapped__()


def test_a_missing_kernel_is_refused() -> None:
    with pytest.raises(KernelError, match="nothing cannot be loaded"):
        kernels.load_kernel("nothing")


def test_a_kernel_in_source_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Uncompiled, it would run a thousand times slower and be taken for the program's speed."""
    monkeypatch.setattr(importlib, "import_module", lambda name: ModuleType(name))
    with pytest.raises(KernelError, match="gaussian was loaded from source"):
        kernels.load_kernel.__wrapped__("gaussian")


def test_names_by_kind() -> None:
    """Every spec has its kernel, and no kernel is without its spec."""
    losses, features = set(), set()
    for path in SPECS.glob("*.toml"):
        (losses if "loss" in tomllib.loads(path.read_text())["kind"] else features).add(path.stem)
    assert kernels.kernel_names("loss") == tuple(sorted(losses))
    assert kernels.kernel_names("pointwise", "ridge", "torus") == tuple(sorted(features))


@pytest.mark.parametrize(("name", "hint"), [("gausian", r"did you mean gaussian\?"), ("xyz", "choose one of them")])
def test_names_that_a_user_typed(name: str, hint: str) -> None:
    with pytest.raises(ProblemError, match=rf"a feature map is one of .*; got '{name}'; {hint}"):
        kernels.find_kernel(name, "pointwise", "ridge", "torus")
    with pytest.raises(
        ProblemError, match=rf"a loss is one of {', '.join(kernels.kernel_names('loss'))}; got 'fourier'"
    ):
        kernels.find_kernel("fourier", "loss")
