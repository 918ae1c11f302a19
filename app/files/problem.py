"""PROBLEM.toml: the text of a problem, read and checked into a `ProblemFile`.

::

    title = "…"                 # optional
    [features]                  # the feature map φ
    name = "fourier"            # from the catalogue (conicflow features), or spec = "my_kernel.toml"; then its arguments:
    cutoff = 10                 # references to data (see data_files), numbers, or two numbers for an interval;
                                # on the torus of two or three dimensions one number, or one for each axis: [10, 12]
    [loss]
    name = "squared"
    data = "y.npy"              # a reference; on the torus 2K+1 complex coefficients on each axis; several columns, or
                                # a column of labels 0, 1, ... of classes, for ridge features.
                                # With one more axis, or "frames/*.npy", many problems (see `frames`)
    samples = false             # on the torus: the data are real samples on an equispaced grid instead
    average = false             # divide the loss by the number of samples
    sample_weights = "w.npy"    # optional: a number > 0 for each sample
    cholesky = "l.npy"          # optional, for squared: the lower Cholesky factor of the noise's covariance
    delta = 1.0                 # and the loss's own constants (conicflow losses): numbers, or references
    [measure]
    penalty = 0.1               # or penalty_ratio, of the smallest penalty whose solution is zero
    sign = "any"                # or "nonnegative"; "vector" where the data have several columns; or {up = 1.0, down = 2.0}
    [background]                # optional: what is added at no price; name "constant", "polynomial" (degree), "mesh" (cells)
    name = "constant"           # or "columns", whose data have one row for each datum
    [solve]                     # optional: particles, relative_gap, absolute_gap, flow_steps, seed, seconds, and each of
    exchange_patience = 60      # `conicflow.Schedule` by its name
    [holdout]                   # optional, for ridge features: fraction of the rows kept out, and seed
    [truth]                     # optional: positions and weights, references, drawn beside the solution
    [labels]                    # optional, for figures and tables: input, unit, data
"""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from conicflow.engine.base.errors import ConicflowError, ProblemError
from conicflow.engine.base.progress import Progress
from conicflow.engine.model.background import Background
from conicflow.engine.model.losses import Loss, LossFactory
from conicflow.engine.model.problem import Problem
from conicflow.engine.solve.schedule import Schedule
from conicflow.engine.space.catalogue import FeatureFactory
from conicflow.engine.space.feature_map import FeatureMap

from .data import Array
from .holdout import Holdout, split_rows
from .model_tables import References, choose_features, choose_loss, own_specs, read_background, read_features, read_loss
from .problem_file import Labels, ProblemFile, SolveOptions, Truth
from .toml_tables import Table, is_integer, is_line, is_number, require_known

MAX_BYTES = 2**20
MAX_PARTICLES = 10**6
MAX_STEPS = 10**8

SIGNS = ("any", "nonnegative", "vector")
TABLES = ("features", "loss", "measure", "background", "solve", "holdout", "truth", "labels")


def positive_penalty_max(problem: Problem) -> float:
    """The smallest penalty whose solution is zero, for [measure] penalty_ratio.

    Raises
    ------
    ProblemError
        If the solution is always zero.
    """
    if not (largest := problem.penalty_max()) > 0:
        raise ProblemError(
            "[measure] penalty_ratio needs data that atoms can explain; got data whose solution is always zero; "
            "give penalty instead"
        )
    return largest


def read_problem(path: Path, progress: Progress | None = None) -> ProblemFile:
    """Read a problem file of one problem; `progress` hears of a spec that is compiled.

    Raises
    ------
    ProblemError
        If the file, or the data it refers to, breaks a rule: one sentence with file, key, rule, value and remedy.
    """
    file = read_problems(path, progress)
    if file.frames is not None:
        raise ProblemError(
            f"{path}: [loss] data must be those of one problem; got those of {len(file.frames.names)}; conicflow solve takes "
            "many, solve one of them alone"
        )
    return file


def read_problems(path: Path, progress: Progress | None = None) -> ProblemFile:
    """Read a problem file of one problem, or of many: then `frames` is not None.

    Raises
    ------
    ProblemError
        As from `read_problem`.
    """
    try:
        return _Reader(path, _document(path), progress).read()
    except ConicflowError as error:
        raise ProblemError(f"{path}: {error}") from None


def _document(path: Path) -> dict[str, Any]:
    if not path.is_file():
        found = "a folder" if path.is_dir() else "something else" if path.exists() else "nothing there"
        raise ProblemError(f"a problem file must be a file; got {found}; check the path")
    try:
        if (size := path.stat().st_size) > MAX_BYTES:
            raise ProblemError(
                f"a problem file must be at most {MAX_BYTES} bytes; got {size}; keep data in other files"
            )
        return tomllib.loads(path.read_bytes().decode())
    except (OSError, ValueError, RecursionError) as error:
        raise ProblemError(f"a problem file must be readable TOML; got {str(error)!r:.80}; correct it") from None


class _Reader:
    """Reads one table after another."""

    def __init__(self, path: Path, document: Mapping[str, Any], progress: Progress | None) -> None:
        require_known(document, ["title", *TABLES], "a problem file")
        self.path, self.document, self.progress = path, document, progress
        self.references = References(document, path.parent)

    def read(self) -> ProblemFile:
        named = self.path.stem if self.path.stem.isprintable() else "problem"
        title = self.document.get("title", named)
        if not is_line(title):
            raise ProblemError(
                f"title must be text in one line; got {title!r:.80}; put it in quotes, without control characters"
            )
        split = self.split()
        training = None if split is None else lambda rows: split(rows)[0]
        specs = own_specs(self.references)
        chosen = choose_features(self.references, specs, self.progress)
        loss = choose_loss(self.references, specs, self.progress)
        build_features, inputs = read_features(self.references, chosen, training)
        build_loss, target = read_loss(self.references, chosen, loss, training)
        holdout = None
        if split is not None:
            self.validate_split(chosen, loss, inputs, target)
            kept, out = split(len(target))
            for rows in (kept, out):
                if np.any(np.ptp(target[rows], axis=0) == 0):
                    raise ProblemError(
                        "[holdout] needs a target that varies on each side; got a constant; change the seed"
                    )
            holdout = Holdout(build_features(**{name: x[out] for name, x in inputs.items()}), target[out])
            inputs, target = {name: x[kept] for name, x in inputs.items()}, target[kept]
        background = read_background(self.references, training)
        problem = self.problem(build_features(**inputs), build_loss(target), background)
        truth = self.truth(problem)
        return ProblemFile(
            self.path,
            title,
            problem,
            self.options(),
            holdout,
            truth,
            self.labels(),
            self.document,
            self.references.data,
            specs,
            next(iter(self.references.frames), None),
        )

    def split(self) -> Callable[[int], tuple[Array, Array]] | None:
        """From the number of rows to those of training and those kept out; None without [holdout]."""
        if "holdout" not in self.document:
            return None
        table = Table(self.document, "holdout", ["fraction", "seed"])
        table.require("fraction", "the part of the rows kept out of training")
        fraction = table.get("fraction", "a number between 0 and 1", lambda value: is_number(value) and 0 < value < 1)
        seed = table.get("seed", "an integer from 0 to 2^32 - 1", is_integer(0, 2**32 - 1), 0)
        return partial(split_rows, fraction=fraction, seed=seed)

    def validate_split(
        self, chosen: FeatureFactory, loss: LossFactory, inputs: Mapping[str, Array], target: Array
    ) -> None:
        if not chosen.takes_tables or loss.name != "squared":
            raise ProblemError(
                f"[holdout] needs ridge features and the squared loss; got {chosen.name} and {loss.name}; remove [holdout]"
            )
        if self.references.frames:
            raise ProblemError("[holdout] is for one problem; got data of many; remove [holdout]")
        for key in ("sample_weights", "cholesky"):
            if key in self.document["loss"]:
                raise ProblemError(f"[holdout] scores all rows alike; got [loss] {key}; remove one of the two")
        if self.document.get("background", {}).get("name") == "columns":
            raise ProblemError(
                "[holdout] predicts rows that it has not fitted; got [background] columns of all rows; use constant"
            )
        for key, x in inputs.items():
            if len(x) != len(target):
                raise ProblemError(
                    f"[features] {key} and [loss] data must have equally many rows; got {len(x)} and {len(target)}; "
                    "take both from the same table"
                )

    def problem(self, feature_map: FeatureMap, loss: Loss, background: Background | None) -> Problem:
        table = Table(self.document, "measure", ["penalty", "penalty_ratio", "sign"])
        given_sign = table.value.get("sign")
        sign: Any = given_sign if isinstance(given_sign, dict) else table.choice("sign", list(SIGNS), "any")
        given = [key for key in ("penalty", "penalty_ratio") if key in table.value]
        if len(given) != 1:
            raise ProblemError(
                f"[measure] must give one of penalty and penalty_ratio; got {' and '.join(given) or 'none'}; "
                "penalty is λ itself, penalty_ratio a part of the smallest λ whose solution is zero"
            )
        if given == ["penalty"]:
            penalty = table.get("penalty", "a number ≥ 0", lambda value: is_number(value) and value >= 0)
            return Problem(feature_map, loss, penalty=float(penalty), sign=sign, background=background)
        ratio = table.get("penalty_ratio", "a number > 0", lambda value: is_number(value) and value > 0)
        problem = Problem(feature_map, loss, penalty=1.0, sign=sign, background=background)
        if self.references.frames:  # each has its own
            return problem
        return problem.with_penalty(ratio * positive_penalty_max(problem))

    def options(self) -> SolveOptions:
        table, numbers = Table(self.document, "solve"), [item.name for item in fields(Schedule)]
        own = ["particles", "relative_gap", "absolute_gap", "flow_steps", "seed", "seconds"]
        require_known(
            table.value, [*own, *numbers], "[solve]", f"{', '.join(own)} and the numbers of a conicflow.Schedule"
        )
        try:
            schedule = Schedule.from_dict({name: table.value[name] for name in numbers if name in table.value})
        except ProblemError as error:
            raise ProblemError(f"[solve] {error}") from None
        default = SolveOptions()
        gap = table.get("relative_gap", "a number between 0 and 1", lambda value: is_number(value) and 0 < value < 1)
        absolute = table.get("absolute_gap", "a number ≥ 0", lambda value: is_number(value) and value >= 0)
        seconds = table.get("seconds", "a number > 0", lambda value: is_number(value) and value > 0)
        return SolveOptions(
            table.get("particles", f"an integer from 1 to {MAX_PARTICLES}", is_integer(1, MAX_PARTICLES)),
            default.relative_gap if gap is None else float(gap),
            default.absolute_gap if absolute is None else float(absolute),
            table.get("flow_steps", f"an integer from 1 to {MAX_STEPS}", is_integer(1, MAX_STEPS)),
            table.get("seed", "an integer from 0 to 2^32 - 1", is_integer(0, 2**32 - 1), default.seed),
            default.seconds if seconds is None else float(seconds),
            schedule,
        )

    def truth(self, problem: Problem) -> Truth | None:
        """The measure in [truth], if there is one."""
        if "truth" not in self.document:
            return None
        table = Table(self.document, "truth", ["positions", "weights"])
        for key in ("positions", "weights"):
            table.require(key, "a reference to data")
        positions, weights = (self.references.read(table, key).array for key in ("positions", "weights"))
        positions = positions.reshape(len(positions), -1)
        dimension, one = problem.features.dimension, problem.zero.weights.shape[1:]
        if positions.shape[1] != dimension or weights.shape != (len(positions), *one):
            raise ProblemError(
                f"[truth] must give one weight and {dimension} coordinates for each atom; got weights {weights.shape} "
                f"and positions {positions.shape}; check both"
            )
        return Truth(positions, weights)

    def labels(self) -> Labels:
        table = Table(self.document, "labels", ["input", "unit", "data"])
        default = Labels()
        words = {
            key: table.get(key, "text in one line", is_line, getattr(default, key)) for key in ("input", "unit", "data")
        }
        return Labels(**words)
