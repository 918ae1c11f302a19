"""The numbers a problem file refers to.

A reference is a string, ``"y.npy"``, ``"data.npz:key"``, ``"table.csv:column"`` or ``"table.csv:first,second"``, with
paths relative to the problem file, or a table ``{ data = "table.csv:column", subtract = "mean", divide = "deviation",
append_one = true }``, where `subtract` and `divide` may also be a number, or one number for each column.

Text is only ever parsed as numbers, and NumPy files are only ever read with ``allow_pickle=False``.
"""

import csv
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from conicflow.engine.base.errors import ProblemError
from conicflow.engine.base.numpy_files import MOST_BYTES, Unreadable, open_npz, read_npy
from numpy.typing import NDArray

Array = NDArray[Any]
Rows = Callable[[int], NDArray[np.intp]]

# What is raised of files that cannot be read: those of NumPy, and of text that is none.
UNREADABLE = (OSError, MemoryError, UnicodeError, csv.Error, Unreadable)
FORMS = '"y.npy", "data.npz:key", "table.csv:column" or "table.csv:first,second"'
KEYS = ("data", "subtract", "divide", "append_one")


@dataclass(frozen=True)
class Data:
    """Numbers as read, and as used: ``(values - shift) / scale``, then perhaps a column of ones.

    Parameters
    ----------
    values : (n,) or (n, d) float64 or complex128; three axes for data on a torus of three dimensions
    shift, scale : float64, a scalar or (d,)
    append_one : bool
        Append a column of ones to the numbers used: the input of a bias.
    """

    values: Array
    shift: Array
    scale: Array
    append_one: bool = False

    @property
    def array(self) -> Array:
        """The numbers used."""
        used = (self.values - self.shift) / self.scale
        return np.column_stack([used, np.ones(len(used))]) if self.append_one else used

    def in_units(self, used: Array) -> Array:
        """Numbers used, such as a fit, back in the units of the file."""
        return used * self.scale + self.shift

    def reference(self, source: str) -> str | dict[str, Any]:
        """The reference which gives exactly this data again once `values` are stored at `source`."""
        table: dict[str, Any] = {"data": source}
        if np.any(self.shift != 0):
            table["subtract"] = self.shift.tolist()
        if np.any(self.scale != 1):
            table["divide"] = self.scale.tolist()
        if self.append_one:
            table["append_one"] = True
        return table if len(table) > 1 else source


def read_data(
    reference: object, folder: Path, where: str, training: Rows | None = None, *, pixels: bool = False
) -> Data:
    """Read a reference.

    Parameters
    ----------
    reference : str or dict
        As written in the problem file.
    folder : Path
        What its path is relative to.
    where : str
        The key, for error messages.
    training : callable, optional
        From the number of rows to the rows whose mean and deviation count; all of them by default.
    pixels : bool
        Whether an array of two axes is an image: its entries in C order, which mean and deviation count alike. Columns of
        a table are none.

    Raises
    ------
    ProblemError
        If the reference, its file or its numbers break a rule.
    """
    table = reference_table(reference, where)
    values = read_array(table["data"], folder, where)
    if pixels and values.ndim == 2 and ".csv:" not in table["data"]:
        values = values.reshape(-1)
    return prepared(values, table, where, training)


def reference_table(reference: object, where: str) -> dict[str, Any]:
    """A reference as a table, its keys checked."""
    table = {"data": reference} if isinstance(reference, str) else reference
    if not isinstance(table, dict) or not isinstance(table.get("data"), str):
        raise ProblemError(f"{where} must refer to a file; got {reference!r:.80}; write {FORMS}")
    if unknown := sorted(table.keys() - set(KEYS)):
        raise ProblemError(f"{where} takes the keys {', '.join(KEYS)}; got {unknown[0]!r:.80}; remove it")
    append_one = table.get("append_one", False)
    if not isinstance(append_one, bool):
        raise ProblemError(f"{where} append_one must be true or false; got {append_one!r:.80}; write one of them")
    return table


def prepared(values: Array, table: dict[str, Any], where: str, training: Rows | None = None) -> Data:
    """Numbers as read, with what a reference's table does to them."""
    if np.iscomplexobj(values) and len(table) > 1:
        raise ProblemError(f"{where} {', '.join(KEYS[1:])} are for real numbers; got complex ones; remove them")
    rows = np.arange(len(values)) if training is None else training(len(values))
    counted = values[rows]
    with np.errstate(all="ignore"):  # overflow shows as infinity, refused below
        shift = _statistic(table.get("subtract", 0.0), "mean", counted, f"{where} subtract")
        scale = _statistic(table.get("divide", 1.0), "deviation", counted, f"{where} divide")
        data = Data(values, shift, scale, table.get("append_one", False))
        if not np.all(np.isfinite(data.array)):
            raise ProblemError(f"{where} must stay finite once shifted and divided; got an overflow; rescale the file")
    return data


def _statistic(rule: object, word: str, counted: Array, where: str) -> Array:
    """The number, or the number for each column, that `subtract` or `divide` asks for."""
    if rule == word == "mean":
        return np.asarray(np.mean(counted, axis=0))
    if rule == word:
        constant = np.flatnonzero(np.ptp(counted, axis=0) == 0)
        if constant.size:
            column = f"column {constant[0] + 1}" if counted.ndim == 2 else "the column"
            raise ProblemError(f"{where} = {word!r} needs numbers that vary; got a constant in {column}; leave it out")
        return np.asarray(np.std(counted, axis=0))
    per_column = isinstance(rule, list) and counted.ndim == 2 and len(rule) == counted.shape[1]
    numbers: list[Any] = rule if per_column else [rule]  # type: ignore[assignment]
    if not all(isinstance(number, int | float) and not isinstance(number, bool) for number in numbers):
        raise ProblemError(
            f"{where} must be {word!r}, a number or one number for each column; got {rule!r:.80}; write one of them"
        )
    statistic = np.asarray([_as_float(number) for number in numbers])
    if not np.all(np.isfinite(statistic)) or (word == "deviation" and np.any(statistic == 0)):
        raise ProblemError(
            f"{where} must be finite{' and not 0' * (word == 'deviation')}; got {rule!r:.80}; correct it"
        )
    return statistic if isinstance(rule, list) else statistic[0]


def _as_float(number: int | float) -> float:
    """The float nearest to a number; infinity if it is an integer too large for one."""
    try:
        return float(number)
    except OverflowError:
        return float("inf")


def read_array(source: str, folder: Path, where: str, axes: int = 3) -> Array:
    """Finite float64 or complex128 numbers, of one to three (or `axes`) axes, from a reference's string."""
    name, kind, selector = _parse(source, where)
    path = folder / name
    where = f"{where} = {source!r:.100}"
    try:
        if path.is_dir():
            raise ProblemError(
                f"{where} must be a file; got the folder {path}; name a file in it, or all as {name}/*.npy"
            )
        if not path.is_file():
            raise ProblemError(f"{where} must be a file; found none at {path}; paths are relative to the problem file")
        if (size := path.stat().st_size) > MOST_BYTES:
            raise ProblemError(f"{where} must be at most {MOST_BYTES} bytes; got {size}; thin the data out")
        match kind:
            case ".npy":
                values = _read_npy(path, where)
            case ".npz":
                values = _read_npz(path, selector, where)
            case _:
                values = _read_csv(path, selector.split(","), where)
    except UNREADABLE as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ProblemError(
            f"{where} must be a readable {kind} file of numbers; got {reason!r:.80}; write the file again"
        ) from None
    return _validated(values, where, axes)


def _parse(source: str, where: str) -> tuple[str, str, str]:
    """File name, kind and selector of a reference's string."""
    if source.endswith(".npy"):
        return source, ".npy", ""
    for kind in (".npz", ".csv"):
        name, separator, selector = source.partition(f"{kind}:")
        if separator and name and all(part.strip() for part in selector.split(",")):
            return f"{name}{kind}", kind, selector.strip()
    raise ProblemError(f"{where} must refer to a file; got {source!r:.80}; write {FORMS}")


def _read_npy(path: Path, where: str) -> Array:
    if _begins(path, b"PK"):
        raise ProblemError(f"{where} must hold one array; got an archive of several; name it .npz and add :key")
    return read_npy(path)


def _read_npz(path: Path, key: str, where: str) -> Array:
    if _begins(path, b"\x93NUMPY"):
        raise ProblemError(f"{where} must be an archive of arrays; got one array; name it .npy, without :key")
    with open_npz(path) as archive:
        if key not in archive.names:
            known = _listed(archive.names)
            raise ProblemError(f"{where} must name an array of the archive; got {key!r:.80}; there are {known}")
        return archive.read(key)


def _begins(path: Path, mark: bytes) -> bool:
    with path.open("rb") as stream:
        return stream.read(len(mark)) == mark


def _read_csv(path: Path, names: list[str], where: str) -> Array:
    """Columns of a CSV file whose first line names them."""
    names = [name.strip() for name in names]
    with path.open(newline="", encoding="utf-8-sig") as stream:
        reader = csv.reader(stream, strict=True)
        header = [name.strip() for name in next(reader, [])]
        for name in names:
            if header.count(name) != 1:
                found = f"{header.count(name)} columns named {name!r}"
                raise ProblemError(
                    f"{where} must name columns of the first line; got {found}; there are {_listed(header)}"
                )
        columns = [header.index(name) for name in names]
        table = []
        for row in filter(None, reader):
            line = f"line {reader.line_num}"
            if len(row) != len(header):
                raise ProblemError(
                    f"{where} must have {len(header)} cells on each line; got {len(row)} on {line}; correct it"
                )
            table.append([_cell(row[column], f"{where} {line}, column {header[column]!r}") for column in columns])
    values = np.array(table, dtype=np.float64)
    return values[:, 0] if len(names) == 1 and table else values


def _cell(text: str, where: str) -> float:
    try:
        number = float("not a number" if "_" in text else text)  # Python would read 1_000 as 1000
    except ValueError:
        raise ProblemError(f"{where} must be a number; got {text!r:.80}; correct the cell or remove the line") from None
    if not np.isfinite(number):
        raise ProblemError(f"{where} must be finite; got {text!r:.80}; correct the cell or remove the line")
    return number


def _validated(values: Array, where: str, axes: int) -> Array:
    if values.dtype.kind not in "biufc":
        raise ProblemError(f"{where} must hold numbers; got the dtype {values.dtype}; save it as float64 or complex128")
    if values.size == 0:
        raise ProblemError(f"{where} must hold at least one number; got the shape {values.shape}; check the file")
    if not 1 <= values.ndim <= axes:
        raise ProblemError(f"{where} must have one, two or three axes; got the shape {values.shape}; reshape it")
    values = values.astype(np.complex128 if values.dtype.kind == "c" else np.float64)
    if not np.all(np.isfinite(values)):
        place = tuple(int(i) for i in np.argwhere(~np.isfinite(values))[0])
        words = ", ".join(f"{word} {i}" for word, i in zip(("row", "column", "layer"), place, strict=False))
        raise ProblemError(f"{where} must be finite; got {values[place]} in {words} (from 0); remove or replace it")
    return values


def _listed(names: Iterable[str]) -> str:
    shown = list(names)
    return (", ".join(shown[:20]) + ", …" * (len(shown) > 20)) or "none"
