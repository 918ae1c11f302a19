"""[features] and [loss] of a problem file: a feature map and a loss, and the data that make a problem of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from conicflow.engine import features, losses
from conicflow.engine.compile import Spec, compile_spec, read_spec_file
from conicflow.engine.errors import ProblemError
from conicflow.engine.feature_map import FeatureMap
from conicflow.engine.features import FeatureFactory
from conicflow.engine.losses import Loss
from conicflow.engine.solve import Progress

from .data_files import Array, Data, Rows, read_data
from .toml_tables import Table, is_flag, is_integer, is_interval, is_number, is_text

MAX_CUTOFF = 10**5

# What a key of [features] must be.
REFERENCE = "a reference to data"
ROWS = "a reference to rows of data"
OPTIONAL_REFERENCE = "an optional reference to data"
INTERVAL = "two finite numbers, low < high"
NUMBER = "a finite number"
INTEGER = f"an integer from 1 to {MAX_CUTOFF}"


@dataclass(frozen=True)
class References:
    """A parsed problem file, the folder of its paths, and the data read so far, by key (``"loss.data"``)."""

    document: Mapping[str, Any]
    folder: Path
    data: dict[str, Data] = field(default_factory=dict)

    def read(self, table: Table, key: str, training: Rows | None = None) -> Data:
        """The data a key refers to."""
        data = read_data(table.value[key], self.folder, f"[{table.name}] {key}", training)
        self.data[f"{table.name}.{key}"] = data
        return data


def argument_forms(description: Mapping[str, Any]) -> dict[str, str]:
    """What the keys of [features] besides `name` or `spec` must be, for a feature map that describes itself so."""
    if description["kind"] == "torus":
        return {"cutoff": INTEGER, "filter": OPTIONAL_REFERENCE}
    ridge = description["kind"] == "ridge"
    samples = {"x": ROWS} if ridge else {entry["name"]: REFERENCE for entry in description["inputs"]}
    intervals = {entry["name"]: INTERVAL for entry in description["parameters"] if entry["domain"] == "interval"}
    return samples | intervals | {entry["name"]: NUMBER for entry in description["constants"]}


def own_spec(references: References) -> Spec | None:
    """The spec file that [features] names, if it names one instead of a feature map of the catalogue."""
    table = Table(references.document, "features")
    if "spec" not in table.value:
        return None
    if "name" in table.value:
        raise ProblemError(
            f"[features] must give one of name and spec; got both, {table.value['name']!r:.80} and "
            f"{table.value['spec']!r:.80}; remove one"
        )
    return read_spec_file(references.folder / table.get("spec", "the path of a spec file", is_text))


def choose_features(references: References, spec: Spec | None, progress: Progress | None) -> FeatureFactory:
    """The feature map of [features]: of a spec, compiled if it is new, or of the catalogue."""
    if spec is not None:
        return compile_spec(spec, progress)
    chosen: FeatureFactory = getattr(features, Table(references.document, "features").choice("name", features.names()))
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
        if form == OPTIONAL_REFERENCE and key not in table.value:
            continue
        table.require(key, form)
        if form == INTERVAL:
            arguments[key] = tuple(map(float, table.get(key, form, is_interval)))
        elif form == NUMBER:
            arguments[key] = float(table.get(key, form, is_number))
        elif form == INTEGER:
            arguments[key] = table.get(key, form, is_integer(1, MAX_CUTOFF))
        elif form == OPTIONAL_REFERENCE:
            arguments[key] = references.read(table, key).array
        else:
            x = references.read(table, key, training).array
            inputs[key] = x.reshape(len(x), -1) if form == ROWS else x
    return partial(chosen, **arguments), inputs


def read_loss(
    references: References, chosen: FeatureFactory, training: Rows | None
) -> tuple[Callable[..., Loss], Array]:
    """The loss but for its data, and these."""
    table = Table(references.document, "loss", ["name", "data", "samples", "average"])
    name = table.choice("name", losses.names())
    average = table.get("average", "true or false", is_flag, False)
    samples = table.get("samples", "true or false", is_flag, False)
    table.require("data", "a reference to data")
    data = references.read(table, "data", training)
    if data.array.ndim != 1:
        raise ProblemError(f"[loss] data must be one column; got the shape {data.array.shape}; name one column")
    if chosen.description["kind"] == "torus":
        cutoff = references.document["features"]["cutoff"]
        data = references.data["loss.data"] = _coefficients(data, cutoff, samples)
    elif samples:
        raise ProblemError(f"[loss] samples is for features on the torus; got {chosen.name}; remove it")
    return partial(Loss, name, average=average), data.array


def _coefficients(data: Data, cutoff: int, samples: bool) -> Data:
    """The 2K+1 Fourier coefficients, k = -K … K, as given, or of samples: c_k = mean_j y_j exp(-2 pi i k j/n)."""
    size, given = 2 * cutoff + 1, data.array
    if not samples:
        if not np.iscomplexobj(given) or len(given) != size:
            raise ProblemError(
                f"[loss] data must be {size} complex coefficients, k = -K … K; got {len(given)} of {given.dtype}; "
                "for equispaced real samples add samples = true"
            )
        return data
    if np.iscomplexobj(given) or len(given) < size:
        raise ProblemError(
            f"[loss] samples must be at least {size} = 2K + 1 real numbers; got {len(given)} of {given.dtype}; "
            "lower the cutoff, or remove samples = true"
        )
    spectrum = np.fft.fft(given) / len(given)
    return Data(spectrum[np.arange(-cutoff, cutoff + 1)], np.asarray(0.0), np.asarray(1.0))
