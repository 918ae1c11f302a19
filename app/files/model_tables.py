"""[features] and [loss] of a problem file: a feature map and a loss, and the data that make a problem of them."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from conicflow.engine.base.errors import ProblemError
from conicflow.engine.base.progress import Progress
from conicflow.engine.kernels.own import Spec, read_spec_file
from conicflow.engine.model import losses
from conicflow.engine.model.background import Background, from_dict
from conicflow.engine.model.losses import Loss, LossFactory
from conicflow.engine.model.own import compile_loss
from conicflow.engine.space import catalogue as features
from conicflow.engine.space.arguments import interval_names
from conicflow.engine.space.catalogue import FeatureFactory
from conicflow.engine.space.feature_map import FeatureMap
from conicflow.engine.space.own import compile_spec

from .data import Array, Data, Rows, prepared, read_data, reference_table
from .frames import Frames, Layout, read_frames
from .toml_tables import Predicate, Table, is_flag, is_integer, is_interval, is_number, is_text

MAX_CUTOFF = 10**5

# What a key of [features] must be.
REFERENCE = "a reference to data"
ROWS = "a reference to rows of data"
OPTIONAL_REFERENCE = "an optional reference to data"
INTERVALS = {
    "interval": "two finite numbers, low < high",
    "real": "two finite numbers, low < high",
    "nonnegative interval": "two finite numbers, 0 <= low < high",
    "positive interval": "two finite numbers, 0 < low < high",
}
NUMBER = "a finite number"
NUMBERS = "a finite number, or a reference to one for each sample"
CUTOFFS = {1: f"an integer from 1 to {MAX_CUTOFF}"} | {
    d: f"an integer from 1 to {MAX_CUTOFF}, or a list of {d}, one for each axis" for d in (2, 3)
}
OPTIONAL_NUMBER = "an optional finite number; without it, "


_BACKGROUNDS = {"constant": [], "polynomial": ["degree"], "mesh": ["cells"], "columns": ["data"]}


@dataclass(frozen=True)
class TargetFrames:
    """The data of many problems: of each its name, and what is read of it."""

    names: tuple[str, ...]
    read: Callable[[int], Data]


@dataclass(frozen=True)
class References:
    """A parsed problem file, the folder of its paths, and the data read so far, by key (``"loss.data"``).

    `frames` are the data of many problems, each read when it is asked for; `data` has those of the first.
    """

    document: Mapping[str, Any]
    folder: Path
    data: dict[str, Data] = field(default_factory=dict)
    frames: list["TargetFrames"] = field(default_factory=list)

    def read(self, table: Table, key: str, training: Rows | None = None, *, pixels: bool = False) -> Data:
        """The data a key refers to; with `pixels`, an image in one row."""
        data = read_data(table.value[key], self.folder, f"[{table.name}] {key}", training, pixels=pixels)
        self.data[f"{table.name}.{key}"] = data
        return data


def argument_forms(description: Mapping[str, Any]) -> dict[str, str]:
    """What the keys of [features] besides `name` or `spec` must be, for a feature map that describes itself so."""
    if description["kind"] == "torus":
        return {"cutoff": CUTOFFS[len(description["parameters"])], "filter": OPTIONAL_REFERENCE}
    ridge = description["kind"] == "ridge"
    samples = {"x": ROWS} if ridge else {entry["name"]: REFERENCE for entry in description["inputs"]}
    domains = {entry["name"]: entry["domain"] for entry in description["parameters"]}
    intervals = {name: INTERVALS[domains[name]] for name in interval_names(description)}
    radius = {"radius": NUMBER} if "ball" in domains.values() else {}
    constants = {entry["name"]: _number_form(entry["default"]) for entry in description["constants"]}
    return samples | intervals | radius | constants


def _number_form(default: float | str | None) -> str:
    if default is None:
        return NUMBER
    return OPTIONAL_NUMBER + (f"the value of {default}" if isinstance(default, str) else f"{default:g}")


def own_specs(references: References) -> dict[str, Spec]:
    """The spec files that [features] and [loss] name, by table, where they name one instead of one of the catalogue."""
    specs = {}
    for name in ("features", "loss"):
        table = Table(references.document, name)
        if "spec" not in table.value:
            continue
        if "name" in table.value:
            raise ProblemError(
                f"[{name}] must give one of name and spec; got both, {table.value['name']!r:.80} and "
                f"{table.value['spec']!r:.80}; remove one"
            )
        specs[name] = read_spec_file(references.folder / table.get("spec", "the path of a spec file", is_text))
    return specs


def choose_features(references: References, specs: Mapping[str, Spec], progress: Progress | None) -> FeatureFactory:
    """The feature map of [features]: of a spec, compiled if it is new, or of the catalogue."""
    if "features" in specs:
        return compile_spec(specs["features"], progress)
    name = Table(references.document, "features").choice("name", features.names())
    chosen: FeatureFactory = getattr(features, name)
    return chosen


def choose_loss(references: References, specs: Mapping[str, Spec], progress: Progress | None) -> LossFactory:
    """The loss of [loss]: of a spec, compiled if it is new, or of the catalogue."""
    if "loss" in specs:
        return compile_loss(specs["loss"], progress)
    chosen: LossFactory = getattr(losses, Table(references.document, "loss").choice("name", losses.names()))
    return chosen


def read_features(
    references: References, chosen: FeatureFactory, training: Rows | None
) -> tuple[Callable[..., FeatureMap], dict[str, Array]]:
    """The chosen feature map but for its inputs, and these."""
    forms = argument_forms(chosen.description)
    table = Table(references.document, "features")
    table.allow([*(key for key in ("name", "spec") if key in table.value), *forms])
    arguments: dict[str, Any] = {}
    inputs: dict[str, Array] = {}
    for key, form in forms.items():
        if form.startswith("an optional") and key not in table.value:
            continue
        table.require(key, form)
        if form in INTERVALS.values():
            arguments[key] = tuple(map(float, table.get(key, form, is_interval)))
        elif form == NUMBER or form.startswith(OPTIONAL_NUMBER):
            arguments[key] = float(table.get(key, form, is_number))
        elif key == "cutoff":
            arguments[key] = _cutoffs(table, chosen.description)
        elif form == OPTIONAL_REFERENCE:
            arguments[key] = references.read(table, key).array
        else:
            x = references.read(table, key, training, pixels=form == REFERENCE).array
            if x.ndim > (1 if form == REFERENCE else 2):
                rule = "one number for each sample" if form == REFERENCE else "rows of a table"
                raise ProblemError(f"[features] {key} must be {rule}; got the shape {x.shape}; reshape it")
            inputs[key] = x.reshape(len(x), -1) if form == ROWS else x
    return partial(chosen, **arguments), inputs


def loss_forms(description: Mapping[str, Any]) -> dict[str, str]:
    """What the keys of [loss] besides `name` or `spec`, `data`, `samples` and `average` must be."""
    constants = {entry["name"]: NUMBERS for entry in description["constants"]}
    covariance = {"cholesky": OPTIONAL_REFERENCE} if description["name"] == "squared" else {}
    return constants | {"sample_weights": OPTIONAL_REFERENCE} | covariance


def read_loss(
    references: References, chosen: FeatureFactory, loss: LossFactory, training: Rows | None
) -> tuple[Callable[..., Loss], Array]:
    """The chosen loss but for its data, and these."""
    table = Table(references.document, "loss")
    forms = loss_forms(loss.description)
    table.allow([*(key for key in ("name", "spec") if key in table.value), "data", "samples", "average", *forms])
    average = table.get("average", "true or false", is_flag, False)
    samples = table.get("samples", "true or false", is_flag, False)
    table.require("data", "a reference to data")
    pixels = chosen.takes_images
    data = _read_target(references, table, chosen, training, samples)
    options = {
        key: _numbers(references, table, key, form, training, pixels=pixels and key != "cholesky")
        for key, form in forms.items()
        if form != OPTIONAL_REFERENCE or key in table.value
    }
    if samples and "cutoff" not in argument_forms(chosen.description):
        raise ProblemError(f"[loss] samples is for features on the torus; got {chosen.name}; remove it")
    return partial(loss, average=average, **options), data.array


def read_background(references: References, training: Rows | None) -> Background | None:
    """The unpenalised linear part of [background]; None without the table."""
    if "background" not in references.document:
        return None
    table = Table(references.document, "background")
    name = table.choice("name", list(_BACKGROUNDS))
    table.allow(["name", *_BACKGROUNDS[name]])
    if name == "columns":
        table.require("data", "a reference to data")
        return from_dict({"name": name}, references.read(table, "data", training).array)
    for key in _BACKGROUNDS[name]:
        table.require(key, "an integer, or for cells a list of one for each axis")
    return from_dict(table.value)


def _read_target(
    references: References, table: Table, chosen: FeatureFactory, training: Rows | None, samples: bool
) -> Data:
    """The data of the problem; of the first of many, whose other data then stand in `references.frames`."""
    where, kind = "[loss] data", chosen.description["kind"]
    reference = reference_table(table.value["data"], where)
    cutoffs = _cutoffs(Table(references.document, "features"), chosen.description) if kind == "torus" else ()
    size = len(next(iter(references.data.values())).array) if kind == "pointwise" else None
    layout = Layout(kind, size, tuple(2 * cutoff + 1 for cutoff in cutoffs), samples)

    def made(values: Array) -> Data:
        if kind == "pointwise" and values.ndim == 2 and ".csv:" in reference["data"]:
            raise ProblemError(
                f"[loss] data of several columns are many problems, of one number for each of {size} samples; got {chosen.name} "
                f"and data of shape {values.shape} (only ridge units have vectors as weights); give each column {size} rows"
            )
        flat = values.reshape(-1) if kind == "pointwise" and values.ndim == 2 else values
        data = prepared(flat, reference, where, training)
        return _coefficients(data, cutoffs, samples) if kind == "torus" else data

    found = read_frames(reference["data"], references.folder, where, layout)
    if isinstance(found, Frames):
        references.frames.append(TargetFrames(found.names, lambda index: made(found.read(index))))
        data = references.frames[0].read(0)
    else:
        data = made(found)
    references.data["loss.data"] = data
    return data


def _numbers(references: References, table: Table, key: str, form: str, training: Rows | None, *, pixels: bool) -> Any:
    """A number, or the array that a key refers to."""
    value = table.require(key, form)
    if form == OPTIONAL_REFERENCE or isinstance(value, str | dict):
        return references.read(table, key, training, pixels=pixels).array
    return float(table.get(key, form, is_number))


def _cutoffs(table: Table, description: Mapping[str, Any]) -> tuple[int, ...]:
    """[features] cutoff as one frequency for each axis of the torus."""
    dimension = len(description["parameters"])
    cutoff = table.get("cutoff", CUTOFFS[dimension], _is_cutoff(dimension))
    return tuple(cutoff) if isinstance(cutoff, list) else (cutoff,) * dimension


def _is_cutoff(dimension: int) -> Predicate:
    one = is_integer(1, MAX_CUTOFF)
    return lambda value: (
        one(value) or (isinstance(value, list) and len(value) == dimension > 1 and all(map(one, value)))
    )


def _coefficients(data: Data, cutoffs: tuple[int, ...], samples: bool) -> Data:
    """The Fourier coefficients, flat in C order, k_a = -K_a … K_a on each axis.

    As given (of that shape, or flat), or of samples on a grid: c_k = mean_j y_j exp(-2 pi i sum_a k_a j_a/n_a).
    """
    shape, given = tuple(2 * cutoff + 1 for cutoff in cutoffs), data.array
    shown = " x ".join(map(str, shape))
    if not samples:
        if not np.iscomplexobj(given) or given.shape not in (shape, (math.prod(shape),)):
            raise ProblemError(
                f"[loss] data must be {shown} complex coefficients, k = -K … K; got {_size(given)}; "
                "for equispaced real samples add samples = true"
            )
        return Data(given.ravel(), np.asarray(0.0), np.asarray(1.0))
    if np.iscomplexobj(given) or given.ndim != len(shape) or any(np.less(given.shape, shape)):
        raise ProblemError(
            f"[loss] samples must be at least {shown} real numbers, 2K + 1 on each axis; got {_size(given)}; "
            "lower the cutoff, or remove samples = true"
        )
    spectrum = np.fft.fftn(given) / given.size
    lowest = np.ix_(*(np.arange(-cutoff, cutoff + 1) for cutoff in cutoffs))
    return Data(spectrum[lowest].ravel(), np.asarray(0.0), np.asarray(1.0))


def _size(array: Array) -> str:
    return f"{' x '.join(map(str, array.shape))} of {array.dtype}"
