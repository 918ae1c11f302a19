"""Loading compiled kernels: those made for this processor, where there is a choice, and none that it cannot run."""

from __future__ import annotations

import importlib
import json
import pkgutil
from functools import cache
from types import ModuleType
from typing import Any

from ..base.errors import KernelError, ProblemError

_FOLDERS = (
    "conicflow.generated.wide",
    "conicflow.generated.portable",
)  # a wheel for many machines has both; the first wins
_DESCRIBED = "conicflow.generated"  # with modules that only describe
KINDS = ("pointwise", "ridge", "torus")  # of feature maps
_NEEDED = {"x86-64-v3": ("AVX2", "FMA3"), "x86-64": (), "native": (), "portable": ()}


@cache
def built_for() -> ModuleType:
    """The package of the kernels in use, which tells how they were built: for `cpu`, with the `arguments` of the compiler
    and of `pythran`.

    Kernels are built for a processor family; running them on an older one would end the process without a word.

    Raises
    ------
    KernelError : no kernels are installed, or all were built for processors with other instructions.
    """
    refused = []
    for folder in _FOLDERS:
        try:
            build = importlib.import_module(folder)
        except ModuleNotFoundError:
            continue
        missing = missing_features(build.cpu)
        if not missing:
            return build
        refused.append(f"the kernels were built for {build.cpu} processors; this one lacks {', '.join(missing)}")
    reason = "; ".join(refused) or "kernels must be compiled; this installation has none"
    raise KernelError(
        f"{reason}; install again on this machine with: pip install --force-reinstall -Csetup-args=-Dcpu=portable ."
    )


def processor_features() -> dict[str, bool]:
    """Which instruction sets this processor has, by NumPy's names; empty where NumPy does not tell."""
    try:
        from numpy._core._multiarray_umath import __cpu_features__
    except ImportError:
        return {}
    return dict(__cpu_features__)


def missing_features(cpu: str) -> list[str]:
    """Instruction sets that kernels of a family need and this processor lacks."""
    present = processor_features()
    return [feature for feature in _NEEDED[cpu] if not present.get(feature, not present)]


@cache
def load_kernel(name: str) -> ModuleType:
    """The compiled module of a spec, or one that several share.

    Raises
    ------
    KernelError : the module is missing, is not compiled, or was built for a processor with other instructions.
    """
    try:
        module = importlib.import_module(f"{_packages().get(name, built_for().__name__)}.{name}")
    except ImportError as error:
        raise KernelError(
            f"every built-in spec has a compiled kernel; {name} cannot be loaded ({error}); install conicflow again"
        ) from None
    if not hasattr(module, "__pythran__") and not _only_describes(module):
        raise KernelError(f"kernels must be compiled; {name} was loaded from source; install conicflow again")
    return module


@cache
def _packages() -> dict[str, str]:
    """Where the module of each name is: compiled ones beside those of their processor family, others beside these folders."""
    found: dict[str, str] = {}
    for package in (importlib.import_module(_DESCRIBED), built_for()):
        found |= {item.name: package.__name__ for item in pkgutil.iter_modules(package.__path__) if not item.ispkg}
    return found


def _only_describes(module: ModuleType) -> bool:
    """Whether nothing of a module is meant to be compiled: maps on the torus compute with `_torus` alone."""
    return bool(json.loads(getattr(module, "DESCRIPTION", "{}")).get("kind") == "torus")


def covariance_kernel(complex_values: bool) -> object:
    """`LossKernel.fit` of R(f) = <f - y, precision (f - y)>/2, whose parameters are the precision matrix."""
    module = load_kernel("_covariance")
    return module.fit_complex if complex_values else module.fit


@cache
def describe(name: str) -> dict[str, Any]:
    """What a kernel says of itself: name, kind, title, equation, parameters, inputs, constants, family."""
    description: dict[str, Any] = json.loads(load_kernel(name).DESCRIPTION)
    return description


@cache
def kernel_names(*kinds: str) -> tuple[str, ...]:
    """Names of the built-in kernels of the given kinds (pointwise, ridge, torus, loss), sorted."""
    names = sorted(name for name in _packages() if not name.startswith("_"))  # others are shared by several specs
    return tuple(name for name in names if describe(name)["kind"] in kinds)


def find_kernel(name: str, *kinds: str) -> ModuleType:
    """`load_kernel`, for a name that a user typed."""
    import difflib

    names = kernel_names(*kinds)
    if name not in names:
        close = difflib.get_close_matches(name, names, n=1)
        hint = f"did you mean {close[0]}?" if close else "choose one of them"
        what = "loss" if kinds == ("loss",) else "feature map"
        raise ProblemError(f"a {what} is one of {', '.join(names)}; got {name!r}; {hint}")
    return load_kernel(name)
