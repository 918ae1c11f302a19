"""What a value holds, in a digest: two values of one fingerprint are the same, wherever they were made."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np


def fingerprint(value: Any) -> str:
    """SHA-256 of numbers, text, arrays bit by bit, what holds these, and objects by what they travel as."""
    digest = hashlib.sha256()
    _feed(digest, value)
    return digest.hexdigest()


def _feed(digest: Any, value: Any) -> None:
    match value:
        case np.ndarray():
            digest.update(f"{value.dtype.str}{value.shape}".encode())
            digest.update(np.ascontiguousarray(value).data)
        case None | bool() | int() | float() | complex() | str() | bytes() | np.generic():
            digest.update(f"{type(value).__name__} {value!r};".encode())
        case Mapping():
            _feed(digest, list(value.items()))
        case tuple() | list():
            digest.update(f"{len(value)}[".encode())
            for item in value:
                _feed(digest, item)
        case _:
            digest.update(f"{type(value).__qualname__}:".encode())
            _feed(digest, value.__getstate__())
