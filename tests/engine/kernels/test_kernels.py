"""Loading kernels: an installation that cannot run says so instead of ending the process."""

import importlib
import tomllib
from types import ModuleType

import conicflow.derive
import pytest
from conicflow.engine.base.errors import KernelError, ProblemError
from conicflow.engine.kernels import loading as kernels
from conicflow.generated import _build

SPECS = conicflow.derive.SPECS


def test_an_older_processor_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Instructions that a processor lacks would end the process without a word."""
    monkeypatch.setitem(kernels._NEEDED, _build.cpu, ("ANOTHER_CENTURYS_INSTRUCTIONS",))
    with pytest.raises(KernelError, match=r"lacks ANOTHER_CENTURYS_INSTRUCTIONS; .*pip install"):
        kernels.check_processor.__wrapped__()


def test_this_processor_is_accepted() -> None:
    kernels.check_processor.__wrapped__()


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
