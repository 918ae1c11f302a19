"""What a solve hands back, and its folder on disk."""

from __future__ import annotations

import json
import math
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from ..base.errors import ProblemError
from ..base.validation import array
from ..flow.trajectory import Trajectory
from ..model.measure import Measure
from ..space.gauge import Sign, gauge_of
from .folder import OutputFolder
from .schedule import Schedule

SCHEMA = 1


@dataclass(frozen=True)
class Certificate:
    """What is known about sup|eta| for the returned measure.

    Parameters
    ----------
    rigorous : every rounding error is inside the bound. False means: estimated.
    sup_bound : S, in the units of the penalty; of `certify`, that of the dual point which proves the gap.
    method : how S was found.
    precision : the arithmetic.
    objective : numbers below and above J(mu), where `certify` computed them; None of the solver's own certificate.
    gap, relative_gap : bounds of J(mu) - J* and of it over |J(mu)|: proved where `rigorous`, else estimated.
    rigorous_gap, rigorous_sup : the best proved bounds, however loose; infinite where there is none.
    """

    rigorous: bool
    sup_bound: float
    method: str
    precision: str
    objective: tuple[float, float] | None = None
    gap: float = math.nan
    relative_gap: float = math.nan
    rigorous_gap: float = math.inf
    rigorous_sup: float = math.inf


@dataclass(frozen=True, eq=False)
class Result:
    """The outcome of `solve`.

    Parameters
    ----------
    measure : the best measure found.
    objective, gap, relative_gap : J, the bound on J - J*, and gap / max(|J|, 2^-52 (R(0) - inf R), tiny).
    certificate : what the gap rests on.
    status : "certified" (gap within tolerance), "gap above tolerance", "zero measure" (penalty >= penalty_max), or
        "interrupted" (by Ctrl-C, with the gap above the tolerance).
    ended_by : where the gap is above the tolerance, what ended the search: its phases, each with the number of the schedule
        (or the option) that limited it, in brackets; raise that to try harder. Else empty.
    schedule : the numbers of the search.
    tolerance : the relative gap that was asked for.
    penalty, sign, features, loss : of the problem.
    trace : arrays "seconds", "evaluations" (flow steps tried), "objective" (the lowest J or F_m so far), "gap" (NaN where
        not computed), "atoms", "step" (length of the flow's steps, NaN before them), and the list "phase".
    trajectory : the particles' paths, or None when there was no flow.
    evaluations : flow steps tried. insertions : atoms that had to be added after the flow.
    seconds : wall time.
    """

    measure: Measure
    objective: float
    gap: float
    relative_gap: float
    certificate: Certificate
    status: str
    ended_by: str
    schedule: Schedule
    tolerance: float
    penalty: float
    sign: Sign
    features: dict[str, Any]
    loss: str
    trace: dict[str, Any]
    trajectory: Trajectory | None
    evaluations: int
    insertions: int
    seconds: float

    @property
    def certified(self) -> bool:
        """Whether the gap is within the tolerance."""
        return self.status in ("certified", "zero measure")

    def to_dict(self) -> dict[str, Any]:
        """Contents of result.json; `exact` repeats the scalars and atoms as hexadecimal floats."""
        certificate = {
            "rigorous": self.certificate.rigorous,
            "method": self.certificate.method,
            "sup_bound": self.certificate.sup_bound,
            "precision": self.certificate.precision,
        }
        weights, positions = self.measure.weights.tolist(), self.measure.positions.tolist()
        numbers = ("objective", "gap", "relative_gap", "tolerance", "penalty", "seconds")
        exact: dict[str, Any] = {name: float(getattr(self, name)).hex() for name in numbers}
        exact["sup_bound"] = float(self.certificate.sup_bound).hex()
        exact["weights"] = [_hex(weight) for weight in weights]
        exact["positions"] = [[coordinate.hex() for coordinate in position] for position in positions]
        trace = {
            name: [_json_number(value) for value in values] if name != "phase" else list(values)
            for name, values in self.trace.items()
        }
        return {
            "schema": SCHEMA,
            "status": self.status,
            "ended_by": self.ended_by,
            "schedule": self.schedule.to_dict(),
            **{name: _json_number(getattr(self, name)) for name in numbers},
            "certificate": certificate | {"sup_bound": _json_number(self.certificate.sup_bound)},
            "weights": weights,
            "positions": positions,
            "outputs": self.measure.outputs,
            "sign": self.sign,
            "features": self.features,
            "loss": self.loss,
            "evaluations": self.evaluations,
            "insertions": self.insertions,
            "trace": trace,
            "exact": exact,
        }

    def write(self, folder: Path, **more: Any) -> None:
        """result.json, measure.npz and trajectory.npz into an existing folder; `more` are further entries of result.json."""
        text = json.dumps(self.to_dict() | more, indent=1, allow_nan=False) + "\n"
        (folder / "result.json").write_text(text, encoding="utf-8")
        np.savez(folder / "measure.npz", weights=self.measure.weights, positions=self.measure.positions)
        if self.trajectory is not None:
            path = self.trajectory
            np.savez(folder / "trajectory.npz", times=path.times, particles=path.particles, energies=path.energies)

    def save(self, folder: str | Path) -> None:
        """Write a result folder under a temporary name, then rename it.

        Raises
        ------
        ProblemError : the folder holds what we did not write, or cannot be written.
        """
        with OutputFolder(Path(folder)) as temporary:
            self.write(temporary)

    @staticmethod
    def load(folder: str | Path) -> Result:
        """Read a result folder.

        Raises
        ------
        ProblemError : a missing or damaged file, or a schema that this version does not know.
        """
        return _load(Path(folder))


def _hex(weight: Any) -> Any:
    """A float as exact text, or each entry of a weight in R^q."""
    return weight.hex() if isinstance(weight, float) else [entry.hex() for entry in weight]


def _from_hex(weight: Any) -> Any:
    return float.fromhex(weight) if isinstance(weight, str) else [float.fromhex(entry) for entry in weight]


def _json_number(value: float) -> float | None:
    """JSON has no NaN or infinity: null stands for them; the exact hexadecimal text tells which."""
    return float(value) if math.isfinite(value) else None


def _load(folder: Path) -> Result:
    try:
        return _read(Path(folder))
    except (
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
    ) as error:
        raise ProblemError(
            f"a result folder holds a readable result.json and its arrays; {str(folder)[:200]}: {str(error)[:200]}; "
            "solve the problem again"
        ) from None


def _read(folder: Path) -> Result:
    data = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    if data["schema"] != SCHEMA:
        raise ProblemError(
            f"result.json has schema {data['schema']!r:.20}; this version reads {SCHEMA}; solve it again"
        )
    exact, features = data["exact"], data["features"]
    weights = np.array([_from_hex(weight) for weight in exact["weights"]])
    if len(weights) == 0 and data["sign"] == "vector":
        weights = weights.reshape(0, int(data["outputs"]))
    positions = np.array([[float.fromhex(number) for number in row] for row in exact["positions"]])
    certificate = data["certificate"]
    return Result(
        measure=Measure(weights, positions.reshape(len(weights), features["dimension"])),
        certificate=Certificate(
            rigorous=bool(certificate["rigorous"]),
            sup_bound=float.fromhex(exact["sup_bound"]),
            method=str(certificate["method"]),
            precision=str(certificate["precision"]),
        ),
        trace={
            name: [str(phase) for phase in values]
            if name == "phase"
            else np.array([math.nan if value is None else float(value) for value in values])
            for name, values in data["trace"].items()
        },
        trajectory=_read_trajectory(folder / "trajectory.npz", data["outputs"] + features["dimension"]),
        objective=float.fromhex(exact["objective"]),
        gap=float.fromhex(exact["gap"]),
        relative_gap=float.fromhex(exact["relative_gap"]),
        tolerance=float.fromhex(exact["tolerance"]),
        penalty=float.fromhex(exact["penalty"]),
        seconds=float.fromhex(exact["seconds"]),
        status=str(data["status"]),
        ended_by=str(data["ended_by"]),
        schedule=Schedule.from_dict(data["schedule"]),
        sign=gauge_of(data["sign"], int(data["outputs"]) if data["sign"] == "vector" else None).sign,
        features=dict(features),
        loss=str(data["loss"]),
        evaluations=int(data["evaluations"]),
        insertions=int(data["insertions"]),
    )


def _read_trajectory(path: Path, width: int) -> Trajectory | None:
    if not path.is_file():
        return None
    with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        times, particles, energies = (
            array(f"{name} in {path.name}", arrays[name]) for name in ("times", "particles", "energies")
        )
    if not (
        particles.ndim == 3 and particles.shape[2] == width and times.shape == energies.shape == particles.shape[:1]
    ):
        raise ProblemError(
            f"a trajectory needs T times, T energies and particles (T, m, {width}); {path.name} has {times.shape}, "
            f"{energies.shape} and {particles.shape}; solve the problem again"
        )
    return Trajectory(times, particles, energies)
