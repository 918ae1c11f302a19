"""A kernel that derive emits wrongly: a line of a template changed, the source emitted and compiled again."""

from __future__ import annotations

import importlib
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from string import Template
from types import ModuleType

from conicflow.derive import SPECS
from conicflow.derive.read.spec import read_spec
from conicflow.derive.regenerate import derive_sources, derive_specs, shared_sources
from conicflow.engine.kernels.cache import Cache
from conicflow.engine.kernels.loading import built_for
from conicflow.engine.kernels.own import entry_key
from conicflow.engine.kernels.toolchain import find_toolchain

from ..material import maps


@dataclass(frozen=True)
class InTemplate:
    """`wrong` in the place of `right`, which occurs once in a template of `derive.emit`, in the kernel that it makes.

    Parameters
    ----------
    kernel : name of the module that is emitted and compiled again: a map's or a loss's, or one that several share.
    where : dotted name of the template, such as "scalar_flow._MOVE".
    right, wrong : parts of its text.
    """

    kernel: str
    where: str
    right: str
    wrong: str


def wrong_kernel(change: InTemplate) -> ModuleType:
    """The kernel compiled from the source that the wrong template gives; from the cache where it was compiled before.

    Raises
    ------
    ValueError : `right` does not occur once, or nothing of this kernel's source comes from it.
    KernelError : there is no compiler, or the source does not compile.
    """
    right = emitted(change.kernel)
    with in_template(change):
        wrong = emitted(change.kernel)
    if wrong == right:
        raise ValueError(f"a mutant must differ; no line of {change.kernel} comes from {change.right!r}")
    return _compiled(wrong, f"mutant_{change.kernel.strip('_')}")


def emitted(kernel: str) -> str:
    """Source of a kernel, as derive writes it now."""
    file = f"{kernel}.py"
    if kernel.startswith("_"):
        return shared_sources()[file]
    if maps.in_catalogue(kernel):
        return derive_sources([SPECS / f"{kernel}.toml"])[file]
    return derive_specs([read_spec(maps.checked_spec(kernel).content)])[file]


@contextmanager
def in_template(change: InTemplate) -> Iterator[None]:
    """The template with the change wherever `derive.emit` knows it, inside a with statement.

    Raises
    ------
    ValueError : no such template, or `right` does not occur once in it.
    """
    module, name = change.where.split(".")
    original = getattr(importlib.import_module(f"conicflow.derive.emit.{module}"), name, None)
    text = original.template if isinstance(original, Template) else original
    if not isinstance(text, str):
        raise ValueError(f"a template of derive.emit is a string; {change.where} is none; look where it went")
    if (count := text.count(change.right)) != 1:
        raise ValueError(
            f"{change.right!r} must occur once in {change.where}; it occurs {count} times; say more or less"
        )
    wrong = text.replace(change.right, change.wrong)
    rooms = [room for place, room in sys.modules.items() if place.startswith("conicflow.derive.emit.")]
    places = [(room, key) for room in rooms for key, value in vars(room).items() if value is original]
    try:
        for room, key in places:
            setattr(room, key, Template(wrong) if isinstance(original, Template) else wrong)
        yield
    finally:
        for room, key in places:
            setattr(room, key, original)


def _compiled(source: str, name: str) -> ModuleType:
    """The module of this source, under a name that `conicflow cache` lists. Compiled before the cache is locked, so that
    several are at once.
    """
    tools, cache = find_toolchain(), Cache()
    version = tools.version()
    key = entry_key(source, version, tools)
    found = cache.load(key)
    if found is not None:
        return found
    with tempfile.TemporaryDirectory() as scratch:
        tools.build(source, name, Path(scratch))

        def build(folder: Path) -> dict[str, str]:
            for file in ("kernel.py", "kernel.so"):
                shutil.copyfile(Path(scratch) / file, folder / file)
            return {"name": name, "cpu": built_for().cpu, "python": platform.python_version(), "compiler": version}

        return cache.obtain(key, build)
