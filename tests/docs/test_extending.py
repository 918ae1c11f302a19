"""docs/extending.md is done as written: its diffs apply to a copy of the checkout, and what they add runs."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

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


def test_a_diff_that_does_not_apply_is_seen(pytestconfig: pytest.Config, tmp_path: Path) -> None:
    checkout = changed(pytestconfig.rootpath, "A feature map", ("derive/specs", "generated"), tmp_path / "copy")
    diff = diff_of((pytestconfig.rootpath / "docs/extending.md").read_text(encoding="utf-8"), "A feature map")
    with pytest.raises(AssertionError):
        run(["git", "apply"], checkout, diff)
