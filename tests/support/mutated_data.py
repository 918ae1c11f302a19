"""Tables, arrays, archives and figures, wrong in a place that their structure knows: a cell, a header, a checksum, a dtype."""

from __future__ import annotations

import io
import os
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from mutated_text import Random

CELLS = ["", "nan", "inf", "-inf", "1e999", "x", "1_000", "0x10", "1,5", '"', '"1', "1;2", " 3 ", "\x00", "1e-400", "٣"]
CELLS += ["--1", "1e5e5", "=1+1", "1\t2"]


def mutate_data(random: Random, path: Path) -> None:
    """Change a file of data, of any kind."""
    if not path.is_file():
        return  # changed before
    if random.chance(0.08):
        _place(random, path)
    elif path.suffix == ".csv":
        _table(random, path)
    elif path.suffix == ".npy" and random.chance(0.7):
        values = _loaded(path)
        path.write_bytes(_bytes(random, path.read_bytes()) if values is None else _saved(_array(random, values)))
    elif path.suffix == ".npz" and random.chance(0.7):
        _archive(random, path)
    else:
        path.write_bytes(_bytes(random, path.read_bytes()))


def _place(random: Random, path: Path) -> None:
    """Something else under its name, or nothing."""
    path.unlink()
    act = random.below(4)
    if act == 0:
        path.mkdir()
    elif act == 1:
        os.mkfifo(path)  # which would wait forever for one who opens it
    elif act == 2:
        path.symlink_to(path.name)


def _table(random: Random, path: Path) -> None:
    lines = path.read_bytes().decode("utf-8", "replace").splitlines()
    if not lines or random.chance(0.2):
        path.write_bytes(_bytes(random, path.read_bytes()))
        return
    row = random.below(len(lines))
    cells = lines[row].split(",")
    column = random.below(len(cells))
    act = random.below(5)
    if act == 0:
        del cells[column]
    elif act == 1:
        cells.insert(column, random.pick(CELLS))
    elif act == 2:
        cells = random.pick([[], ["# a comment"], cells * 3])
    else:
        cells[column] = random.pick(CELLS)
    lines[row] = ",".join(cells)
    if random.chance(0.1):
        lines = random.pick([lines[:1], lines[1:], lines * 2, [line.replace(",", ";") for line in lines]])
    path.write_bytes(("\n".join(lines) + "\n").encode(random.pick(["utf-8", "utf-8", "utf-8-sig", "utf-16"])))


def _loaded(path: Path) -> Any:
    try:
        with _quiet():
            return np.load(path, allow_pickle=False)
    except Exception:
        return None


def _quiet() -> Any:
    return warnings.catch_warnings(action="ignore")


def _saved(values: Any) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.asanyarray(values), allow_pickle=values.dtype.hasobject)
    return stream.getvalue()


def _array(random: Random, values: Any) -> Any:
    """An array of another dtype or shape, or with another number in it."""
    values = np.array(values)
    act = random.below(6)
    if act == 0:
        return values.astype(random.pick(["f2", "f4", ">f8", "i8", "u1", "c16", "U8", "O", "M8[s]", "b1", "S3"]))
    if act == 1:
        shapes = [values.ravel(), values.reshape(1, -1), values.reshape(-1, 1), values.T, values[..., None, None, None]]
        others = [np.array(3.0), np.concatenate([values.ravel()] * 2), np.zeros((0, 3)), values.ravel()[:1]]
        return random.pick([*shapes, *others])
    if act == 2:
        return np.zeros(values.shape, dtype=[("a", "f8"), ("b", "i4")])
    flat = values.ravel()
    if flat.size and values.dtype.kind in "fc":
        flat[random.below(flat.size)] = random.pick([np.nan, np.inf, -np.inf, 1e308, -1e308, 1e160, 5e-324, -1.0, 0.0])
        if random.chance(0.2):
            flat *= random.pick([0.0, 1e150, 1e-150, -1.0])
    return flat.reshape(values.shape)


def _archive(random: Random, path: Path) -> None:
    """An archive with one array changed, left out, renamed or doubled."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
    except Exception:
        path.write_bytes(_bytes(random, path.read_bytes()))
        return
    if not members:
        return
    name = random.pick(sorted(members))
    act = random.below(6)
    if act == 0:
        del members[name]
    elif act == 1:
        members[random.pick(["x.npy", name.removesuffix(".npy"), "../x.npy", "a" * 200])] = members.pop(name)
    elif act == 2:
        members[name] = _bytes(random, members[name])
    else:
        try:
            members[name] = _saved(_array(random, np.load(io.BytesIO(members[name]))))
        except Exception:
            members[name] = _bytes(random, members[name])
    stream = io.BytesIO()
    method = random.pick([zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
    with _quiet(), np.errstate(all="ignore"), zipfile.ZipFile(stream, "w", method) as archive:
        for key, content in members.items():
            archive.writestr(key, content)
        if random.chance(0.05):
            archive.writestr(name, b"")
    path.write_bytes(stream.getvalue())


def _bytes(random: Random, content: bytes) -> bytes:
    """Bytes with a few changes: flipped, cut, longer, none."""
    changed = bytearray(content or b"x")
    for _ in range(random.pick([1, 1, 4, 50])):
        changed[random.below(len(changed))] = random.below(256)
    cut = content[: random.below(len(content) + 1)]
    return random.pick([bytes(changed), bytes(changed), cut, content + b"more", b"", b"PK", content * 2])
