"""A record of what is solved, one line for each problem, written as soon as that is known: a kill costs what was under way.

A line is ``{"…": …, "seal": …}``; its seal is the SHA-256 of the seal before and of the rest, so that a file that somebody
changed is told from ours. The last line may be torn, where the process was killed or the disk was full: it is dropped.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from ..base.errors import ProblemError
from ..base.locks import LOCKS, locked
from .replacing import shown, unwritable

NAME = "journal.jsonl"
_HEAD = {"program": "conicflow", "schema": 1}
_BEGINS = (b'{"program": "conicflow", ', b'{"problem": ')  # of every line of ours


class Journal:
    """The journal of a folder, open to go on: of this process alone, as long as the block lasts.

    Parameters
    ----------
    folder : it exists.
    job : what is solved, in a digest; a journal of another job is not continued.

    Attributes
    ----------
    records : what was recorded before, in its order.

    Raises
    ------
    ProblemError : it is of another job, or another process is at it, or it is not as we wrote it, or cannot be written.
    """

    def __init__(self, folder: Path, job: str) -> None:
        self._path = folder / NAME
        self.records: list[dict[str, Any]] = []
        self._seal = ""
        self._held = ExitStack()
        try:
            self._stream = self._held.enter_context(self._path.open("ab", buffering=0))
            if not self._held.enter_context(locked(self._path, wait=False)) and LOCKS:
                raise ProblemError(f"one run at a time solves into a folder; {shown(folder)} has another; wait for it")
            self._read(folder, job)
        except OSError as error:
            self._held.close()
            raise unwritable(folder, error) from None
        except ProblemError:
            self._held.close()
            raise

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()

    def add(self, record: Mapping[str, Any]) -> None:
        """Record one problem.

        Raises
        ------
        ProblemError : the disk is full, or gone; what was recorded before is kept.
        """
        text, seal = _sealed(record, self._seal)
        try:
            line, written = text.encode(), 0
            while written < len(line):
                written += self._stream.write(line[written:])
        except OSError as error:
            raise unwritable(
                self._path.parent, error, "what was solved before is in it; make room, and run the same command again"
            ) from None
        self._seal = seal
        self.records.append(dict(record))

    def _read(self, folder: Path, job: str) -> None:
        head = {**_HEAD, "job": job}
        whole = 0
        for record, end, seal in _lines(self._path):
            if not whole and record != head:
                raise ProblemError(
                    f"a folder of many results is continued by the problem file and the options that began it; "
                    f"{shown(folder)} is of others; choose another folder"
                )
            if whole:
                self.records.append(record)
            whole, self._seal = end, seal
        os.truncate(self._path, whole)
        if not whole:
            self.add(head)
            self.records.clear()


def _lines(path: Path) -> Iterator[tuple[dict[str, Any], int, str]]:
    """Record, end in bytes, and seal of every whole line.

    Raises
    ------
    ProblemError : one of them is not as we wrote it.
    """
    seal, end = "", 0
    with path.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            try:
                if not line.endswith(b"\n"):
                    if any(line.startswith(begin) or begin.startswith(line) for begin in _BEGINS):
                        return  # torn
                    raise ValueError
                record = json.loads(line)
                given = record.pop("seal")
                text, seal = _sealed(record, seal)
                if given != seal or text.encode() != line:
                    raise ValueError
            except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
                raise ProblemError(
                    f"a journal is continued as it was written; {shown(path)} was changed in line {number}; move it away"
                ) from None
            end += len(line)
            yield record, end, seal


def _sealed(record: Mapping[str, Any], before: str) -> tuple[str, str]:
    """The line of a record, and its seal."""
    seal = hashlib.sha256(f"{before}{json.dumps(record)}".encode()).hexdigest()[:32]
    return json.dumps({**record, "seal": seal}) + "\n", seal
