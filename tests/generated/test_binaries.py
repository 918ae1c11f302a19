"""The compiled kernels are those of the committed sources, the sources those of the specs, and only binaries are installed."""

import ast
import hashlib
import importlib.machinery
import importlib.metadata
from pathlib import Path

import conicflow.generated
import pytest
from conicflow.engine.kernels.loading import built_for, describe, kernel_names, load_kernel

KERNELS = kernel_names("pointwise", "ridge", "torus", "loss")
DESCRIBED = kernel_names("torus")  # without a binary of their own: what they say of themselves
SHARED = ("_covariance", "_flow", "_local", "_ridge", "_torus")  # of no spec
BINARIES = sorted({*KERNELS, *SHARED} - {*DESCRIBED})


@pytest.fixture(scope="module")
def checkout(pytestconfig: pytest.Config) -> Path:
    """The folder that the tests belong to."""
    return pytestconfig.rootpath


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_one_kernel_per_spec(checkout: Path) -> None:
    specs = {path.stem for path in (checkout / "derive" / "specs").glob("*.toml")}
    sources = {path.stem for path in (checkout / "generated").glob("*.py")} - {"__init__"}
    assert specs == set(KERNELS)
    assert sources == {*KERNELS, *SHARED}


@pytest.mark.parametrize("name", BINARIES)
def test_binary_was_compiled_from_the_committed_source(checkout: Path, name: str) -> None:
    """Pythran records the SHA-256 of what it compiled; a stale or foreign binary has another."""
    assert load_kernel(name).__pythran__[1] == sha256(checkout / "generated" / f"{name}.py")


@pytest.mark.parametrize("name", DESCRIBED)
def test_what_is_not_compiled_is_a_description(checkout: Path, name: str) -> None:
    """Nothing in it runs, and it is that of the committed source."""
    source = (checkout / "generated" / f"{name}.py").read_text(encoding="utf-8")
    assert [type(statement) for statement in ast.parse(source).body] == [ast.Expr, ast.Assign]
    assert Path(load_kernel(name).__file__ or "").read_text(encoding="utf-8") == source


@pytest.mark.parametrize("name", KERNELS)
def test_source_and_binary_name_their_spec(checkout: Path, name: str) -> None:
    spec = sha256(checkout / "derive" / "specs" / f"{name}.toml")
    header = (checkout / "generated" / f"{name}.py").read_text(encoding="utf-8").splitlines()
    assert header[0].startswith(f"# Written by conicflow.derive from {name}.toml: do not edit.")
    assert header[1] == f"# spec SHA-256 {spec}"
    description = describe(name)
    assert (description["name"], description["spec_sha256"]) == (name, spec)


@pytest.mark.parametrize("name", BINARIES)
def test_no_source_beside_a_binary(name: str) -> None:
    """A kernel is an extension module wherever it was found, and no source or bytecode stands where Python looks next."""
    path = Path(load_kernel(name).__file__ or "")
    assert path.name.endswith(tuple(importlib.machinery.EXTENSION_SUFFIXES))
    for suffix in (*importlib.machinery.SOURCE_SUFFIXES, *importlib.machinery.BYTECODE_SUFFIXES):
        assert not (path.parent / f"{name}{suffix}").exists()


def test_the_installation_holds_no_kernel_source() -> None:
    """Files of the distribution under conicflow/generated: binaries, how each folder was built, and what only describes.

    An editable installation holds no file of the package, only a loader; there the law is that the loader finds the
    binaries in a build folder, never in the checkout, and the previous test covers what else lies there.
    """
    files = [
        path for path in importlib.metadata.files("conicflow") or [] if path.parts[:2] == ("conicflow", "generated")
    ]
    if files:
        names = {"/".join(path.parts[2:]) for path in files if "__pycache__" not in path.parts}
        sources = {name for name in names if not name.endswith(tuple(importlib.machinery.EXTENSION_SUFFIXES))}
        folders = {name.rpartition("/")[0] for name in names} - {""}
        described = {f"{name}.py" for name in DESCRIBED}
        assert sources == {"__init__.py", *described, *(f"{folder}/__init__.py" for folder in folders)}
        assert built_for().__name__.rpartition(".")[2] in folders <= {"wide", "portable"}
        assert len(names) == len(BINARIES) * len(folders) + len(sources)
    else:
        sources = Path(conicflow.generated.__file__).parent
        assert not any(sources in Path(load_kernel(name).__file__ or "").parents for name in BINARIES)
