"""A user's own feature map: compiled once though four processes race, the same numbers as the built-in one, every refusal."""

import importlib.util
import os
import stat
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import conicflow as cf
import numpy as np
import pytest
import sympy
from conicflow.engine.base.errors import KernelError, ProblemError, SpecError
from conicflow.engine.kernels import own as compile_module
from conicflow.engine.kernels import toolchain
from conicflow.engine.kernels.loading import built_for
from conicflow.engine.kernels.own import Spec, entry_key, read_spec_file, request_key
from conicflow.engine.kernels.toolchain import find_toolchain
from conicflow.engine.space.catalogue import FeatureFactory
from rounding import gamma

BUMP = """
name = "bump"
phi = "exp(-(x - theta)**2 / (2*sigma**2))"
parameters = { theta = "interval" }
inputs = { x = "location" }
constants = { sigma = { positive = true } }
"""
PROCESSES = 4
USE = """
import sys
import conicflow as cf
cf.compile_spec(sys.argv[1])
print(*[name for name in ("sympy", "pythran") if name in sys.modules])
"""
X = np.linspace(0.0, 1.0, 40)


@pytest.fixture(scope="module")
def bump(shared_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A spec file that four processes have raced to compile into an empty cache, as each of them found it."""
    path = tmp_path_factory.mktemp("bump") / "bump.toml"
    path.write_text(BUMP, encoding="utf-8")
    command = [sys.executable, "-c", USE, str(path)]
    racing = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) for _ in range(PROCESSES)]
    said = [process.communicate()[0].decode() for process in racing]
    assert [process.returncode for process in racing] == [0] * PROCESSES, said
    return path


@pytest.fixture
def own(bump: Path) -> FeatureFactory:
    """The feature map of that file."""
    return cf.compile_spec(bump)


def test_racing_processes_end_with_one_entry(bump: Path) -> None:
    assert [entry.name for entry in compile_module.Cache().entries()].count("bump") == 1


def test_a_second_use_imports_neither_sympy_nor_pythran(bump: Path) -> None:
    run = subprocess.run([sys.executable, "-c", USE, str(bump)], capture_output=True, text=True, check=True)
    assert run.stdout.split() == []


def test_the_same_numbers_as_the_built_in_kernel_of_the_formula(own: FeatureFactory) -> None:
    arguments: dict[str, Any] = {"x": X, "sigma": 0.1, "theta": (0.0, 1.0)}
    mine, built_in = own(**arguments), cf.features.gaussian(**arguments)
    random = np.random.default_rng(0)
    particles, g = random.uniform(0, 1, (7, 2)), random.standard_normal(40)
    results = [
        (
            features.forward(particles[:, 0], particles[:, 1:]),
            *features.adjoint(particles, g),
            features.jacobian(particles[:, 1:]),
            *features.certificate(particles[:, 1:], g),
        )
        for features in (mine, built_in)
    ]
    # The same source but for its name; a wheel's was compiled elsewhere, and may fuse other products: sums of 40 terms, each
    # of 20 roundings, not above |g| or |w| times 1/sigma² for second derivatives.
    apart = 2 * gamma(60) * float(np.abs(g).sum() + np.abs(particles[:, 0]).sum()) / 0.1**2
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=apart)
    assert mine.description["family"] == built_in.description["family"]
    y = mine.forward(np.array([1.0, -0.5]), np.array([[0.3], [0.7]]))
    mine_solved, built_in_solved = (
        cf.solve(cf.Problem(f, cf.losses.squared(y), penalty=0.1)) for f in (mine, built_in)
    )
    assert mine_solved.status == "converged"
    # Newton's method ends where the gradient is its rounding, below 1e-12 of the curvature at spikes of this size.
    np.testing.assert_allclose(mine_solved.measure.positions, built_in_solved.measure.positions, rtol=0, atol=1e-12)


def test_the_same_checks_of_arguments(own: FeatureFactory) -> None:
    with pytest.raises(ProblemError, match="bump takes sigma, theta, x; 'sigma' is missing"):
        own(x=X, theta=(0, 1))
    with pytest.raises(ProblemError, match="sigma must be positive"):
        own(x=X, theta=(0, 1), sigma=-1.0)
    assert (own.name, own.__name__) == ("bump", "bump")
    assert "exp(" in str(own.__doc__)


def test_from_sympy_objects_it_is_another_spec_of_the_same_map(shared_cache: Path) -> None:
    x, theta, sigma = sympy.symbols("x theta sigma")
    spec = cf.spec(
        name="bump",
        phi=sympy.exp(-((x - theta) ** 2) / (2 * sigma**2)),
        parameters={theta: "interval"},
        inputs={x: "location"},
        constants={sigma: {"positive": True}},
    )
    name, source = compile_module._derive_feature(spec.content)
    expected = compile_module._derive_feature(BUMP.encode())[1]
    assert name == "bump"
    assert [line for line in source.splitlines() if "SHA-256" not in line and "DESCRIPTION" not in line] == [
        line for line in expected.splitlines() if "SHA-256" not in line and "DESCRIPTION" not in line
    ]
    with pytest.raises(SpecError, match=r"the spec bump: an expression is made of .* found gamma"):
        cf.spec(name="bump", phi=sympy.gamma(x - theta), parameters={theta: "interval"}, inputs={x: "location"})


# What decides the binary, each alone, changes the key.


@pytest.mark.usefixtures("compiler")
def test_keys_cover_the_spec_the_source_and_the_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    tools, spec = find_toolchain(), Spec(BUMP.encode(), "")
    assert request_key(spec, tools) == request_key(Spec(spec.content, "elsewhere"), find_toolchain())
    assert request_key(spec, tools) != request_key(Spec(spec.content + b"#", ""), tools)
    assert entry_key("source", "g++ 12", tools) == entry_key("source", "g++ 12", find_toolchain())
    assert entry_key("source", "g++ 12", tools) != entry_key("source ", "g++ 12", tools)
    assert entry_key("source", "g++ 12", tools) != entry_key("source", "g++ 13", tools)
    for name in tools.identity:
        changed = replace(tools, identity={**tools.identity, name: "other"})
        assert request_key(spec, changed) != request_key(spec, tools)
        assert entry_key("source", "g++ 12", changed) != entry_key("source", "g++ 12", tools)
    before = request_key(spec, tools)
    monkeypatch.setattr(compile_module, "_derivation_identity", lambda: [])
    assert request_key(spec, tools) != before


def test_the_request_covers_every_file_that_derives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("derive/emit/kernel.py", "release.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("1")
    folders = {"conicflow.derive": tmp_path / "derive", "sympy": tmp_path}
    monkeypatch.setattr(compile_module, "_package_folder", folders.__getitem__)
    seen = {tuple(compile_module._derivation_identity())}
    for name in ("derive/emit/kernel.py", "release.py"):
        (tmp_path / name).write_text("2")
        seen.add(tuple(compile_module._derivation_identity()))
    assert len(seen) == 3


def fake_compiler(folder: Path, script: str = "exit 0") -> Path:
    path = folder / "fake++"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o700)
    return path


CHANGES: dict[str, Callable[[pytest.MonkeyPatch, Path], object]] = {
    "compiler": lambda patch, folder: patch.setenv("CXX", str(fake_compiler(folder))),
    "compiler's arguments": lambda patch, folder: patch.setenv("CXX", "g++ -O1"),
    "include path": lambda patch, folder: patch.setenv("CPATH", str(folder)),
    "architecture": lambda patch, folder: patch.setattr(
        toolchain, "built_for", lambda: SimpleNamespace(arguments=["-march=native"], pythran=built_for().pythran)
    ),
    "Pythran's passes": lambda patch, folder: patch.setattr(
        toolchain, "built_for", lambda: SimpleNamespace(arguments=built_for().arguments, pythran=[])
    ),
    "processor": lambda patch, folder: patch.setattr(toolchain, "processor_features", lambda: {"SSE": True}),
    "NumPy": lambda patch, folder: patch.setattr(np, "__version__", "2.0"),
    "Python": lambda patch, folder: patch.setattr(sys, "version", "3.11.0"),
    "Pythran and the header": lambda patch, folder: patch.setattr(toolchain, "_digest", lambda path: "another file"),
}


@pytest.mark.usefixtures("compiler")
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_the_identity_covers(
    change: Callable[[pytest.MonkeyPatch, Path], object], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = find_toolchain().identity
    assert find_toolchain().identity == before
    change(monkeypatch, tmp_path)
    assert find_toolchain().identity != before


def test_a_new_compiler_under_the_old_name_is_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    compiler = fake_compiler(tmp_path)
    monkeypatch.setenv("CXX", str(compiler))
    before = find_toolchain().identity
    os.utime(compiler, ns=(1, 1))
    assert find_toolchain().identity != before
    before = find_toolchain().identity
    compiler.write_text("#!/bin/sh\nexit 0 # newer\n")
    os.utime(compiler, ns=(1, 1))
    assert find_toolchain().identity != before
    assert compiler.stat().st_mode & stat.S_IXUSR


# What is missing, and what does not compile.


def test_without_a_compiler(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "bump.toml").write_text(BUMP)
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(KernelError, match=r"needs a C\+\+ compiler; g\+\+ is not on the PATH; install g\+\+"):
        cf.compile_spec(tmp_path / "bump.toml")


def test_without_pythran(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "bump.toml").write_text(BUMP)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(
        KernelError, match=r"needs Pythran; it is not installed; run: pip install 'conicflow\[derive\]'"
    ):
        cf.compile_spec(tmp_path / "bump.toml")


@pytest.mark.usefixtures("compiler")
def test_without_pythons_headers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path))
    with pytest.raises(KernelError, match=r"no Python\.h; install them .*python3-dev"):
        find_toolchain()


def test_what_does_not_compile_is_told_in_a_line_and_kept_in_a_log(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    script = (
        'case "$1" in --version) echo fake 1;; *) echo "In file"; echo "x.cpp:1: error: no such thing"; exit 1;; esac'
    )
    monkeypatch.setenv("CXX", str(fake_compiler(tmp_path, script)))
    monkeypatch.setenv("CONICFLOW_CACHE", str(tmp_path / "kernels"))
    (tmp_path / "bump.toml").write_text(BUMP)
    told: list[str] = []
    with pytest.raises(
        KernelError, match=r"bump does not: x\.cpp:1: error: no such thing; .* bump\.log|bump\.log"
    ) as caught:
        cf.compile_spec(tmp_path / "bump.toml", lambda phase, fraction, message: told.append(phase))
    assert "\n" not in str(caught.value)
    assert told == ["derive", "compile"]
    log = (tmp_path / "kernels" / "bump.log").read_text()
    assert "In file\nx.cpp:1: error: no such thing" in log
    assert "-march" in log or "-DUSE_XSIMD" in log  # the command too
    assert {path.name for path in (tmp_path / "kernels").iterdir()} == {"bump.log", "lock"}


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ('name = "bump"', 'name = "gaussian"', "gaussian.* are built in, found 'gaussian': rename it"),
        ("theta)", "nu)", "every name must be declared"),
        ("exp(", "log(", "finite and real"),
        ("exp(", "__import__(", "found"),
        ("name", "nome", "nome"),
        ('name = "bump"', 'name = "bump"\nfamily = "2-homogeneous"', "2-homogeneous"),
        ("phi =", "value =", "conjugate|keys of such a spec"),
        ('"bump"', '"bump', "valid TOML"),
    ],
)
def test_specs_that_are_refused(shared_cache: Path, tmp_path: Path, old: str, new: str, rule: str) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(BUMP.replace(old, new), encoding="utf-8")
    with pytest.raises(SpecError, match=rf"{path}: .*({rule})"):
        cf.compile_spec(path)


def test_files_that_are_refused(shared_cache: Path, tmp_path: Path) -> None:
    for path in (tmp_path / "missing.toml", tmp_path, Path("nul\0byte")):
        with pytest.raises(SpecError, match="a spec is a TOML file that can be read"):
            read_spec_file(path)
    (tmp_path / "long.toml").write_text("#" * 200_000)
    with pytest.raises(SpecError, match="this file has more: shorten it"):
        cf.compile_spec(tmp_path / "long.toml")


def test_a_loss_is_refused(shared_cache: Path, pytestconfig: pytest.Config) -> None:
    with pytest.raises(SpecError, match="is for feature maps, found the loss 'squared': use compile_loss"):
        cf.compile_spec(pytestconfig.rootpath / "derive" / "specs" / "squared.toml")
