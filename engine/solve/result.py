"""What a solve hands back, and its folder on disk."""

# Over 300 lines: one class with what it says of itself, and what is read from its files. Docstrings are a third of it.

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..base.arrays import Array
from ..base.errors import ProblemError
from ..base.numpy_files import Unreadable
from ..flow.trajectory import Trajectory
from ..model.gap import gap_below, relative_gap
from ..model.measure import Measure
from ..model.point import Point
from ..model.problem import Problem
from ..model.rounding import height_rounding
from ..space.gauge import Sign, gauge_of
from .folder import OutputFolder
from .proof import Proof, hexadecimal, json_number, numbers, prove
from .schedule import Schedule
from .tolerance import Tolerance

SCHEMA = 3
_UNREADABLE = (OSError, LookupError, TypeError, ValueError, AttributeError, OverflowError, RecursionError, Unreadable)
_OWN_NUMBERS = ("objective", "gap", "rounding", "reference", "penalty", "seconds")


def within_rounding(gap: float, rounding: float) -> bool:
    """Whether a gap, which includes its rounding once, tells no more than that its terms cancel."""
    return gap <= 2 * rounding


@dataclass(frozen=True)
class Certificate:
    """What the solver knows about sup|eta| for the returned measure, in float64.

    Parameters
    ----------
    sup_bound : S, in the units of the penalty.
    method : how S was found.
    """

    sup_bound: float
    method: str


@dataclass(frozen=True, eq=False)
class Result:
    """The outcome of `solve`.

    Parameters
    ----------
    measure : the one met of which J + gap is smallest.
    objective, gap : J, and the bound on J - J*, computed in float64.
    rounding : a bound of the rounding of J and of the gap's terms, which the gap includes.
    reference : J(0), which the gap counts against.
    certificate : what the gap rests on.
    proof : what ball arithmetic proved (`certify`); None where nothing was tried.
    interrupted : whether Ctrl-C ended the search.
    ended_by : where the gap is above the tolerance, what ended the search: its phases, each with the number of the schedule
        (or the option) that limited it, in brackets; raise that to try harder. Else empty.
    schedule : the numbers of the search.
    tolerance : the gap that was asked for.
    penalty, sign, features, loss : of the problem.
    background : the coefficients c of the background, (p,), or (p, q) for q outputs; (0,) without one.
    trace : arrays "seconds", "evaluations" (flow steps tried), "objective" (the lowest J or F_m so far), "gap" (NaN where
        not computed), "atoms", "step" (length of the flow's steps, NaN before them), and the list "phase".
    trajectory : the particles' paths, or None when there was no flow.
    evaluations : flow steps tried. insertions : atoms that had to be added after the flow.
    seconds : wall time.
    problem : what was solved; None of a result that was read from its files alone.
    """

    measure: Measure
    objective: float
    gap: float
    rounding: float
    reference: float
    certificate: Certificate
    proof: Proof | None
    interrupted: bool
    ended_by: str
    schedule: Schedule
    tolerance: Tolerance
    penalty: float
    sign: Sign
    features: dict[str, Any]
    loss: str
    background: Array
    trace: dict[str, Any]
    trajectory: Trajectory | None
    evaluations: int
    insertions: int
    seconds: float
    problem: Problem | None

    @property
    def relative_gap(self) -> float:
        """gap / (J(0) - J(mu) + gap): the share of the possible decrease that may be missing."""
        return relative_gap(self.gap, self.objective, self.reference)

    @property
    def status(self) -> str:
        """What the numbers say: "certified", J - J* <= tolerance is proved with every rounding inside; "converged", the float64
        gap is within the tolerance, or within its own rounding; "interrupted" before that; else "not converged".
        """
        if self.proof is not None and self.tolerance.allows(self.proof.gap, self.proof.relative_gap):
            return "certified"
        if self.tolerance.allows(self.gap, self.relative_gap) or self.up_to_rounding:
            return "converged"
        return "interrupted" if self.interrupted else "not converged"

    @property
    def up_to_rounding(self) -> bool:
        """Whether the gap is as small as the rounding of its terms lets it be told."""
        return within_rounding(self.gap, self.rounding)

    @property
    def certified(self) -> bool:
        """Whether J - J* <= tolerance is proved."""
        return self.status == "certified"

    @property
    def converged(self) -> bool:
        """Whether the gap is within the tolerance: proved, or computed in float64."""
        return self.status in ("certified", "converged")

    def certify(self, boxes: int | None = None) -> Result:
        """The same result with what ball arithmetic proves of it (`conicflow.certify`).

        Parameters
        ----------
        boxes : work for at most this many boxes; by default about ten seconds of one core on common problems.

        Raises
        ------
        ProblemError : a result that does not know its problem. CertificateError : bounds contradict each other.
        """
        if self.problem is None:
            raise ProblemError(
                "a proof needs the problem, and a result read from its files alone has none; run conicflow certify FOLDER"
            )
        return self.with_proof(prove(self.problem, self.measure, boxes))

    def with_proof(self, proof: Proof) -> Result:
        """The same result with what was proved of it; where |eta| is proved to exceed S, S and the gap are those of that.

        Ascents may have missed the highest maximum; a gap that rests on a smaller one is no bound.
        """
        least, known = proof.sup_least, replace(self, proof=proof)
        if known.certified:
            return replace(known, ended_by="")
        if self.problem is None or least <= self.certificate.sup_bound:
            return known
        point = Point(self.problem, self.measure)
        if least <= self.certificate.sup_bound + height_rounding(point, point.residual):
            return known
        gap, error = gap_below(point, least)
        higher = replace(
            known, gap=gap, rounding=error, certificate=Certificate(least, "a height of eta that a proof met")
        )
        if higher.converged:
            return higher
        return replace(
            higher, ended_by="|eta| is higher than the search for S found; start from this measure, or flow more"
        )

    def to_dict(self) -> dict[str, Any]:
        """Contents of result.json; `exact` repeats the scalars and atoms as hexadecimal floats."""
        weights, positions = self.measure.weights.tolist(), self.measure.positions.tolist()
        scalars = {name: float(getattr(self, name)) for name in _OWN_NUMBERS}
        scalars["relative_gap"] = self.relative_gap
        scalars["relative_tolerance"] = self.tolerance.relative_gap
        scalars["absolute_tolerance"] = self.tolerance.absolute_gap
        exact: dict[str, Any] = {name: value.hex() for name, value in scalars.items()}
        exact["sup_bound"] = float(self.certificate.sup_bound).hex()
        exact["weights"], exact["positions"] = hexadecimal(self.measure.weights), hexadecimal(self.measure.positions)
        exact["background"] = hexadecimal(self.background)
        proof = None if self.proof is None else self.proof.to_dict()
        if self.proof is not None:
            exact["proof"] = self.proof.exact()
        trace = {
            name: [json_number(value) for value in values] if name != "phase" else list(values)
            for name, values in self.trace.items()
        }
        return {
            "schema": SCHEMA,
            "status": self.status,
            "interrupted": self.interrupted,
            "ended_by": self.ended_by,
            "schedule": self.schedule.to_dict(),
            **{name: json_number(value) for name, value in scalars.items()},
            "certificate": {
                "method": self.certificate.method,
                "sup_bound": json_number(self.certificate.sup_bound),
            },
            "proof": proof,
            "weights": weights,
            "positions": positions,
            "outputs": self.measure.outputs,
            "sign": self.sign,
            "features": self.features,
            "loss": self.loss,
            "background": self.background.tolist(),
            "evaluations": self.evaluations,
            "insertions": self.insertions,
            "trace": trace,
            "exact": exact,
        }

    def text(self, **more: Any) -> str:
        """result.json; `more` are further entries."""
        return json.dumps(self.to_dict() | more, indent=1, allow_nan=False) + "\n"

    def write(self, folder: Path, **more: Any) -> None:
        """result.json, measure.npz and trajectory.npz into an existing folder; `more` are further entries of result.json."""
        (folder / "result.json").write_text(self.text(**more), encoding="utf-8")
        measure = self.measure
        np.savez(
            folder / "measure.npz",
            weights=measure.weights,
            positions=measure.positions,
            background=self.background,
        )
        if self.trajectory is not None:
            self.trajectory.write(folder / "trajectory.npz")

    def save(self, folder: str | Path) -> None:
        """Write a result folder under a temporary name, then rename it.

        Raises
        ------
        ProblemError : the folder holds what we did not write, or cannot be written; the message says where the result is
            kept then.
        """
        OutputFolder(Path(folder)).write(self.write)

    @staticmethod
    def load(folder: str | Path) -> Result:
        """Read a result folder.

        Raises
        ------
        ProblemError : a missing or damaged file, or a schema that this version does not know.
        """
        return _load(Path(folder))


def _load(folder: Path) -> Result:
    try:
        return _read(Path(folder))
    except _UNREADABLE as error:
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
    weights = numbers(exact["weights"])
    if len(weights) == 0 and data["sign"] == "vector":
        weights = weights.reshape(0, int(data["outputs"]))
    positions = numbers(exact["positions"])
    certificate = data["certificate"]
    result = Result(
        measure=Measure(weights, positions.reshape(len(weights), features["dimension"])),
        certificate=Certificate(float.fromhex(exact["sup_bound"]), str(certificate["method"])),
        proof=None if data["proof"] is None else Proof.from_dict(data["proof"], exact["proof"]),
        interrupted=_truth(data["interrupted"]),
        trace={
            name: [str(phase) for phase in values]
            if name == "phase"
            else np.array([math.nan if value is None else float(value) for value in values])
            for name, values in data["trace"].items()
        },
        trajectory=Trajectory.read(folder / "trajectory.npz", data["outputs"] + features["dimension"]),
        **{name: float.fromhex(exact[name]) for name in _OWN_NUMBERS},
        tolerance=Tolerance(float.fromhex(exact["relative_tolerance"]), float.fromhex(exact["absolute_tolerance"])),
        ended_by=str(data["ended_by"]),
        schedule=Schedule.from_dict(data["schedule"]),
        sign=gauge_of(data["sign"], int(data["outputs"]) if data["sign"] == "vector" else None).sign,
        features=dict(features),
        loss=str(data["loss"]),
        background=numbers(exact["background"]),
        evaluations=int(data["evaluations"]),
        insertions=int(data["insertions"]),
        problem=None,
    )
    if data["status"] != result.status:
        raise ProblemError(
            f"a status follows from the numbers; result.json says {data['status']!r:.30}, and its numbers {result.status!r}; "
            "solve the problem again"
        )
    return result


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"interrupted is true or false, not {value!r:.30}")
    return value
