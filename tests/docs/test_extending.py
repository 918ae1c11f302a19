"""docs/extending.md is done as written: its diffs apply to a copy of the checkout, and what they add runs."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import conicflow as cf
import numpy as np
import precisions
import pytest
from conicflow import generated
from conicflow.engine.kernels.loading import built_for


def diff_of(page: str, section: str) -> str:
    """The diff in a section of the page."""
    body = page.split(f"\n## {section}\n")[1].split("\n## ")[0]
    (diff,) = re.findall(r"^```diff\n(.*?)^```$", body, re.MULTILINE | re.DOTALL)
    return str(diff)


def run(command: list[str], folder: Path, told: str | None = None) -> str:
    """What a command prints that must end well, in a folder that is no checkout."""
    alone = os.environ | {"GIT_CEILING_DIRECTORIES": str(folder.parent)}
    done = subprocess.run(command, cwd=folder, input=told, capture_output=True, text=True, check=False, env=alone)
    assert done.returncode == 0, done.stderr
    return done.stdout


def changed(root: Path, section: str, folders: tuple[str, ...], copy: Path) -> Path:
    """A copy of some folders of the checkout, with the diff of a section applied."""
    for folder in folders:
        shutil.copytree(root / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    run(["git", "apply"], copy, diff_of((root / "docs/extending.md").read_text(encoding="utf-8"), section))
    return copy


def before(root: Path, section: str, folders: tuple[str, ...], copy: Path, derived: str) -> Path:
    """A copy in which the diff of a section, which the checkout has, is applied anew: taken back first, with what it derives."""
    for folder in folders:
        shutil.copytree(root / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    diff = diff_of((root / "docs/extending.md").read_text(encoding="utf-8"), section)
    run(["git", "apply", "--reverse"], copy, diff)
    (copy / derived).unlink()
    run(["git", "apply"], copy, diff)
    return copy


def derive(checkout: Path) -> set[str]:
    """The files that `conicflow derive` says it wrote, where the build list names every spec."""
    said = run([sys.executable, "-c", "from conicflow.app.cli import main; main()", "derive"], checkout)
    build = (checkout / "generated/meson.build").read_text(encoding="utf-8")
    kernels = re.search(r"^kernels = \[(.*?)^\]", build, re.DOTALL | re.MULTILINE)
    described = re.findall(r"^  '(\w+)\.py',$", build, re.MULTILINE)  # maps on the torus, which share their kernel
    assert kernels is not None
    compiled = re.findall(r"'(\w+)'", kernels[1])
    specs = {path.stem for path in (checkout / "derive/specs").glob("*.toml")}
    assert compiled == sorted(compiled)
    assert {*compiled, *described} - {"__init__"} == specs | {"_covariance", "_flow", "_local", "_ridge", "_torus"}
    return set(said.split()) - {"wrote"}


def test_a_feature_map(pytestconfig: pytest.Config, tmp_path: Path) -> None:
    checkout = changed(pytestconfig.rootpath, "A feature map", ("derive/specs", "generated"), tmp_path / "copy")
    before = {path.name: path.read_bytes() for path in (checkout / "generated").glob("*.py")}
    assert derive(checkout) == {"generated/raised_cosine.py"}
    after = {path.name: path.read_bytes() for path in (checkout / "generated").glob("*.py")}
    assert after.keys() - before.keys() == {"raised_cosine.py"}
    assert all(after[name] == content for name, content in before.items())


def test_a_loss(pytestconfig: pytest.Config, tmp_path: Path) -> None:
    """Its kernel's source is Python: it is run as it is, beside NumPy's cosh, and beside its own conjugate."""
    derived, folders = "generated/log_cosh.py", ("derive/specs", "generated")
    checkout = before(pytestconfig.rootpath, "A loss", folders, tmp_path / "copy", derived)
    assert derive(checkout) == {derived}
    assert (checkout / derived).read_bytes() == (pytestconfig.rootpath / derived).read_bytes()
    spec = importlib.util.spec_from_file_location("log_cosh", checkout / "generated/log_cosh.py")
    assert spec is not None
    assert spec.loader is not None
    kernel = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(kernel)
    f, y = np.linspace(-4.0, 4.0, 33), np.full(33, 0.7)
    omega, none = np.linspace(0.5, 1.5, 33), np.zeros((0, 0))
    value, slope = kernel.value(f, y, omega, none), kernel.slope(f, y, omega, none)
    assert value == pytest.approx(float(omega @ np.log(np.cosh(f - y))), rel=1e-13)
    np.testing.assert_allclose(slope, omega * np.tanh(f - y), rtol=0, atol=1e-14)
    np.testing.assert_allclose(kernel.curvature(f, y, omega, none), omega / np.cosh(f - y) ** 2, rtol=0, atol=1e-14)
    assert value + kernel.conjugate(slope, y, omega, none) == pytest.approx(float(f @ slope), rel=1e-12)


def package(root: Path, checkout: Path, folder: Path) -> Path:
    """The package with the engine of a copy, and as it is here otherwise, compiled kernels included."""
    inside = folder / "conicflow"
    (inside / "generated").mkdir(parents=True)
    for path in Path(str(generated.__file__)).parent.glob("*.py"):
        shutil.copy(path, inside / "generated")
    compiled = Path(str(built_for().__file__)).parent
    (inside / "generated" / compiled.name).symlink_to(compiled)
    for room in ("derive", "proofs_check", "app"):
        (inside / room).symlink_to(root / room)
    (inside / "__init__.py").symlink_to(root / "app/root.py")
    (inside / "engine").symlink_to(checkout / "engine")
    return folder


def in_the_annulus(root: Path, checkout: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """What in_the_annulus.py says when it runs with the engine of a copy."""
    found = os.environ | {"PYTHONPATH": os.pathsep.join([str(package(root, checkout, folder)), *sys.path])}
    # -S: an editable installation puts its own finder before the path
    command = [sys.executable, "-S", "-W", "error", str(root / "tests/docs/in_the_annulus.py")]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=found)


def test_a_domain(pytestconfig: pytest.Config, tmp_path: Path) -> None:
    """Its laws, flows in it, and a solve whose optimum over the whole ball lies in the hole, in a process of its own."""
    root = pytestconfig.rootpath
    done = in_the_annulus(root, changed(root, "A domain", ("engine",), tmp_path / "copy"), tmp_path / "package")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "the annulus works\n"


@pytest.mark.parametrize(
    ("right", "wrong", "law"),
    [
        ("        held |= (norms <=", "        _ = (norms <=", "holds"),
        ("def moved(", "def unmoved(", "holds"),
        ("np.where(held, outwards / norms**2", "np.where(held, abs(outwards) / norms**2", "holds"),
        ("exact_bounds = False", "exact_bounds = True", "flows"),
        ("np.clip(norms, self.inner, self.radius) *", "self.radius *", "projects"),
    ],
)
def test_a_domain_that_breaks_a_law_is_seen(
    right: str, wrong: str, law: str, pytestconfig: pytest.Config, tmp_path: Path
) -> None:
    root = pytestconfig.rootpath
    checkout = changed(root, "A domain", ("engine",), tmp_path / "copy")
    path = checkout / "engine/space/domain/annulus.py"
    source = path.read_text(encoding="utf-8")
    assert source.count(right) == 1
    path.write_text(source.replace(right, wrong), encoding="utf-8")
    done = in_the_annulus(root, checkout, tmp_path / "package")
    assert done.returncode == 1
    assert "AssertionError" in done.stderr
    assert f"in {law}\n" in done.stderr


@pytest.fixture(scope="module")
def single(compiler: None, pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """`precisions` in float32: what a process says that imports the changed package, and has no other."""
    folder, root = tmp_path_factory.mktemp("single"), pytestconfig.rootpath
    checkout = changed(root, "A precision", ("engine",), folder / "copy")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(package(root, checkout, folder / "package")), *sys.path]))
        patch.setenv("CONICFLOW_CACHE", str(folder / "kernels"))
        # -S: an editable installation puts its own finder before the path
        run([sys.executable, "-S", "-c", "import precisions; precisions.save('single.npz')"], checkout)
    with np.load(checkout / "single.npz") as found:
        return dict(found)


def test_a_precision_touches_the_kernels_alone(pytestconfig: pytest.Config) -> None:
    diff = diff_of((pytestconfig.rootpath / "docs/extending.md").read_text(encoding="utf-8"), "A precision")
    touched = re.findall(r"^\+\+\+ b/(.*)/[^/]*$", diff, re.MULTILINE)
    assert touched == ["engine/kernels"] * 3


def test_a_precision_agrees_to_its_roundings(single: dict[str, Any]) -> None:
    """x and theta lie in [0, 1] and are rounded by u = 2^-24, so the k-th derivative of phi = exp(-(t/sigma)²/2) by at most
    2u max|phi^(k+1)|, which is below 3u/sigma^(k+1) for k <= 2. The terms of that derivative are at most 2/sigma^k, and each
    has fewer than 40 roundings: sigma's, of its powers, exp's, and of products. Sums of n terms round n times more.
    """
    w, _, g = precisions.particles()
    order = {"forward": 0, "rows": 0, "row slopes": 1, "eta": 0, "gradient": 1, "hessian": 2}
    double = precisions.functions()
    assert double.keys() == order.keys()
    for name, k in order.items():
        terms = np.abs(w if name == "forward" else g)
        roundings = (3 / precisions.WIDTH + 2 * (40 + len(terms))) / precisions.WIDTH**k
        difference = np.abs(single[name] - double[name])
        assert np.all(difference <= 2**-24 * roundings * terms.sum())
        # bits: of float32 in one, and of float64 in the other
        assert np.array_equal(single[name], single[name].astype(np.float32))
        assert np.all(double[name] != double[name].astype(np.float32))


def test_a_precision_is_that_of_the_flow(single: dict[str, Any]) -> None:
    assert np.array_equal(single["flow rows"], single["defined rows"])  # bits: the same binary, the same arguments
    assert single["value"] == pytest.approx(single["defined value"], rel=1e-14)  # in float64, from the same f


def test_a_precision_solves_and_is_proved_without_it(single: dict[str, Any]) -> None:
    double, asked = precisions.solution(), precisions.RELATIVE_GAP
    low, high = single["enclosure"]
    least = double["enclosure"][1]
    assert single["converged"]
    assert single["finished"]
    # what the kernels said is wrong, by the roundings of f; what was proved of the same measure is not
    assert not low <= single["objective"] <= high
    measure = cf.Measure(single["weights"], single["positions"])
    assert cf.certify(precisions.problem(), measure).objective == (low, high)  # bits: the same balls, no kernel
    assert 0 < low - least <= single["gap"]
    assert single["relative_gap"] <= asked
    # J grows with the square of the distance from its minimum, in units of the width
    assert single["positions"].shape == double["positions"].shape
    assert np.all(np.abs(single["positions"] - double["positions"]) <= precisions.WIDTH * np.sqrt(asked))
    assert np.all(np.abs(single["weights"] - double["weights"]) <= np.sqrt(asked))


def test_a_diff_that_does_not_apply_is_seen(pytestconfig: pytest.Config, tmp_path: Path) -> None:
    checkout = changed(pytestconfig.rootpath, "A feature map", ("derive/specs", "generated"), tmp_path / "copy")
    diff = diff_of((pytestconfig.rootpath / "docs/extending.md").read_text(encoding="utf-8"), "A feature map")
    with pytest.raises(AssertionError):
        run(["git", "apply"], checkout, diff)
