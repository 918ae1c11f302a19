"""A piece of our own source, by the name of what it stands in and by what it says: layout, comments and quotes do not matter."""

from __future__ import annotations

import ast
import difflib
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from textwrap import dedent
from types import FunctionType, ModuleType
from typing import Any

_SIMILAR = 0.4  # of difflib's ratio, from which a text may be what was meant


@dataclass(frozen=True)
class InSource:
    """`wrong` in the place of `right`, which occurs once in a function, method, class or constant of conicflow.

    Parameters
    ----------
    where : its dotted name as it can be imported, such as "engine.model.gap.Gap.relative"; it may be defined elsewhere.
    right, wrong : two expressions, two keyword arguments as "name=value", or statements. They are compared as syntax trees.
    """

    where: str
    right: str
    wrong: str


@dataclass(frozen=True)
class _Place:
    """Where statements or a value are in a tree: `parent.field`, or a part of it where that is a list."""

    parent: ast.AST
    field: str
    part: slice | None
    value: bool

    def put(self, statements: list[Any]) -> None:
        """These statements here, or the value of the first."""
        nodes = [statements[0].value] if self.value else statements
        if self.part is None:
            setattr(self.parent, self.field, nodes[0])
        else:
            getattr(self.parent, self.field)[self.part] = nodes


def changed(change: InSource) -> tuple[ModuleType, ast.Module]:
    """The module that defines what is changed, and its syntax tree with the change.

    Raises
    ------
    ValueError : no such name, or `right` does not occur exactly once in it; with what is similar there.
    """
    module, name = located(change.where)
    tree = ast.parse(Path(module.__file__ or "").read_text(encoding="utf-8"))
    scope = _definition(tree, name, change.where)
    right, wrong = _statements(change.right), _statements(change.wrong)
    found = list(_candidates(scope, right, wrong))
    wanted = "\n".join(map(ast.unparse, right))
    places = [place for text, place in found if text == wanted]
    if len(places) != 1:
        similar = difflib.get_close_matches(wanted, dict(found), 3, _SIMILAR)
        hint = f"similar there: {'; '.join(similar)}" if similar and not places else "say more of it"
        raise ValueError(f"{wanted!r} must occur once in {change.where}; it occurs {len(places)} times; {hint}")
    places[0].put(wrong)
    return module, ast.fix_missing_locations(tree)


def located(where: str) -> tuple[ModuleType, str]:
    """The module that defines a dotted name of conicflow, and the qualified name there."""
    parts = where.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        try:
            module = import_module(".".join(("conicflow", *parts[:cut])))
        except ModuleNotFoundError as error:
            if not (error.name or "").startswith("conicflow."):
                raise
            continue
        first, *rest = parts[cut:]
        named: Any = getattr(module, first, None)
        home = inspect.unwrap(named)
        if isinstance(home, (FunctionType, type)):
            return import_module(home.__module__), ".".join((home.__qualname__, *rest))
        return module, ".".join((first, *rest))
    raise ValueError(f"a mutant is in a module of conicflow; {where} begins with none; look where it went")


def _definition(tree: ast.Module, name: str, where: str) -> Any:
    """The function, class or assignment of this qualified name."""
    scope: Any = tree
    for part in name.split("."):
        known = {known: node for node in getattr(scope, "body", []) for known in _names(node)}
        if part not in known:
            near = difflib.get_close_matches(part, known, 3, _SIMILAR)
            raise ValueError(
                f"a mutant is in a function, class or constant; {where} is none; "
                + (f"similar there: {', '.join(near)}" if near else "look where it went")
            )
        scope = known[part]
    return scope


def _names(node: ast.AST) -> list[str]:
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _statements(text: str) -> list[ast.stmt]:
    return ast.parse(dedent(text)).body


def _candidates(scope: ast.AST, right: list[ast.stmt], wrong: list[ast.stmt]) -> Iterator[tuple[str, _Place]]:
    """All that `right` may be, as text in one layout, and where it is."""
    expressions = len(right) == len(wrong) == 1 and isinstance(right[0], ast.Expr) and isinstance(wrong[0], ast.Expr)
    for parent in ast.walk(scope):
        if isinstance(parent, ast.keyword) and not expressions:
            yield f"{parent.arg} = {ast.unparse(parent.value)}", _Place(parent, "value", None, True)
        for field, value in ast.iter_fields(parent):
            nodes = value if isinstance(value, list) else [value]
            for i, node in enumerate(nodes):
                if expressions and isinstance(node, ast.expr):
                    if not isinstance(getattr(node, "ctx", None), (ast.Store, ast.Del)):
                        part = slice(i, i + 1) if nodes is value else None
                        yield ast.unparse(node), _Place(parent, field, part, True)
                elif not expressions and isinstance(node, ast.stmt):
                    some = slice(i, i + len(right))
                    yield "\n".join(map(ast.unparse, nodes[some])), _Place(parent, field, some, False)
