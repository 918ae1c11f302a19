"""What a problem file says, once it is read."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from conicflow.engine.kernels.own import Spec
from conicflow.engine.model.problem import Problem
from conicflow.engine.solve.schedule import DEFAULT, Schedule

from .data import Array, Data
from .holdout import Holdout
from .model_tables import TargetFrames
from .toml_tables import to_toml


@dataclass(frozen=True)
class SolveOptions:
    """What `conicflow.solve` is asked for, under its names; where None, the program chooses."""

    particles: int | None = None
    relative_gap: float = 1e-9
    absolute_gap: float = 0.0
    flow_steps: int | None = None
    seed: int = 0
    seconds: float = math.inf
    schedule: Schedule = DEFAULT


@dataclass(frozen=True)
class Truth:
    """The measure behind simulated data: positions (k, d) and weights (k,), or (k, q)."""

    positions: Array
    weights: Array


@dataclass(frozen=True)
class Labels:
    """Names for figures and tables: of the input, of its unit, of the data."""

    input: str = "t"
    unit: str = ""
    data: str = "data"


@dataclass(frozen=True)
class ProblemFile:
    """A problem file, read: the problem, and what to do with it.

    `document` is the parsed text, `data` the numbers it refers to, by key (``"loss.data"``), `specs` the specs that it
    refers to, of a feature map and a loss of one's own, by table.
    """

    path: Path
    title: str
    problem: Problem
    options: SolveOptions
    holdout: Holdout | None
    truth: Truth | None
    labels: Labels
    document: Mapping[str, Any] = field(repr=False)
    data: Mapping[str, Data] = field(repr=False)
    specs: Mapping[str, Spec] = field(repr=False)
    frames: TargetFrames | None = field(repr=False, default=None)
    """The data of many problems, where there are many; the others speak of the first."""

    @property
    def penalty_ratio(self) -> float | None:
        """What the penalty is of the smallest whose solution is zero, where the file says that; else None."""
        ratio = self.document["measure"].get("penalty_ratio")
        return None if ratio is None else float(ratio)

    def of_frame(self, index: int) -> "ProblemFile":
        """The problem of one of many frames.

        Raises
        ------
        ProblemError
            If its data cannot be read, or are of another shape than those of the first.
        """
        assert self.frames is not None
        data = self.frames.read(index)
        problem = replace(self.problem, loss=self.problem.loss.with_data(data.array))
        return replace(self, problem=problem, data={**self.data, "loss.data": data}, frames=None)

    def settled_text(self, archive: str, specs: Mapping[str, str]) -> str:
        """The same problem, settled: data in `archive`, specs in the files `specs`; means, deviations, penalty as numbers."""
        document = {name: dict(value) if isinstance(value, dict) else value for name, value in self.document.items()}
        for key, data in self.data.items():
            table, name = key.split(".")
            document[table][name] = data.reference(f"{archive}:{key}")
        document["loss"].pop("samples", None)
        for table in self.specs:
            document[table]["spec"] = specs[table]
        document["measure"] = {"penalty": self.problem.penalty, "sign": self.problem.sign}
        return to_toml(document)
