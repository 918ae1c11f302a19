"""The committed kernels are what the specs say, byte for byte, and `regenerate(check=True)` sees every difference."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conicflow.derive import regenerate as module
from conicflow.derive.errors import SpecError
from conicflow.derive.regenerate import regenerate

SOURCES_ONLY = shutil.ignore_patterns("__pycache__", "*.in")


@pytest.fixture(scope="module")
def derived(pytestconfig: pytest.Config) -> dict[str, str]:
    """What the checkout's specs give, derived once."""
    return module.derive_sources(sorted((pytestconfig.rootpath / "derive" / "specs").glob("*.toml")))


@pytest.fixture
def checkout(
    pytestconfig: pytest.Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, derived: dict[str, str]
) -> Path:
    """A copy of the specs and kernel sources, as the current folder; deriving them again gives what was derived before."""
    for folder in ("derive/specs", "generated"):
        shutil.copytree(pytestconfig.rootpath / folder, tmp_path / folder, ignore=SOURCES_ONLY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        module, "derive_sources", lambda paths: {f"{path.stem}.py": derived[f"{path.stem}.py"] for path in paths}
    )
    return tmp_path


@pytest.mark.parametrize("hash_seed", ["0", "1"])
def test_every_process_derives_the_committed_bytes(pytestconfig: pytest.Config, tmp_path: Path, hash_seed: str) -> None:
    """Sets and dictionaries of SymPy change their order with the hash seed; the sources must not."""
    program = "import sys; from conicflow.derive.regenerate import regenerate; sys.exit(regenerate(out=sys.argv[1]))"
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    subprocess.run([sys.executable, "-c", program, tmp_path], cwd=pytestconfig.rootpath, env=environment, check=True)
    committed = {path.name: path.read_bytes() for path in (pytestconfig.rootpath / "generated").glob("*.py")}
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == committed


def test_no_drift(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert regenerate(check=True) == 0
    assert capsys.readouterr().out == ""


def test_a_changed_file_is_shown_as_a_unified_diff(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = checkout / "generated" / "gaussian.py"
    text = path.read_text(encoding="utf-8")
    assert text.count("VECTOR = 16") == 1
    path.write_text(text.replace("VECTOR = 16", "VECTOR = 12"), encoding="utf-8")
    assert regenerate(check=True) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("--- generated/gaussian.py")
    assert lines[1].startswith("+++ gaussian.py as derived")
    assert lines[2].startswith("@@ ")
    assert [line[:12] for line in lines if line[0] in "-+"][2:] == ["-VECTOR = 12", "+VECTOR = 16"]
    assert path.read_text(encoding="utf-8").count("VECTOR = 12") == 1  # a check writes nothing


def test_a_missing_file_is_drift(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (checkout / "generated" / "squared.py").unlink()
    assert regenerate(check=True) == 1
    out = capsys.readouterr().out
    assert "--- generated/squared.py" in out
    assert "+def conjugate_at(p, y):" in out
    assert not (checkout / "generated" / "squared.py").exists()


def test_an_extra_file_is_drift(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (checkout / "generated" / "stray.py").write_text("x = 1\n", encoding="utf-8")
    assert regenerate(check=True) == 1
    assert "generated/stray.py: no spec has this name" in capsys.readouterr().out


def test_line_ends_are_drift(checkout: Path) -> None:
    """Bytes are compared, not lines."""
    path = checkout / "generated" / "squared.py"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert regenerate(check=True) == 1


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_writing_mends_every_kind_of_drift(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = contents(checkout / "generated")
    (checkout / "generated" / "gaussian.py").write_text("changed", encoding="utf-8")
    (checkout / "generated" / "squared.py").unlink()
    (checkout / "generated" / "stray.py").write_text("x = 1\n", encoding="utf-8")
    assert regenerate() == 0
    assert contents(checkout / "generated") == before
    assert len(capsys.readouterr().out.splitlines()) == 3
    assert regenerate() == 0
    assert capsys.readouterr().out == ""  # nothing left to do


def test_no_checkout_no_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SpecError, match=r"has no derive/specs/\*\.toml"):
        regenerate(check=True)
    assert not any(tmp_path.iterdir())
