"""The checker believes true folders, sees hundreds of tamperings, and loads neither the engine nor a kernel."""

from __future__ import annotations

import ast
import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from conicflow import proofs_check
from conicflow.app import cli
from conicflow.app.files.problem_file import SolveOptions
from conicflow.app.folders.result_folder import solve_problem_file
from conicflow.derive import SPECS
from conicflow.proofs_check import folder as folder_module
from conicflow.proofs_check.checker import check_folder, refuted, relative_gap
from conicflow.proofs_check.folder import BadFolder

TORUS = """
[features]
name = "fourier"
cutoff = 7
[loss]
name = "squared"
data = "y.npy"
[measure]
penalty_ratio = 0.1
"""
GAUSSIAN = """
[features]
name = "gaussian"
x = "x.npy"
sigma = 0.1
theta = [0.0, 1.0]
[loss]
name = "LOSS"
data = "z.npy"
OPTIONS
[measure]
penalty_ratio = 0.1
sign = "nonnegative"
"""
RIDGE = """
[features]
name = "UNIT"
x = { data = "table.csv:a,b", subtract = "mean", divide = "deviation", append_one = true }
RADIUS
[loss]
name = "squared"
data = { data = "table.csv:c", subtract = "mean", divide = "deviation" }
average = true
[measure]
penalty_ratio = 0.2
[holdout]
fraction = 0.25
seed = 3
"""


def write_data(folder: Path) -> None:
    generator = np.random.default_rng(0)
    k = np.arange(-7, 8)
    np.save(folder / "y.npy", np.exp(-2j * np.pi * np.outer(k, [0.2, 0.5, 0.7])) @ [1.0, -0.5, 0.8] + 0.01)
    x = np.linspace(0, 1, 30)
    z = 3 * np.exp(-((x - 0.3) ** 2) / 0.02) + 2 * np.exp(-((x - 0.7) ** 2) / 0.02)
    np.save(folder / "x.npy", x)
    np.save(folder / "z.npy", np.round(z))
    np.save(folder / "labels.npy", np.where(z > 1, 1.0, -1.0))
    rows = generator.standard_normal((24, 3))
    rows[:, 2] += np.maximum(rows[:, 0], 0)
    np.savetxt(folder / "table.csv", rows, delimiter=",", header="a,b,c", comments="")


def solved(folder: Path, text: str) -> Path:
    write_data(folder)
    (folder / "problem.toml").write_text(text, encoding="utf-8")
    solve_problem_file(folder / "problem.toml", folder / "result", None)
    return folder / "result"


@pytest.fixture(scope="module")
def torus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return solved(tmp_path_factory.mktemp("torus"), TORUS)


def gaussian(loss: str, options: str = "") -> str:
    text = GAUSSIAN.replace("LOSS", loss).replace("OPTIONS", options)
    return text.replace("z.npy", "labels.npy") if loss in ("logistic", "squared_hinge") else text


PROBLEMS = {
    "squared": gaussian("squared", "average = true"),
    "poisson": gaussian("poisson", "background = 0.5"),
    "huber": gaussian("huber", 'delta = "z.npy"\n').replace('delta = "z.npy"', "delta = 0.4"),
    "logistic": gaussian("logistic", 'sample_weights = "x1.npy"'),
    "relu": RIDGE.replace("UNIT", "relu").replace("RADIUS", ""),
    "a perfect fit": TORUS.replace("penalty_ratio = 0.1", "penalty = 0"),
    "cosine": RIDGE.replace("UNIT", "cosine").replace("RADIUS", "radius = 0.7"),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_true_folders_hold(tmp_path: Path, name: str) -> None:
    np.save(tmp_path / "x1.npy", np.linspace(0.5, 1.5, 30))
    folder = solved(tmp_path, PROBLEMS[name])
    verdicts = check_folder(folder)
    assert all(verdict.holds for verdict in verdicts), verdicts
    assert {verdict.claim for verdict in verdicts} == {
        "files", "problem", "atoms", "tolerances", "objective", "reference", "gap", "relative gap", "supremum", "proof", "status"
    }  # fmt: skip
    assert not refuted(verdicts)


def copy(folder: Path, target: Path) -> Path:
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(folder, target)
    return target


def edit_atoms(folder: Path, change: Callable[[Any, Any], tuple[Any, Any]]) -> None:
    """Change weights and positions wherever they stand: nothing but the mathematics can tell."""
    record = json.loads((folder / "result.json").read_text())
    with np.load(folder / "measure.npz") as archive:
        weights, positions = change(archive["weights"].copy(), archive["positions"].copy())
    np.savez(folder / "measure.npz", weights=weights, positions=positions, background=np.zeros(0))
    record["weights"], record["positions"] = weights.tolist(), positions.tolist()
    record["exact"]["weights"] = [weight.hex() for weight in weights.tolist()]
    record["exact"]["positions"] = [[entry.hex() for entry in row] for row in positions.tolist()]
    (folder / "result.json").write_text(json.dumps(record))


def edit_numbers(folder: Path, *, proof: bool = True, **numbers: float) -> None:
    """Change claimed numbers in both forms, the relative gap as they say unless it is one of them; keep the proof, or not."""
    record = json.loads((folder / "result.json").read_text())
    exact = record["exact"]
    exact |= {name: float(value).hex() for name, value in numbers.items()}
    if "relative_gap" not in numbers:
        parts = [float.fromhex(exact[name]) for name in ("gap", "objective", "reference")]
        exact["relative_gap"] = relative_gap(*parts).hex()
    for name in {*numbers, "relative_gap"}:
        (record["certificate"] if name == "sup_bound" else record)[name] = float.fromhex(exact[name])
    if not proof:
        record["proof"] = None
        exact.pop("proof", None)
        tolerance = float.fromhex(exact["relative_tolerance"])
        record["status"] = "converged" if record["relative_gap"] <= tolerance else "not converged"
    (folder / "result.json").write_text(json.dumps(record))


def edit_proof(folder: Path, **numbers: Any) -> None:
    """Change what the folder's own proof claims, in both forms."""
    record = json.loads((folder / "result.json").read_text())
    for name, value in numbers.items():
        record["proof"][name] = value
        if name in record["exact"]["proof"]:
            record["exact"]["proof"][name] = [v.hex() for v in value] if name == "objective" else float(value).hex()
    (folder / "result.json").write_text(json.dumps(record))


def edit_data(folder: Path, change: Callable[[Any], Any], key: str = "loss.data") -> None:
    with np.load(folder / "data.npz") as archive:
        arrays = {name: archive[name] for name in archive.files}
    np.savez(folder / "data.npz", **(arrays | {key: change(arrays[key])}))
    record = json.loads((folder / "result.json").read_text())
    record["data_sha256"] = hashlib.sha256((folder / "data.npz").read_bytes()).hexdigest()
    (folder / "result.json").write_text(json.dumps(record))


def claims(folder: Path) -> dict[str, float]:
    exact = json.loads((folder / "result.json").read_text())["exact"]
    return {name: float.fromhex(value) for name, value in exact.items() if isinstance(value, str)}


def failed(folder: Path) -> set[str]:
    return {verdict.claim for verdict in check_folder(folder) if not verdict.holds}


def tampered(folder: Path, kind: str, size: float, generator: np.random.Generator) -> set[str]:
    """One tampering of relative size `size`; the claims of which at least one must fail."""
    numbers = claims(folder)
    sign = float(generator.choice([-1, 1]))
    if kind == "weight":

        def heavier(weights: Any, positions: Any) -> tuple[Any, Any]:
            weights[generator.integers(len(weights))] *= 1 + sign * size
            return weights, positions

        edit_atoms(folder, heavier)
    elif kind == "position":

        def moved(weights: Any, positions: Any) -> tuple[Any, Any]:
            positions[generator.integers(len(positions))] += sign * size / 14  # of a period of the highest frequency
            return weights, positions

        edit_atoms(folder, moved)
    elif kind == "atom":
        edit_atoms(folder, lambda weights, positions: (weights[1:], positions[1:]))
    elif kind == "datum":

        def changed(y: Any) -> Any:
            y[generator.integers(len(y))] += size * np.exp(2j * np.pi * generator.uniform())
            return y

        edit_data(folder, changed)
    elif kind == "penalty":
        edit_numbers(folder, penalty=(penalty := numbers["penalty"] * (1 + sign * size)))
        text = (folder / "problem.toml").read_text()
        (folder / "problem.toml").write_text(text.replace(repr(numbers["penalty"]), repr(penalty)))
    elif kind == "objective":
        objective = numbers["objective"] * (1 + sign * size)
        edit_numbers(folder, objective=objective)
    elif kind == "supremum":
        edit_numbers(folder, sup_bound=numbers["sup_bound"] * (1 - size))
    elif kind == "relative gap":
        edit_numbers(folder, relative_gap=numbers["relative_gap"] * (1 - size))
    return {
        "objective": {"objective"},
        "supremum": {"supremum"},
        "relative gap": {"relative gap"},
    }.get(kind, {"objective", "gap", "supremum", "atoms", "proof"})


KINDS = ["weight", "position", "atom", "datum", "penalty", "objective", "supremum", "relative gap"]


@pytest.mark.parametrize("kind", KINDS)
def test_tampering_is_seen(torus: Path, tmp_path: Path, kind: str) -> None:
    """40 of each kind, 320 in all; from 1e-4 of the size of what is changed, which is a gap of 1e-5 or so, to all of it."""
    generator = np.random.default_rng(KINDS.index(kind))
    for _ in range(40):
        folder = copy(torus, tmp_path / "result")
        suspects = tampered(folder, kind, float(10 ** generator.uniform(-4, -0.3)), generator)
        verdicts = check_folder(folder)
        assert {verdict.claim for verdict in verdicts if verdict.outcome == "FAILS"} & suspects
        assert refuted(verdicts)


@pytest.mark.parametrize("kind", ["position", "supremum"])
def test_changes_too_small_to_matter_pass(torus: Path, tmp_path: Path, kind: str) -> None:
    """Below the rounding that the folder claims, where no proof is claimed that would be of the other atoms."""
    generator = np.random.default_rng(KINDS.index(kind))
    for _ in range(10):
        folder = copy(torus, tmp_path / "result")
        edit_numbers(folder, proof=False)
        tampered(folder, kind, 1e-16, generator)
        assert failed(folder) == set()


@pytest.mark.parametrize("proof", [True, False])
def test_a_smaller_gap_than_is_proved_is_seen(torus: Path, tmp_path: Path, proof: bool) -> None:
    """A measure that is not optimal, with its true objective, claiming to be: proved again, and in float64."""
    folder = copy(torus, tmp_path / "result")

    def shifted(weights: Any, positions: Any) -> tuple[Any, Any]:
        return weights, positions + 1e-3

    edit_atoms(folder, shifted)
    words = next(verdict.words for verdict in check_folder(folder) if verdict.claim == "objective")
    interval = [float(number) for number in words.rpartition("[")[2].partition("]")[0].split(",")]
    edit_numbers(folder, objective=interval[0], proof=proof)
    if proof:
        edit_proof(folder, objective=interval)
    verdicts = {verdict.claim: verdict for verdict in check_folder(folder)}
    assert verdicts["gap"].outcome == "FAILS"
    assert verdicts["objective"].holds
    assert refuted(list(verdicts.values()))
    if proof:
        assert verdicts["proof"].outcome == "FAILS"
        assert "not" in verdicts["status"].outcome


@pytest.mark.parametrize(
    "change",
    [
        {"gap": 1e-25, "relative_gap": 1e-26},
        {"relative_gap": 1e-26},
        {"sup_bound": 1.0},
        {"objective": (2.0, 2.5)},
        {"method": "believed"},
    ],
)
def test_a_proof_is_held_to_the_last_digit(torus: Path, tmp_path: Path, change: dict[str, Any]) -> None:
    folder = copy(torus, tmp_path / "result")
    edit_proof(folder, **change)
    verdicts = {verdict.claim: verdict for verdict in check_folder(folder)}
    assert not verdicts["proof"].holds
    assert verdicts["status"].outcome == "not proved"
    assert run(folder) == 1


def test_a_looser_proof_is_a_proof(torus: Path, tmp_path: Path) -> None:
    folder = copy(torus, tmp_path / "result")
    edit_proof(folder, gap=1e-9, relative_gap=9e-10, sup_bound=1e3, objective=(2.0, 3.0), boxes=0, finished=False)
    assert failed(folder) == set()


def test_any_witness_may_propose_and_none_is_believed(torus: Path, tmp_path: Path) -> None:
    """A proof with another dual point is looser; with atoms of no meaning it proves nothing of what is claimed."""
    folder = copy(torus, tmp_path / "result")
    record = json.loads((folder / "result.json").read_text())
    for weights, positions, good in ((record["weights"], record["positions"], True), ([5.0], [[0.1]], False)):
        record["proof"]["witness"] = {"weights": weights, "positions": positions}
        record["exact"]["proof"]["witness"] = {
            "weights": [w.hex() for w in weights],
            "positions": [[x.hex() for x in row] for row in positions],
        }
        (folder / "result.json").write_text(json.dumps(record))
        assert ("proof" not in failed(folder)) == good


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"certified"', '"converged"'),
        ('"certified"', '"zero measure"'),
        ('"interrupted": false', '"interrupted": true, "ended_by": 1'),
        ('"relative_tolerance": ', '"relative_tolerance": 1'),
        ('"reference": ', '"reference": 1'),
        ('"rounding": ', '"rounding": 1'),
        ('"sign": "any"', '"sign": "nonnegative"'),
        ('"loss": "squared"', '"loss": "huber"'),
        ('"name": "fourier"', '"name": "gaussian"'),
        ('"dimension": 1', '"dimension": 2'),
        ('"outputs": 1', '"outputs": 2'),
        ('"penalty": ', '"penalty": 1'),
        ('"objective": ', '"objective": 1'),
        ('"sup_bound": ', '"sup_bound": 1'),
    ],
)
def test_words_that_disagree_are_seen(torus: Path, tmp_path: Path, old: str, new: str) -> None:
    folder = copy(torus, tmp_path / "result")
    text = (folder / "result.json").read_text()
    assert old in text
    (folder / "result.json").write_text(text.replace(old, new, 1))
    if "ended_by" in new:  # twice
        with pytest.raises(BadFolder, match="stands twice"):
            check_folder(folder)
    else:
        assert failed(folder) & {"files", "status"}


@pytest.mark.parametrize(
    ("old", "new"), [("cutoff = 7", "cutoff = 6"), ('"squared"', '"logistic"'), ('"any"', '"nonnegative"')]
)
def test_another_problem_is_seen(torus: Path, tmp_path: Path, old: str, new: str) -> None:
    """Another cutoff has other data: bad input. Another loss or sign: claims fail."""
    folder = copy(torus, tmp_path / "result")
    text = (folder / "problem.toml").read_text()
    assert old in text
    (folder / "problem.toml").write_text(text.replace(old, new))
    assert run(folder) in ((1,) if "cutoff" not in old else (1, 2))


def test_constants_and_labels_that_change_are_seen(tmp_path: Path) -> None:
    """sigma of a Gaussian within the spec's own formula; an interval, a constant, a label out of range."""
    folder = solved(tmp_path, gaussian("logistic"))
    for old, new in (
        ("sigma = 0.1", "sigma = 0.10001"),
        ("theta = [0.0, 1.0]", "theta = [0.0, 0.5]"),
        ("sigma = 0.1", "sigma = -0.1"),
    ):
        changed = copy(folder, tmp_path / "changed")
        text = (changed / "problem.toml").read_text()
        assert old in text
        (changed / "problem.toml").write_text(text.replace(old, new))
        assert failed(changed)
    changed = copy(folder, tmp_path / "changed")
    edit_data(changed, lambda y: y * (1 + 1e-15))
    assert "problem" in failed(changed)  # the conjugate of the logistic loss is proved for labels -1 and 1 alone


def test_a_spec_that_changes_is_seen(tmp_path: Path) -> None:
    """The folder's own spec.toml decides, as for a feature map of one's own."""
    folder = solved(tmp_path, gaussian("squared"))
    text = (folder / "problem.toml").read_text()
    (folder / "problem.toml").write_text(text.replace('name = "gaussian"', 'spec = "spec.toml"'))
    spec = (SPECS / "gaussian.toml").read_text()
    for changed, holds in (
        (spec, True),
        (spec.replace("(2*sigma**2)", "2/sigma**2"), True),  # the same formula in other words
        (spec.replace("(2*sigma**2)", "(2.00001*sigma**2)"), False),
        (spec.replace('"exp(', '"1.0000001*exp('), False),
    ):
        (folder / "spec.toml").write_text(changed)
        assert (failed(folder) == set()) == holds
    (folder / "spec.toml").write_text(spec.replace("exp(", "eval("))
    assert run(folder) == 2


def test_what_a_spec_claims_is_proved(tmp_path: Path) -> None:
    """A loss whose conjugate is too small by a little would prove any gap."""
    folder = solved(tmp_path, gaussian("squared"))
    text = (folder / "problem.toml").read_text()
    (folder / "problem.toml").write_text(text.replace('name = "squared"', 'spec = "loss_spec.toml"'))
    record = json.loads((folder / "result.json").read_text())
    (folder / "result.json").write_text(json.dumps(record | {"loss": "square"}))
    square = 'name = "square"\nvalue = "(f - y)**2/2"\nconjugate = "p**2/2 + p*y"\n'
    for changed, fails in ((square, set()), (square.replace("+ p*y", "+ p*y - 1/1000000"), {"problem"})):
        (folder / "loss_spec.toml").write_text(changed)
        assert failed(folder) == fails


def test_data_kept_elsewhere_are_known_by_their_hash(torus: Path, tmp_path: Path) -> None:
    """A folder without its data needs them, and takes no others, not even such as hardly differ."""
    folder, archive = copy(torus, tmp_path / "folder"), tmp_path / "data.npz"
    edited = copy(torus, tmp_path / "edited")
    (folder / "data.npz").rename(archive)
    with pytest.raises(BadFolder, match="--data"):
        check_folder(folder)
    assert all(verdict.holds for verdict in check_folder(folder, data=archive))
    edit_data(edited, lambda y: y * (1 + 1e-15))
    assert "files" not in failed(edited)
    wrong = [verdict for verdict in check_folder(folder, data=edited / "data.npz") if not verdict.holds]
    assert [(verdict.claim, "SHA-256" in verdict.words) for verdict in wrong] == [("files", True)]
    (edited / "data.npz").write_bytes(archive.read_bytes())  # in its place, too, they are known by their hash
    assert failed(edited) == {"files"}
    edit_data(edited, lambda y: y * (1 + 1e-15))
    command = ["certify", str(folder), "--data"]
    codes = [CliRunner().invoke(cli.main, [*command, str(path)]).exit_code for path in (archive, edited / "data.npz")]
    assert codes == [0, 1]
    assert CliRunner().invoke(cli.main, [*command, str(tmp_path / "missing.npz")]).exit_code == 2


@pytest.mark.parametrize(
    ("gap", "interrupted", "status", "holds"),
    [
        (1e-3, True, "interrupted", True),
        (1e-3, False, "not converged", True),
        (1e-3, False, "converged", False),
        (1e-3, True, "certified", False),
        (1e-3, False, "ended", False),
        (1e-12, True, "interrupted", False),
        (1e-12, True, "converged", True),
    ],
)
def test_a_word_follows_from_the_numbers(
    torus: Path, tmp_path: Path, gap: float, interrupted: bool, status: str, holds: bool
) -> None:
    folder = copy(torus, tmp_path / "result")
    edit_numbers(folder, gap=gap, proof=False)
    record = json.loads((folder / "result.json").read_text())
    (folder / "result.json").write_text(json.dumps(record | {"status": status, "interrupted": interrupted}))
    assert ("status" not in failed(folder)) == holds
    assert run(folder) == (0 if holds else 1)


def test_a_tolerance_is_the_one_that_was_asked_for(torus: Path, tmp_path: Path) -> None:
    """A tolerance that is widened afterwards makes every word true."""
    assert {
        "relative": SolveOptions().relative_gap,
        "absolute": SolveOptions().absolute_gap,
    } == folder_module._TOLERANCES
    folder = copy(torus, tmp_path / "result")
    edit_numbers(folder, relative_tolerance=1e-3)
    assert failed(folder) == {"files"}
    (folder / "problem.toml").write_text((folder / "problem.toml").read_text() + "[solve]\nrelative_gap = 1e-3\n")
    assert failed(folder) == set()


@pytest.mark.parametrize(
    "change",
    [
        {"relative_tolerance": -1e-9},
        {"relative_tolerance": 2.0},
        {"relative_tolerance": 1e-3},
        {"relative_tolerance": 0.0},
        {"absolute_tolerance": -1.0},
        {"rounding": -1e-14},
        {"rounding": 1e-9},
        {"reference": 1e9},
        {"seconds": -1.0},
        {"gap": -1e-3},
    ],
)
def test_numbers_out_of_their_range_are_false_claims(torus: Path, tmp_path: Path, change: dict[str, float]) -> None:
    folder = copy(torus, tmp_path / "result")
    edit_numbers(folder, **change)
    assert failed(folder)
    assert run(folder) == 1


NAMES = ("objective", "gap", "relative_tolerance", "rounding", "reference", "sup_bound", "penalty")
NONE = [(name, text) for name in NAMES for text in ("nan", "inf", "-inf", "0x1p+99999", None, 3)]


@pytest.mark.parametrize(
    ("name", "text"), [pair for pair in NONE if pair not in (("gap", "inf"), ("sup_bound", "inf"))]
)
def test_what_is_no_number_is_refused_never_compared(torus: Path, tmp_path: Path, name: str, text: Any) -> None:
    """In both forms: inf <= inf would pass. Only a gap and S may be infinite, where nothing is claimed."""
    folder = copy(torus, tmp_path / "result")
    record = json.loads((folder / "result.json").read_text())
    record["exact"][name] = text
    (record["certificate"] if name == "sup_bound" else record)[name] = None
    (folder / "result.json").write_text(json.dumps(record))
    assert run(folder) == 2


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"gap":', '"gap": 1.0, "gap":'),
        ('"schema": 3', '"schema": 1'),
        ('"schema": 3', '"schema": NaN'),
        ('"evaluations":', '"evaluations": 1e999, "evaluation":'),
        ('"evaluations":', '"evaluations": -3, "evaluation":'),
        ('"insertions": 0', f'"insertions": {"9" * 5000}'),
        ('"insertions": 0', '"insertions": true'),
        ('"insertions": 0', '"insertions": 0.5'),
        ('"phase": [', '"phase": ["flow",'),
    ],
)
def test_a_record_that_is_none_is_refused(torus: Path, tmp_path: Path, old: str, new: str) -> None:
    folder = copy(torus, tmp_path / "result")
    text = json.dumps(json.loads((folder / "result.json").read_text()))
    assert old in text
    (folder / "result.json").write_text(text.replace(old, new, 1))
    assert run(folder) == 2
    with pytest.raises(BadFolder):
        check_folder(folder)


def test_no_gap_is_claimed_where_none_is_proved(torus: Path, tmp_path: Path) -> None:
    folder = copy(torus, tmp_path / "result")
    edit_numbers(folder, gap=float("inf"), proof=False)
    record = json.loads((folder / "result.json").read_text())
    record["gap"] = None
    (folder / "result.json").write_text(json.dumps(record | {"status": "not converged"}))
    verdicts = {verdict.claim: verdict.outcome for verdict in check_folder(folder)}
    assert verdicts["gap"] == "not proved"
    assert run(folder) == 0


def run(folder: Path) -> int:
    return CliRunner().invoke(cli.main, ["certify", str(folder)], prog_name="conicflow").exit_code


def test_exit_codes(torus: Path, tmp_path: Path) -> None:
    folder = copy(torus, tmp_path / "result")
    assert run(folder) == 0
    edit_numbers(folder, objective=1.0)
    result = CliRunner().invoke(cli.main, ["certify", str(folder)])
    assert result.exit_code == 1
    assert "FAILS       objective" in result.output
    for damage in (
        lambda: (folder / "result.json").write_text("{"),
        lambda: (folder / "result.json").write_text("[]"),
        lambda: (folder / "data.npz").write_bytes(b"PK"),
        lambda: (folder / "problem.toml").write_text("x ="),
        lambda: (folder / "problem.toml").write_text('[features]\nname = "../../etc"\n'),
        lambda: (folder / "measure.npz").unlink(),
        lambda: shutil.rmtree(folder),
    ):
        copy(torus, folder)
        damage()
        result = CliRunner().invoke(cli.main, ["certify", str(folder)])
        assert result.exit_code == 2
        assert result.stderr.count("\n") == 1
        with pytest.raises(BadFolder):
            check_folder(folder)


def test_neither_engine_nor_kernels_are_loaded(torus: Path) -> None:
    program = (
        "import sys\nfrom pathlib import Path\nfrom conicflow.proofs_check.checker import check_folder\n"
        f"assert all(v.holds for v in check_folder(Path({str(torus)!r})))\n"
        "print([m for m in sys.modules if m.startswith(('conicflow.engine', 'conicflow.generated', 'conicflow.app'))])"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
    program = (
        "import sys\nfrom conicflow.app.cli import main\n"
        f"sys.argv = ['conicflow', 'certify', {str(torus)!r}]\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert end.code == 0\n"
        "print([m for m in sys.modules if m.startswith(('conicflow.engine.', 'conicflow.generated'))])"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = {name.removeprefix("conicflow.engine.") for name in ast.literal_eval(found.stdout.splitlines()[-1])}
    assert loaded <= {"base", "base.errors", "base.interrupts", "base.version"}  # what the command line ends with


def test_the_checker_can_be_audited_in_two_hours() -> None:
    """What is read, asked of the problem, the inequality (G) and what is compared: as docs/concepts.md says."""
    code = 0
    for name in ("record", "folder", "hypotheses", "gap", "checker"):
        source = (Path(proofs_check.__file__).parent / f"{name}.py").read_text(encoding="utf-8")
        code += sum(bool(line.strip()) and not line.strip().startswith("#") for line in source.splitlines())
    assert code < 1000
