"""One mistake put into the running program, without a file being edited, and taken out again."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from importlib.abc import SourceLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

from conicflow.engine.kernels.loading import load_kernel
from conicflow.engine.space.feature_map import FeatureMap

from ..material import maps
from .rebuilt import InTemplate, wrong_kernel
from .source import InSource, changed

_PLAIN = (bool, int, float, str, tuple)


@dataclass(frozen=True)
class InKernel:
    """`make(original)` in the place of an attribute of a compiled kernel."""

    kernel: str
    attribute: str
    make: Callable[[Any], Any]


@dataclass(frozen=True)
class InFeatures:
    """`make(original)` in the place of a method of one map of the catalogue, whatever the arguments of its kernel are."""

    features: str
    method: str
    make: Callable[[Any], Any]


Change = InSource | InKernel | InFeatures | InTemplate


@contextmanager
def injected(change: Change) -> Iterator[None]:
    """The program with a change, inside a with statement.

    Raises
    ------
    ValueError : the change has no one place (`source.changed`), or reaches no function and no constant.
    """
    with ExitStack() as undo:
        if isinstance(change, InKernel):
            kernel = load_kernel(change.kernel)
            _set(undo, kernel, change.attribute, change.make(getattr(kernel, change.attribute)))
        elif isinstance(change, InTemplate):
            kernel, wrong = maps.kernel(change.kernel), wrong_kernel(change)
            for name in vars(wrong).keys() & vars(kernel).keys():
                if not name.startswith("_"):
                    _set(undo, kernel, name, getattr(wrong, name))
        elif isinstance(change, InFeatures):
            _set(undo, FeatureMap, change.method, _of_one_map(change, getattr(FeatureMap, change.method)))
        else:
            module, tree = changed(change)
            if not _swap(undo, vars(module), vars(_copy(module, tree)), module):
                raise ValueError(f"a mutant must differ; nothing of {change.where} does with {change.wrong!r}")
        yield


def _of_one_map(change: InFeatures, original: Callable[..., Any]) -> Callable[..., Any]:
    def method(features: FeatureMap, *given: Any, **options: Any) -> Any:
        bound = partial(original, features)
        return (change.make(bound) if features.name == change.features else bound)(*given, **options)

    return method


class _FromTree(SourceLoader):
    """Python's own loader of source files, but for the tree that it compiles; without a cache of bytecode."""

    def __init__(self, path: str, tree: ast.Module) -> None:
        self._path, self._tree = path, tree

    def get_filename(self, fullname: str) -> str:
        return self._path

    def get_data(self, path: bytes | str) -> bytes:
        return Path(self._path).read_bytes()

    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self._tree, self._path)


def _copy(module: ModuleType, tree: ast.Module) -> ModuleType:
    """The module once more, from another syntax tree; nobody else sees it."""
    loader = _FromTree(module.__file__ or "", tree)
    spec = spec_from_loader(module.__name__, loader)
    if spec is None:
        raise ValueError(f"a mutant needs the source of {module.__name__}; it cannot be loaded")
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
