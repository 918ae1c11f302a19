"""A result folder read into what it claims and what it claims it of, from its files alone."""

from __future__ import annotations

import hashlib
import tomllib
import zlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import numpy as np
from conicflow.derive.errors import SpecError
from conicflow.derive.read.spec import FeatureSpec, load_spec

from .enclosures.points import Array
from .gauge import read_gauge
from .record import Claims, read_claims, read_record
from .statement import Statement, catalogue_spec

_MOST_BYTES, _MOST_UNPACKED = 2**30, 2**33
_TOLERANCES = {"relative": 1e-9, "absolute": 0.0}  # of a problem.toml that names none
_UNREADABLE = (
    OSError,
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    OverflowError,
    RuntimeError,
    EOFError,
    zlib.error,
    BadZipFile,
)


class BadFolder(Exception):
    """A folder that cannot be read as a result: nothing is claimed, so nothing can be checked."""


def read_folder(folder: Path, data: Path | None = None) -> tuple[Claims, Statement]:
    """The claims of a result folder and the problem they are about.

    Parameters
    ----------
    data : an archive kept elsewhere that stands for the folder's data.npz. Either is the right one if it has the SHA-256 that
        result.json states.

    Raises
    ------
    BadFolder : a missing or unreadable file.
    """
    try:
        archive = folder / "data.npz" if data is None else data
        for path in (folder / "result.json", folder / "measure.npz", folder / "problem.toml", archive):
            if not path.is_file() or path.stat().st_size > _MOST_BYTES:
                raise BadFolder(
                    f"a result needs {path.name}, of at most a gibibyte; {path} is not one; solve the problem again, or name "
                    "the archive of its data with --data"
                )
        record = read_record(folder / "result.json")
        document = tomllib.loads((folder / "problem.toml").read_text(encoding="utf-8"))
        statement = _statement(folder, document, archive)
        claims = _claims(folder, record, document.get("solve", {}), statement)
        if hashlib.sha256(archive.read_bytes()).hexdigest() != record["data_sha256"]:
            claims = replace(claims, disagreements=(*claims.disagreements, "SHA-256 of the data"))
        return claims, statement
    except (SpecError, *_UNREADABLE) as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise BadFolder(f"a result folder must be readable; {folder}: {reason:.200}; solve the problem again") from None


def _arrays(path: Path) -> dict[str, Array]:
    """The arrays of an archive, of each name one, and no more of them than fit into memory."""
    with ZipFile(path) as archive:
        names, size = archive.namelist(), sum(item.file_size for item in archive.infolist())
    if len(set(names)) < len(names) or size > _MOST_UNPACKED:
        raise ValueError(
            f"{path.name} holds arrays of different names, of {_MOST_UNPACKED} bytes at most; it has {size}"
        )
    with np.load(path, allow_pickle=False) as arrays:
        return {key: np.asarray(arrays[key]) for key in arrays.files}


def _claims(folder: Path, record: Mapping[str, Any], asked: Mapping[str, Any], statement: Statement) -> Claims:
    d = len(statement.features.parameters) if not statement.features.ridge else statement.inputs["x"].shape[1]
    claims = read_claims(record, (0, *statement.y.shape[1:]), d)  # of q columns of data weights are in R^q
    wrong = list(claims.disagreements)
    stored = _arrays(folder / "measure.npz")
    for name, values in (
        ("weights", claims.weights),
        ("positions", claims.positions),
        ("background", claims.background),
    ):
        if not np.array_equal(stored[name], values):
            wrong.append(f"{name} of measure.npz")
    features = {"name": statement.features.name, "kind": statement.features.kind, "dimension": d, **statement.constants}
    if statement.radius is not None:
        features["radius"] = statement.radius
    told = {
        "sign": statement.gauge.sign,
        "loss": statement.loss.name,
        "outputs": statement.outputs,
        "features": features,
    }
    wrong += [name for name, value in told.items() if record[name] != value]
    settled = {"penalty": statement.penalty}
    settled |= {f"{kind}_tolerance": asked.get(f"{kind}_gap", default) for kind, default in _TOLERANCES.items()}
    wrong += [f"{name} of problem.toml" for name, value in settled.items() if claims.numbers[name] != value]
    return replace(claims, disagreements=tuple(wrong))


def _statement(folder: Path, document: Mapping[str, Any], archive: Path) -> Statement:
    table, loss, measure = dict(document["features"]), dict(document["loss"]), document["measure"]
    spec, loss_spec = _spec(folder / "spec.toml", table), _spec(folder / "loss_spec.toml", loss)
    if not isinstance(spec, FeatureSpec) or isinstance(loss_spec, FeatureSpec):
        raise ValueError(f"{spec.name} and {loss_spec.name} are no feature map and loss")
    numbers = _Numbers(archive, document.get("holdout"))
    inputs: dict[str, Any]
    radius = None
    if spec.torus:
        d = len(spec.parameters)
        cutoffs = table["cutoff"] if isinstance(table["cutoff"], list) else [table["cutoff"]] * d
        if len(cutoffs) != d or not all(isinstance(k, int) and 1 <= k <= 10**5 for k in cutoffs):
            raise ValueError(f"cutoff is one integer >= 1, or one for each axis, not {table['cutoff']!r:.80}")
        shape = tuple(2 * k + 1 for k in cutoffs)
        filter_ = numbers.read(table["filter"]) if "filter" in table else np.ones(shape)
        inputs = {"cutoff": tuple(cutoffs), "filter": filter_.astype(np.complex128).reshape(shape)}
    elif spec.ridge:
        x = numbers.read(table["x"], rows=True)
        inputs = {"x": x.reshape(len(x), -1)}
        radius = float(table["radius"]) if spec.in_ball else None
    else:
        inputs = {item.name: numbers.read(table[item.name], rows=True) for item in spec.inputs}
    constants: dict[str, float] = {}
    for item in spec.constants:
        default = constants.get(str(item.default), item.default)  # a number, or the name of a constant before
        constants[item.name] = float(table[item.name] if default is None else table.get(item.name, default))
    intervals = {
        item.name: (float(table[item.name][0]), float(table[item.name][1]))
        for item in spec.parameters
        if spec.pointwise and item.domain != "circle"
    }
    y = numbers.read(loss["data"], rows=True)
    y = y.astype(np.complex128).ravel() if spec.torus else y
    if loss_spec.takes_classes and y.ndim == 1:
        y = np.eye(int(y.max()) + 1)[y.astype(np.int64)]
    given = {item.name: numbers.number(loss[item.name]) for item in loss_spec.constants}
    average = loss.get("average", False)
    if not isinstance(average, bool):
        raise ValueError(f"average is true or false, not {average!r:.40}")
    options = {key: numbers.read(loss[key], rows=True) for key in ("sample_weights", "cholesky") if key in loss}
    return Statement(
        features=spec,
        inputs=inputs,
        constants=constants,
        intervals=intervals,
        radius=radius,
        loss=loss_spec,
        y=y,
        penalty=float(measure["penalty"]),
        gauge=read_gauge(measure["sign"], y),
        average=average,
        loss_constants=given,
        background=_background(document.get("background"), numbers),
        **options,
    )


def _background(table: Mapping[str, Any] | None, numbers: _Numbers) -> dict[str, Any] | None:
    """[background] with the columns that it refers to.

    Raises
    ------
    ValueError : no such background.
    """
    if table is None:
        return None
    if table["name"] == "columns":
        return {"name": "columns", "data": numbers.read(table["data"], rows=True)}
    cells = table.get("cells", 1)
    counts = [table.get("degree", 0), *(cells if isinstance(cells, list) else [cells])]
    known = table["name"] in ("constant", "polynomial", "mesh")
    if not known or not all(isinstance(number, int) and 0 <= number <= 10**4 for number in counts):
        raise ValueError(f"a background is constant, polynomial, mesh or columns, not {dict(table)!r:.80}")
    return dict(table)


def _spec(own: Path, table: Mapping[str, Any]) -> Any:
    """The user's own, in this file of the folder, or of the catalogue, where a name is a word and not a path."""
    if "spec" in table:
        return load_spec(own)
    if not isinstance(table["name"], str) or not table["name"].isidentifier():
        raise ValueError(f"a name of the catalogue is a word, not {table['name']!r:.80}")
    return catalogue_spec(table["name"])


class _Numbers:
    """Arrays that problem.toml refers to: "data.npz:key", or a table that also shifts and scales; training rows only."""

    def __init__(self, path: Path, holdout: Mapping[str, Any] | None) -> None:
        self.arrays = _arrays(path)
        self.holdout = holdout

    def read(self, reference: Any, rows: bool = False) -> Array:
        """Finite float64 or complex128 numbers; of samples, those that are not held out."""
        table = reference if isinstance(reference, dict) else {"data": reference}
        if set(table) - {"data", "subtract", "divide", "append_one"} or not table["data"].startswith("data.npz:"):
            raise ValueError(f"data are in data.npz, not {reference!r:.80}")
        values = self.arrays[table["data"].removeprefix("data.npz:")]
        values = values.astype(np.complex128 if values.dtype.kind == "c" else np.float64)
        if "subtract" in table or "divide" in table:
            values = (values - np.asarray(table.get("subtract", 0.0))) / np.asarray(table.get("divide", 1.0))
        if table.get("append_one", False):
            values = np.column_stack([values, np.ones(len(values))])
        if values.size == 0 or not np.all(np.isfinite(values)):
            raise ValueError(f"data are finite numbers, not those of {reference!r:.80}")
        if rows and self.holdout is not None:
            n = len(values)
            order = np.random.RandomState(self.holdout.get("seed", 0)).permutation(n)
            values = values[np.sort(order[round(self.holdout["fraction"] * n) :])]
        return values

    def number(self, value: Any) -> Array:
        """A number, or an array that is referred to."""
        return self.read(value, rows=True) if isinstance(value, str | dict) else np.asarray(float(value))
