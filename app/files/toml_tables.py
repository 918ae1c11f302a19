"""The tables of a TOML file: reading with every key and type checked, and writing."""

import difflib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from conicflow.engine.base.errors import ProblemError

FEW = 8  # choices that fit into a message; more are those of the catalogue, which a command of the table's name lists

Predicate = Callable[[Any], bool]


class Table:
    """One table of a document. Every read checks the value, and names the key in its error."""

    def __init__(self, document: Mapping[str, Any], name: str, keys: Sequence[str] | None = None) -> None:
        self.name, self.value = name, document.get(name, {})
        if not isinstance(self.value, dict):
            raise ProblemError(
                f"[{name}] must be a table; got {self.value!r:.80}; write [{name}] on a line, its keys below"
            )
        if keys is not None:
            self.allow(keys)

    def allow(self, keys: Sequence[str]) -> None:
        """Refuse every key not listed."""
        require_known(self.value, keys, f"[{self.name}]")

    def require(self, key: str, meaning: str) -> Any:
        """The value of a key that must be there."""
        if key not in self.value:
            raise ProblemError(f"[{self.name}] must give {key}, {meaning}; got no such key; add a line {key} = …")
        return self.value[key]

    def get(self, key: str, rule: str, holds: Predicate, default: Any = None) -> Any:
        """The value of a key, checked; `default` if the key is absent."""
        if key not in self.value:
            return default
        if not holds(self.value[key]):
            raise ProblemError(f"[{self.name}] {key} must be {rule}; got {self.value[key]!r:.80}; correct it")
        return self.value[key]

    def choice(self, key: str, choices: Sequence[str], default: str | None = None) -> str:
        """A word among `choices`; without a default, the key must be there."""
        rule = f"one of {', '.join(choices)}" if len(choices) <= FEW else f"one that `conicflow {self.name}` lists"
        value = self.require(key, rule) if default is None else self.value.get(key, default)
        if value not in choices:
            raise ProblemError(f"[{self.name}] {key} must be {rule}; got {value!r:.80}; {_suggestion(value, choices)}")
        return str(value)


def require_known(table: Mapping[str, Any], known: Sequence[str], name: str, words: str | None = None) -> None:
    """Refuse every key of a table that is not known; `words` for keys that are too many for a message."""
    for key in table:
        if key not in known:
            raise ProblemError(f"{name} takes {words or ', '.join(known)}; got {key!r:.80}; {_suggestion(key, known)}")


def _suggestion(word: object, choices: Sequence[str]) -> str:
    near = difflib.get_close_matches(str(word), choices, n=1)
    return f"did you mean {near[0]!r}?" if near else "use one of these"


def is_number(value: object) -> bool:
    """A finite number that a float64 can hold; not a bool."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= 1.7e308


def is_integer(low: int, high: int) -> Predicate:
    """An integer from `low` to `high`; not a bool."""
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def is_flag(value: object) -> bool:
    return isinstance(value, bool)


def is_text(value: object) -> bool:
    return isinstance(value, str)


def is_line(value: object) -> bool:
    """Text that a terminal and a figure show in one line: no control characters."""
    return isinstance(value, str) and value.isprintable()


def is_interval(value: object) -> bool:
    """Two numbers, the first below the second."""
    return isinstance(value, list) and len(value) == 2 and all(map(is_number, value)) and bool(value[0] < value[1])


def to_toml(document: Mapping[str, Any]) -> str:
    """A document of scalars, lists and tables as TOML; floats are written so that they read back exactly."""
    scalars = {key: value for key, value in document.items() if not isinstance(value, dict)}
    blocks = ["".join(f"{key} = {_literal(value)}\n" for key, value in scalars.items())] if scalars else []
    for name, table in document.items():
        if isinstance(table, dict):
            blocks.append(f"[{name}]\n" + "".join(f"{key} = {_literal(value)}\n" for key, value in table.items()))
    return "\n".join(blocks)


def _literal(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():  # JSON's escapes are TOML's, but for DEL
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case dict():
            return "{ " + ", ".join(f"{key} = {_literal(entry)}" for key, entry in value.items()) + " }"
        case list() | tuple():
            return "[" + ", ".join(_literal(entry) for entry in value) + "]"
        case _:
            return repr(value)
