"""One mistake put into the running program, without a file being edited, and taken out again."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from importlib.abc import SourceLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from ....engine.kernels.loading import load_kernel

_PLAIN = (bool, int, float, str, tuple)


@dataclass(frozen=True)
class InSource:
    """`wrong` in the place of `right`, which occurs once in the source of a module of conicflow."""

    module: str
    right: str
    wrong: str


@dataclass(frozen=True)
class InKernel:
    """`make(original)` in the place of an attribute of a compiled kernel."""

    kernel: str
    attribute: str
    make: Callable[[Any], Any]


Change = InSource | InKernel


@contextmanager
def injected(change: Change) -> Iterator[None]:
    """The program with a change, inside a with statement.

    Raises
    ------
    ValueError : `right` does not occur exactly once, or the change reaches no function and no constant.
    """
    with ExitStack() as undo:
        if isinstance(change, InKernel):
            kernel = load_kernel(change.kernel)
            _set(undo, kernel, change.attribute, change.make(getattr(kernel, change.attribute)))
        else:
            module = import_module(f"conicflow.{change.module}")
            if not _swap(undo, vars(module), vars(_changed_copy(module, change)), module):
                raise ValueError(f"a mutant must differ; nothing of {change.module} does with {change.wrong!r}")
        yield


class _Changed(SourceLoader):
    """Python's own loader of source files, but for what it reads; without a cache of bytecode."""

    def __init__(self, path: Path, change: InSource) -> None:
        self._path, self._change = path, change

    def get_filename(self, fullname: str) -> str:
        return str(self._path)

    def get_data(self, path: bytes | str) -> bytes:
        text, right = self._path.read_text(encoding="utf-8"), self._change.right
        if text.count(right) != 1:
            raise ValueError(f"{right!r} must occur once in {self._change.module}; it occurs {text.count(right)} times")
        return text.replace(right, self._change.wrong).encode()


def _changed_copy(module: ModuleType, change: InSource) -> ModuleType:
    """The module once more, from the changed source; nobody else sees it."""
    loader = _Changed(Path(module.__file__ or ""), change)
    spec = spec_from_loader(module.__name__, loader)
    if spec is None:
        raise ValueError(f"a mutant needs the source of {change.module}; it cannot be loaded")
    copy = module_from_spec(spec)
    loader.exec_module(copy)
    return copy


def _swap(undo: ExitStack, live: Any, wrong: Any, owner: Any) -> bool:
    """Give every function here the code of its wrong namesake, and every plain constant its value; whether any differed."""
    differed = False
    for name in live.keys() & wrong.keys():
        old, new = live[name], wrong[name]
        if isinstance(old, _PLAIN) and type(old) is type(new):
            if old != new and not name.startswith("__"):
                _set(undo, owner, name, new)
                differed = True
        elif isinstance(old, type) and old.__module__ == getattr(owner, "__name__", None) and isinstance(new, type):
            differed |= _swap(undo, vars(old), vars(new), old)
        else:
            differed |= _swap_code(undo, old, new)
    return differed


def _swap_code(undo: ExitStack, old: Any, new: Any) -> bool:
    old, new = _function(old), _function(new)
    if old is None or new is None or old.__code__ == new.__code__ or old.__module__ != new.__module__:
        return False
    _set(undo, old, "__code__", new.__code__)
    return True


def _function(member: Any) -> FunctionType | None:
    """The Python function inside a method, property or wrapper; what a cache keeps is forgotten."""
    if hasattr(member, "cache_clear"):
        member.cache_clear()
    if isinstance(member, property):
        member = member.fget
    elif isinstance(member, cached_property):
        member = member.func
    elif isinstance(member, (staticmethod, classmethod)):
        member = member.__func__
    elif not callable(member):
        return None
    member = inspect.unwrap(member)
    return member if isinstance(member, FunctionType) else None


def _set(undo: ExitStack, owner: Any, name: str, value: Any) -> None:
    undo.callback(setattr, owner, name, getattr(owner, name))
    setattr(owner, name, value)
