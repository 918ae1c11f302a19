"""Forged result folders beside honest ones: what `conicflow certify` believes.

Claim: of 500 forgeries none is believed, and of the honest folders that they are made of none is refused.

Each instance is drawn from a family, solved, proved and written by `conicflow solve`; `conicflow certify` must believe it. Then
its files are forged, so that all of them agree with one another and only mathematics, or a fact beside the folder, can tell:
stationary measures of one atom, dropped atoms, measures moved or shrunk that claim 1.01, 1.1 or 2 times less than they lack, the
zero measure; data, constants, penalties and losses of another problem; and words and numbers that cannot be. What a forged
measure lacks is known from the untouched folder: J - J* >= J - J(untouched). A forgery is believed where the command ends with
0 and no line says "not proved".

Run: python benchmarks/forgeries.py [COUNT [SEED]]
"""

from __future__ import annotations

import hashlib
import json
import math
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import conicflow as cf
import numpy as np
from conicflow.engine.atoms.polish import polish
from conicflow.proofs_check.checker import check_folder, refuted
from conicflow.proofs_check.folder import BadFolder
from forging import FAMILIES, Honest, Random, claim, honest, record_of, write

COUNT, SEED = 500, 0
NOTICEABLE = 1e-6  # of J(0) - J: a forged measure lacks at least this
FACTORS = (1.01, 1.1, 2.0, 1e3)


def _of_measure(measure_of: Callable[[Honest, Random], cf.Measure | None]) -> Callable[[Path, Honest, Random], bool]:
    """A measure that is not optimal, with a gap below what it lacks."""

    def forge(folder: Path, case: Honest, random: Random) -> bool:
        measure = measure_of(case, random)
        if measure is None:
            return False
        objective, best = case.problem.objective(measure), case.result.objective
        if not objective - best > NOTICEABLE * (case.result.reference - best):
            return False
        certified, within = random.random() < 0.5, random.random() < 0.5
        lacks = (objective - best) / random.choice(FACTORS)
        gap = 1e-10 * (case.result.reference - objective) if within else lacks
        claim(folder, case, measure, float(min(gap, lacks)) if gap > 0 else 1e-12, bool(certified))
        return True

    return forge


def _one_atom(case: Honest, random: Random) -> cf.Measure | None:
    """Stationary, of one atom: |eta| is the penalty there."""
    best = case.result.measure
    if len(best) < 2:
        return None
    i = int(random.integers(len(best)))
    found = polish(case.problem, cf.Measure(best.weights[i : i + 1], best.positions[i : i + 1]))
    return found if len(found) else None


def _dropped(case: Honest, random: Random) -> cf.Measure | None:
    best = case.result.measure
    if len(best) < 2:
        return None
    kept = np.arange(len(best)) != random.integers(len(best))
    found = cf.Measure(best.weights[kept], best.positions[kept])
    return polish(case.problem, found) if random.random() < 0.5 else found


def _shrunk(case: Honest, random: Random) -> cf.Measure | None:
    best = case.result.measure
    return cf.Measure(best.weights * random.uniform(0.5, 0.99), best.positions) if len(best) else None


def _moved(case: Honest, random: Random) -> cf.Measure | None:
    best, domain = case.result.measure, case.problem.features.domain
    if not len(best):
        return None
    return cf.Measure(
        best.weights, domain.project(best.positions + 0.03 * random.standard_normal(best.positions.shape))
    )


def _zero(case: Honest, random: Random) -> cf.Measure | None:
    return case.problem.zero


def _text(name: str, change: Callable[[str, Random], str]) -> Callable[[Path, Honest, Random], bool]:
    """Another text of a file; false where it is the same."""

    def forge(folder: Path, case: Honest, random: Random) -> bool:
        old = (folder / name).read_text(encoding="utf-8")
        new = change(old, random)
        (folder / name).write_text(new, encoding="utf-8")
        return new != old

    return forge


def _other_data(folder: Path, case: Honest, random: Random) -> bool:
    """Data changed by parts of a thousand, known by their own SHA-256."""
    with np.load(folder / "data.npz") as archive:
        arrays = {key: archive[key] for key in archive.files}
    if np.all(arrays["loss.data"] == np.round(arrays["loss.data"].real)):
        return False  # counts and labels
    arrays["loss.data"] = arrays["loss.data"] * (1 + 1e-3 * random.standard_normal(arrays["loss.data"].shape))
    np.savez(folder / "data.npz", **arrays)
    write(folder, record_of(folder) | {"data_sha256": hashlib.sha256((folder / "data.npz").read_bytes()).hexdigest()})
    return True


def _number(folder: Path, case: Honest, random: Random) -> bool:
    """A number that is none, or out of its range, in both forms."""
    record = record_of(folder)
    name = str(
        random.choice(["objective", "gap", "relative_gap", "reference", "rounding", "relative_tolerance", "penalty"])
    )
    value = float(random.choice([math.nan, math.inf, -1.0, -1e-300, 1e300]))
    record[name], record["exact"][name] = (value if math.isfinite(value) else None), value.hex()
    write(folder, record)
    return True


def _twice(text: str, random: Random) -> str:
    name = str(random.choice(["objective", "gap", "status", "weights", "proof", "penalty"]))
    return text.replace(f'"{name}":', f'"{name}": 0.0, "{name}":', 1)


def _proof(folder: Path, case: Honest, random: Random) -> bool:
    """A proof of more than can be: (G) of the honest dual point is not that small."""
    record = record_of(folder)
    if record["proof"] is None or not record["proof"]["gap"]:
        return False
    name = str(random.choice(["gap", "relative_gap", "sup_bound"]))
    value = record["proof"][name] * (0.5 if name == "sup_bound" else 1e-3)
    record["proof"][name], record["exact"]["proof"][name] = value, value.hex()
    write(folder, record)
    return True


def _word(text: str, random: Random) -> str:
    record = json.loads(text)
    words = [
        word
        for word in ("certified", "converged", "not converged", "interrupted", "zero measure")
        if word != record["status"]
    ]
    return json.dumps(record | {"status": str(random.choice(words))})


def _changed(pattern: str) -> Callable[[str, Random], str]:
    """A number of problem.toml five per cent larger."""

    def change(text: str, random: Random) -> str:
        lines = text.splitlines()
        for i, line in enumerate(lines):
            key, _, value = line.partition(" = ")
            if key == pattern and not value.startswith("["):
                lines[i] = f"{key} = {1.05 * float(value)!r}"
        return "\n".join(lines) + "\n"

    return change


FORGERIES: dict[str, Callable[[Path, Honest, Random], bool]] = {
    "one atom": _of_measure(_one_atom),
    "an atom dropped": _of_measure(_dropped),
    "weights shrunk": _of_measure(_shrunk),
    "positions moved": _of_measure(_moved),
    "the zero measure": _of_measure(_zero),
    "other data": _other_data,
    "another SHA-256": _text("result.json", lambda text, _: json.dumps(json.loads(text) | {"data_sha256": 64 * "0"})),
    "another width": _text("problem.toml", _changed("sigma")),
    "another threshold": _text("problem.toml", _changed("delta")),
    "another background": _text("problem.toml", _changed("background")),
    "another penalty": _text("problem.toml", _changed("penalty")),
    "another loss": _text("problem.toml", lambda text, _: text.replace('name = "squared"', 'name = "log_cosh"')),
    "another average": _text("problem.toml", lambda text, _: text.replace("average = true", "average = false")),
    "no number": _number,
    "a key twice": _text("result.json", _twice),
    "another word": _text("result.json", _word),
    "a smaller proof": _proof,
}


def believed(folder: Path) -> bool:
    """Whether the checker ends with 0 and proves every claim."""
    try:
        verdicts = check_folder(folder)
    except BadFolder:
        return False
    return not refuted(verdicts) and all(verdict.holds for verdict in verdicts)


def cases(count: int, seed: int, where: Path, families: list[str] | None = None) -> Iterator[tuple[str, str, bool]]:
    """(family, kind, whether it is believed), each honest folder first, until there are `count` forgeries."""
    random, made = np.random.default_rng(seed), 0
    while made < count:
        for family in families or list(FAMILIES):
            folder = where / f"{made}-{family.replace(' ', '')}"
            case = honest(family, random, folder)
            try:
                yield family, "honest", not refuted(check_folder(case.folder))
            except BadFolder:
                yield family, "honest", False
            for kind, forge in FORGERIES.items():
                forged = folder / "forged"
                shutil.rmtree(forged, ignore_errors=True)
                shutil.copytree(case.folder, forged)
                if made < count and forge(forged, case, random):
                    made += 1
                    yield family, kind, believed(forged)
            shutil.rmtree(folder)


def main() -> int:
    """The campaign: the kinds with their counts, what should not have been, and whether the claim holds."""
    count, seed = (int(argument) for argument in (*sys.argv[1:], *map(str, (COUNT, SEED)[len(sys.argv) - 1 :])))
    wrong, counts = [], Counter[str]()
    with tempfile.TemporaryDirectory() as where:
        for family, kind, good in cases(count, seed, Path(where)):
            counts[kind] += 1
            if good != (kind == "honest"):
                wrong.append((family, kind, counts[kind]))
                print(f"{'refused' if kind == 'honest' else 'BELIEVED'}: {kind} of {family}", flush=True)
    print("\n".join(f"{kind:<20} {number:>5}" for kind, number in counts.items()))
    forged = sum(counts.values()) - counts["honest"]
    refused = sum(kind == "honest" for _, kind, _ in wrong)
    print(
        f"seed {seed}: {forged} forgeries, {len(wrong) - refused} believed; {counts['honest']} honest folders, {refused} refused"
    )
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
