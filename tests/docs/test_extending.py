"""docs/extending.md is done as written: its diffs apply to a copy of the checkout, and what they add runs."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import conicflow.generated
import numpy as np
import pytest


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
    assert {*compiled, *described} - {"__init__"} == specs | {"_covariance", "_flow", "_ridge", "_torus"}
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
    """What PYTHONPATH needs to find a package whose engine is that of a copy, with the rooms of the checkout and the kernels
    that are installed.
    """
    (folder / "conicflow").mkdir(parents=True)
    (folder / "conicflow/__init__.py").symlink_to(root / "app/root.py")
    (folder / "conicflow/engine").symlink_to(checkout / "engine")
    (folder / "conicflow/generated").symlink_to(Path(conicflow.generated.__path__[0]))
    for room in ("derive", "proofs_check"):
        (folder / "conicflow" / room).symlink_to(root / room)
    return folder


def in_the_annulus(root: Path, checkout: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """What in_the_annulus.py says when it runs with the engine of a copy."""
    found = os.environ | {"PYTHONPATH": str(package(root, checkout, folder))}
    command = [sys.executable, "-W", "error", str(root / "tests/docs/in_the_annulus.py")]
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


def test_a_diff_that_does_not_apply_is_seen(pytestconfig: pytest.Config, tmp_path: Path) -> None:
    checkout = changed(pytestconfig.rootpath, "A feature map", ("derive/specs", "generated"), tmp_path / "copy")
    diff = diff_of((pytestconfig.rootpath / "docs/extending.md").read_text(encoding="utf-8"), "A feature map")
    with pytest.raises(AssertionError):
        run(["git", "apply"], checkout, diff)
