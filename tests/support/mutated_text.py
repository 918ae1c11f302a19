"""Problem files, specs and result.json, wrong in a place that their structure knows: a key, a type, a number, a name."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from conicflow.app.files.toml_tables import to_toml

T = TypeVar("T")

NUMBERS = [0, -1, 1, 2, 7, 0.5, 1e9, 10**400, -(10**400), 1e308, -1e308, 5e-324, 1e-300]
NUMBERS += [float("nan"), float("inf"), -float("inf")]
TEXTS = [
    "",
    " ",
    "any",
    "squared",
    "1e5",
    "true",
    "'",
    '"',
    "\\",
    "NaN",
    "-",
    "λ",
    "\u6f22\u5b57",
    "\x1b[31m",
    "$\\frac{1$",
]
TEXTS += [
    "y.npy",
    "data.csv:x",
    "data.npz:none",
    "data.npz:",
    "data.npy:",
    "data.csv:x,y,x",
    "data.csv:\u202ex",
    "problem.toml",
]
TEXTS += ["../../../etc/passwd", "/dev/zero", "/", ".", "out", "a" * 5000, "a\x00b.npy", "a\nb.npy", "\ud7ff\ufffe"]
TEXTS += ["__import__('os')"]
OTHERS: list[Any] = [
    True,
    False,
    [],
    {},
    [1],
    [[]],
    [0.1, 0.2],
    [0.2, 0.1],
    ["x"],
    [True],
    [[1, 2], [3]],
    [1e400],
    [0.5] * 300,
]
OTHERS += [
    {"data": 3},
    {"data": "data.csv:x", "subtract": "mean"},
    {"data": "data.csv:x", "divide": 0},
    {"a": {"b": {"c": 1}}},
]
KEYS = ["x", "name", "spec", "sigma", "seed", "particles", "fraction", "delta", "θ", "a b", "flow_rounds"]
PIECES = [
    "+",
    "-",
    "*",
    "**",
    "/",
    "(",
    ")",
    "exp(",
    "log(",
    "abs(",
    "max(x, ",
    "0",
    "1e400",
    "theta",
    "y",
    "lambda",
    "eval(",
]
PIECES += ["^", ",", "x"]


class Random:
    """Draws of a seed, the same under every NumPy."""

    def __init__(self, seed: int) -> None:
        self._state = np.random.RandomState(seed)

    def pick(self, choices: Sequence[T]) -> T:
        """One of them."""
        return choices[self.below(len(choices))]

    def below(self, count: int) -> int:
        """An integer from 0 to count - 1."""
        return int(self._state.randint(count))

    def chance(self, probability: float) -> bool:
        return bool(self._state.random_sample() < probability)

    def bytes(self, count: int) -> bytes:
        return self._state.bytes(count)


def mutate_toml(random: Random, path: Path, spec: bool = False) -> None:
    """Change a TOML file: in its structure, mostly; else in its text. A limit of time in [solve] stays."""
    text = path.read_bytes()
    try:
        document = tomllib.loads(text.decode())
    except (ValueError, RecursionError):
        document = {}
    if not document or random.chance(0.2):
        path.write_bytes(_text(random, text))
        return
    _structure(random, document, spec)
    if not spec and isinstance(document.get("solve", {}), dict):
        document["solve"] = {**document.get("solve", {}), "seconds": 2}
    try:
        path.write_bytes(to_toml(document).encode())
    except (UnicodeEncodeError, TypeError, ValueError):
        path.write_bytes(_text(random, text))


def mutate_json(random: Random, path: Path) -> None:
    """Change a JSON file: in its structure, mostly; else in its text."""
    text = path.read_bytes()
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict) or random.chance(0.2):
        path.write_bytes(_text(random, text))
        return
    _structure(random, document, False)
    if random.chance(0.1):
        key = random.pick(sorted(document) or ["x"])
        path.write_text(
            json.dumps(document)[:-1] + f", {json.dumps(key)}: {json.dumps(_value(random, 0))}}}"
        )  # doubled
    else:
        path.write_text(json.dumps(document))


def _structure(random: Random, document: dict[str, Any], spec: bool) -> None:
    """One change somewhere in the tree."""
    table, depth = document, 0
    while depth < 4 and random.chance(0.8):
        inner = [value for value in table.values() if isinstance(value, dict) and value]
        if not inner:
            break
        table, depth = random.pick(inner), depth + 1
    keys = list(table)
    act = random.below(8)
    if not keys or act == 0:
        table[random.pick(KEYS)] = _value(random, 0)
        return
    key = random.pick(keys)
    if act == 1:
        del table[key]
    elif act == 2:
        table[key + random.pick(["s", "_", " "])] = table.pop(key)
    elif act == 3:
        other = random.pick(keys)
        table[key], table[other] = table[other], table[key]
    elif act == 4 and isinstance(table[key], list) and table[key]:
        place = random.below(len(table[key]))
        if random.chance(0.3):
            del table[key][place]
        else:
            table[key][place] = _value(random, table[key][place])
    elif act == 5 and isinstance(table[key], str):
        table[key] = _words(random, table[key], spec)
    else:
        table[key] = _value(random, table[key])


def _value(random: Random, value: Any) -> Any:
    """Something else."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and random.chance(0.6):
        scaled = [value * 1e6, value * 1e-6] if abs(value) < 1e300 else [1, 2]
        return random.pick([*NUMBERS, -value, *scaled, str(value)])
    return random.pick(random.pick([NUMBERS, TEXTS, OTHERS]))


def _words(random: Random, text: str, spec: bool) -> str:
    """A name or a formula with one change."""
    place = random.below(len(text) + 1)
    if spec and random.chance(0.7):
        return text[:place] + random.pick(PIECES) + text[place + random.below(2) :]
    longer = text[:place] + chr(32 + random.below(1000)) + text[place:]
    return random.pick([text[:place], text + text, text[place:], longer, text.upper()])


def _text(random: Random, text: bytes) -> bytes:
    """Bytes with one change."""
    place = random.below(len(text) + 1)
    lines = text.splitlines(keepends=True) or [b""]
    line = random.below(len(lines))
    return random.pick(
        [
            text[:place],
            text[:place] + random.bytes(1 + random.below(4)) + text[place:],
            text[:place] + text[place + 1 + random.below(8) :],
            b"\xef\xbb\xbf" + text,
            text.replace(b"\n", b"\r\n"),
            text.replace(b'"', b"'"),
            text.decode("utf-8", "replace").encode("utf-16"),
            b"".join([*lines[:line], lines[line], *lines[line:]]),
            b"".join([*lines[:line], *lines[line + 1 :]]),
            b"",
            b"\x00" * 100,
            b"[" * 3000,
            b"{" * 3000 + text,
            text * 2,
        ]
    )
