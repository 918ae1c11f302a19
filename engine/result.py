"""What a solve hands back, and its folder on disk."""

from __future__ import annotations

import json
import math
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .errors import ProblemError
from .flow import Trajectory
from .measure import Measure

SCHEMA = 1


@dataclass(frozen=True)
class Certificate:
    """What is known about sup|eta| for the returned measure.

    Parameters
    ----------
    rigorous : every rounding error is inside the bound. False means: estimated.
    sup_bound : S, in the units of the penalty.
    method : how S was found.
    precision : the arithmetic.
    """

    rigorous: bool
    sup_bound: float
    method: str
    precision: str


@dataclass(frozen=True, eq=False)
class Result:
    """The outcome of `solve`.

    Parameters
    ----------
    measure : the best measure found.
    objective, gap, relative_gap : J, the bound on J - J*, and gap / max(|J|, tiny).
    certificate : what the gap rests on.
    status : "certified" (gap within tolerance), "gap above tolerance", or "zero measure" (penalty >= penalty_max).
    tolerance : the relative gap that was asked for.
    penalty, sign, features, loss : of the problem.
    trace : arrays "seconds", "objective", "gap" (NaN where not computed), "atoms", and the list "phase".
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
    tolerance: float
    penalty: float
    sign: str
    features: dict[str, Any]
    loss: str
    trace: dict[str, Any]
    trajectory: Trajectory | None
    evaluations: int
    insertions: int
    seconds: float

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
        exact["weights"] = [weight.hex() for weight in weights]
        exact["positions"] = [[coordinate.hex() for coordinate in position] for position in positions]
        trace = {
            name: [_json_number(value) for value in values] if name != "phase" else list(values)
            for name, values in self.trace.items()
        }
        return {
            "schema": SCHEMA,
            "status": self.status,
            **{name: _json_number(getattr(self, name)) for name in numbers},
            "certificate": certificate | {"sup_bound": _json_number(self.certificate.sup_bound)},
            "weights": weights,
            "positions": positions,
            "sign": self.sign,
            "features": self.features,
            "loss": self.loss,
            "evaluations": self.evaluations,
            "insertions": self.insertions,
            "trace": trace,
            "exact": exact,
        }

    def write(self, folder: Path) -> None:
        """result.json, measure.npz and trajectory.npz into an existing folder."""
        text = json.dumps(self.to_dict(), indent=1, allow_nan=False) + "\n"
        (folder / "result.json").write_text(text, encoding="utf-8")
        np.savez(folder / "measure.npz", weights=self.measure.weights, positions=self.measure.positions)
        if self.trajectory is not None:
            path = self.trajectory
            np.savez(folder / "trajectory.npz", times=path.times, particles=path.particles, energies=path.energies)

    def save(self, folder: str | Path) -> None:
        """Write a result folder under a temporary name, then rename it.

        Raises
        ------
        ProblemError : the folder exists and is no result folder, or cannot be written.
        """
        with ResultFolder(Path(folder)) as temporary:
            self.write(temporary)

    @staticmethod
    def load(folder: str | Path) -> Result:
        """Read a result folder.

        Raises
        ------
        ProblemError : a missing or damaged file, or a schema that this version does not know.
        """
        return _load(Path(folder))


class ResultFolder:
    """A temporary folder that takes its final name only when everything in it has been written.

    Raises
    ------
    ProblemError : the name is taken by something that is not a result folder, or cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        try:
            self.folder = folder.resolve()
            taken = self.folder.exists() and any(self.folder.iterdir()) and not (self.folder / "result.json").is_file()
            if not taken:
                self.folder.parent.mkdir(parents=True, exist_ok=True)
                self.temporary = Path(tempfile.mkdtemp(prefix=".result.", dir=self.folder.parent))
        except (OSError, ValueError) as error:
            raise _unwritable(folder, error) from None
        if taken:
            raise ProblemError(
                f"results are written to a new folder, or over an earlier result; {folder} is neither; choose another"
            )

    def __enter__(self) -> Path:
        return self.temporary

    def __exit__(self, kind: object, value: object, traceback: object) -> None:
        earlier = Path(f"{self.temporary}.earlier")
        try:
            if kind is None:
                self.temporary.chmod(0o755)
                if self.folder.exists():
                    os.rename(self.folder, earlier)  # kept until the new folder has its name
                os.rename(self.temporary, self.folder)
        except OSError as error:
            if earlier.exists():
                os.rename(earlier, self.folder)
            raise _unwritable(self.folder, error) from None
        finally:
            shutil.rmtree(self.temporary, ignore_errors=True)
            shutil.rmtree(earlier, ignore_errors=True)


def _unwritable(folder: Path, error: Exception) -> ProblemError:
    reason = error.strerror if isinstance(error, OSError) else error
    return ProblemError(f"results need a folder that can be written; {str(folder)[:200]}: {reason}; choose another")


def _json_number(value: float) -> float | None:
    """JSON has no NaN or infinity: null stands for them; the exact hexadecimal text tells which."""
    return float(value) if math.isfinite(value) else None


def _load(folder: Path) -> Result:
    try:
        data = json.loads((folder / "result.json").read_text(encoding="utf-8"))
        if data["schema"] != SCHEMA:
            raise ProblemError(f"result.json has schema {data['schema']}; this version reads {SCHEMA}; solve it again")
        exact = data["exact"]
        measure = Measure(
            np.array([float.fromhex(weight) for weight in exact["weights"]]),
            np.array([[float.fromhex(number) for number in row] for row in exact["positions"]]).reshape(
                len(exact["weights"]), data["features"]["dimension"]
            ),
        )
        trajectory = None
        if (folder / "trajectory.npz").is_file():
            with np.load(folder / "trajectory.npz", allow_pickle=False) as arrays:
                trajectory = Trajectory(arrays["times"], arrays["particles"], arrays["energies"])
        trace = {
            name: values if name == "phase" else np.array([math.nan if v is None else v for v in values])
            for name, values in data["trace"].items()
        }
        certificate = data["certificate"] | {"sup_bound": float.fromhex(exact["sup_bound"])}
        numbers = {
            name: float.fromhex(exact[name])
            for name in ("objective", "gap", "relative_gap", "tolerance", "penalty", "seconds")
        }
        same = {name: data[name] for name in ("status", "sign", "features", "loss", "evaluations", "insertions")}
        fields: dict[str, Any] = {**numbers, **same}
        return Result(
            measure=measure, certificate=Certificate(**certificate), trace=trace, trajectory=trajectory, **fields
        )
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ProblemError(
            f"a result folder holds a readable result.json and its arrays; {folder}: {error}; solve the problem again"
        ) from None
