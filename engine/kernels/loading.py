"""Loading compiled kernels, and refusing those that this processor or installation cannot run."""

from __future__ import annotations

import importlib
import json
import pkgutil
from functools import cache
from types import ModuleType
from typing import Any

from ..base.errors import KernelError, ProblemError

_PACKAGE = "conicflow.generated"
KINDS = ("pointwise", "ridge", "torus")  # of feature maps
_NEEDED = {"x86-64-v3": ("AVX2", "FMA3"), "x86-64": (), "native": (), "portable": ()}


def built_for() -> ModuleType:
    """How the kernels here were built: their processor family `cpu`, and the `arguments` of compiler and `pythran`."""
    return importlib.import_module(f"{_PACKAGE}._build")


def processor_features() -> dict[str, bool]:
    """Which instruction sets this processor has, by NumPy's names; empty where NumPy does not tell."""
    try:
        from numpy._core._multiarray_umath import __cpu_features__
    except ImportError:
        return {}
    return dict(__cpu_features__)


@cache
def check_processor() -> None:
    """Kernels are built for a processor family; running them on an older one would end the process without a word."""
    cpu, present = built_for().cpu, processor_features()
    missing = [feature for feature in _NEEDED[cpu] if not present.get(feature, not present)]
    if missing:
        raise KernelError(
            f"the kernels were built for {cpu} processors; this one lacks {', '.join(missing)}; "
            "install again on this machine with: pip install --force-reinstall -Csetup-args=-Dcpu=portable ."
        )


@cache
def load_kernel(name: str) -> ModuleType:
    """The compiled module of a spec, or one that several share.

    Raises
    ------
    KernelError : the module is missing, is not compiled, or was built for a processor with other instructions.
    """
    check_processor()
    try:
        module = importlib.import_module(f"{_PACKAGE}.{name}")
    except ImportError as error:
        raise KernelError(
            f"every built-in spec has a compiled kernel; {name} cannot be loaded ({error}); install conicflow again"
        ) from None
    if not hasattr(module, "__pythran__") and not _only_describes(module):
        raise KernelError(f"kernels must be compiled; {name} was loaded from source; install conicflow again")
    return module


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
    package = importlib.import_module(_PACKAGE)
    names = sorted(item.name for item in pkgutil.iter_modules(package.__path__) if not item.name.startswith("_"))
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
