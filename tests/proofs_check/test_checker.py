"""The checker believes true folders, sees hundreds of tamperings, and loads neither the engine nor a kernel."""

from __future__ import annotations

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
from conicflow.app.folders.result_folder import solve_problem_file
from conicflow.derive import SPECS
from conicflow.proofs_check.checker import check_folder
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
    solve_problem_file(folder / "problem.toml", folder / "result")
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
    verdicts = check_folder(folder, boxes=6000)
    assert all(verdict.holds for verdict in verdicts), verdicts
    assert {verdict.claim for verdict in verdicts} == {
        "files", "formulas", "atoms", "problem", "objective", "gap", "relative gap", "supremum"
    }  # fmt: skip


def copy(folder: Path, target: Path) -> Path:
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(folder, target)
    return target


def edit_atoms(folder: Path, change: Callable[[Any, Any], tuple[Any, Any]]) -> None:
    """Change weights and positions wherever they stand: nothing but the mathematics can tell."""
    record = json.loads((folder / "result.json").read_text())
    with np.load(folder / "measure.npz") as archive:
        weights, positions = change(archive["weights"].copy(), archive["positions"].copy())
    np.savez(folder / "measure.npz", weights=weights, positions=positions)
    record["weights"], record["positions"] = weights.tolist(), positions.tolist()
    record["exact"]["weights"] = [weight.hex() for weight in weights.tolist()]
    record["exact"]["positions"] = [[entry.hex() for entry in row] for row in positions.tolist()]
    (folder / "result.json").write_text(json.dumps(record))


def edit_numbers(folder: Path, **numbers: float) -> None:
    """Change claimed numbers in both forms."""
    record = json.loads((folder / "result.json").read_text())
    for name, value in numbers.items():
        record["exact"][name] = float(value).hex()
        (record["certificate"] if name == "sup_bound" else record)[name] = value
    (folder / "result.json").write_text(json.dumps(record))


def edit_data(folder: Path, change: Callable[[Any], Any], key: str = "loss.data") -> None:
    with np.load(folder / "data.npz") as archive:
        arrays = {name: archive[name] for name in archive.files}
    np.savez(folder / "data.npz", **(arrays | {key: change(arrays[key])}))


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
        edit_numbers(folder, objective=objective, relative_gap=numbers["gap"] / objective)
    elif kind == "supremum":
        edit_numbers(folder, sup_bound=numbers["sup_bound"] * (1 - size))
    elif kind == "relative gap":
        edit_numbers(folder, relative_gap=numbers["relative_gap"] * (1 - size))
    return {
        "objective": {"objective"},
        "supremum": {"supremum"},
        "relative gap": {"relative gap"},
    }.get(kind, {"objective", "gap", "supremum", "atoms"})


KINDS = ["weight", "position", "atom", "datum", "penalty", "objective", "supremum", "relative gap"]


@pytest.mark.parametrize("kind", KINDS)
def test_tampering_is_seen(torus: Path, tmp_path: Path, kind: str) -> None:
    """40 of each kind, 320 in all; from 1e-4 of the size of what is changed, which is a gap of 1e-5 or so, to all of it."""
    generator = np.random.default_rng(KINDS.index(kind))
    for _ in range(40):
        folder = copy(torus, tmp_path / "result")
        suspects = tampered(folder, kind, float(10 ** generator.uniform(-4, -0.3)), generator)
        assert failed(folder) & suspects


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("atom", "relative gap")])
def test_changes_too_small_to_matter_pass(torus: Path, tmp_path: Path, kind: str) -> None:
    """Below the rounding of 1e-10 that an estimated claim is allowed, here by a factor of a hundred for what J multiplies."""
    generator = np.random.default_rng(KINDS.index(kind))
    for _ in range(10):
        folder = copy(torus, tmp_path / "result")
        tampered(folder, kind, 1e-13, generator)
        assert failed(folder) == set()


def test_a_smaller_gap_than_is_proved_is_seen(torus: Path, tmp_path: Path) -> None:
    """A measure that is not optimal, with its true objective, claiming to be."""
    folder = copy(torus, tmp_path / "result")

    def shifted(weights: Any, positions: Any) -> tuple[Any, Any]:
        return weights, positions + 1e-3

    edit_atoms(folder, shifted)
    words = next(verdict.words for verdict in check_folder(folder) if verdict.claim == "objective")
    objective = float(words.rpartition("[")[2].partition(",")[0])
    gap = claims(folder)["gap"]
    edit_numbers(folder, objective=objective, relative_gap=gap / objective)
    assert "gap" in failed(folder)
    assert "objective" not in failed(folder)


def test_a_rigorous_claim_is_held_to_the_last_digit(torus: Path, tmp_path: Path) -> None:
    folder = copy(torus, tmp_path / "result")
    record = json.loads((folder / "result.json").read_text())
    record["certificate"]["rigorous"] = True
    (folder / "result.json").write_text(json.dumps(record))
    objective = claims(folder)["objective"]
    edit_numbers(folder, gap=1e-25, relative_gap=1e-25 / objective)
    assert "gap" in failed(folder)
    edit_numbers(folder, gap=1e-9, relative_gap=1e-9 / objective)
    assert "gap" not in failed(folder)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"certified"', '"gap above tolerance"'),
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
    assert failed(folder) & {"files", "relative gap"}


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
    for changed, fails in ((square, set()), (square.replace("+ p*y", "+ p*y - 1/1000000"), {"formulas"})):
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
    assert failed(edited) == set()
    wrong = [verdict for verdict in check_folder(folder, data=edited / "data.npz") if not verdict.holds]
    assert [(verdict.claim, "SHA-256" in verdict.words) for verdict in wrong] == [("files", True)]
    command = ["certify", str(folder), "--data"]
    codes = [CliRunner().invoke(cli.main, [*command, str(path)]).exit_code for path in (archive, edited / "data.npz")]
    assert codes == [0, 1]
    assert CliRunner().invoke(cli.main, [*command, str(tmp_path / "missing.npz")]).exit_code == 2


def test_an_interrupted_result_is_above_its_tolerance(torus: Path, tmp_path: Path) -> None:
    folder = copy(torus, tmp_path / "result")
    objective = json.loads((folder / "result.json").read_text())["objective"]
    for tolerance, status, holds in (
        (1e-9, "interrupted", True), (1e-9, "certified", False), (1e-9, "ended", False), (1e-2, "interrupted", False)
    ):  # fmt: skip
        edit_numbers(folder, gap=1e-3 * abs(objective), relative_gap=1e-3, tolerance=tolerance)
        record = json.loads((folder / "result.json").read_text())
        (folder / "result.json").write_text(json.dumps(record | {"status": status}))
        assert ("relative gap" not in failed(folder)) == holds


def run(folder: Path) -> int:
    return CliRunner().invoke(cli.main, ["certify", str(folder)], prog_name="conicflow").exit_code


def test_exit_codes(torus: Path, tmp_path: Path) -> None:
    folder = copy(torus, tmp_path / "result")
    assert run(folder) == 0
    edit_numbers(folder, objective=1.0)
    result = CliRunner().invoke(cli.main, ["certify", str(folder)])
    assert result.exit_code == 1
    assert "FAILS  objective" in result.output
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
    assert (
        found.stdout.splitlines()[-1] == "['conicflow.engine.base', 'conicflow.engine.base.errors']"
    )  # names of errors, for the command line


def test_the_checker_can_be_audited_in_an_hour() -> None:
    """What is read, the inequality (G) and what is compared: fewer than 500 lines of code, as docs/concepts.md says."""
    code = 0
    for name in ("folder", "gap", "checker"):
        source = (Path(proofs_check.__file__).parent / f"{name}.py").read_text(encoding="utf-8")
        code += sum(bool(line.strip()) and not line.strip().startswith("#") for line in source.splitlines())
    assert code < 500
