"""Adding a feature map is one spec file and one line in the build list: docs/new_feature.md is done as written."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conicflow.derive.drift import shared_sources


def added_lines(page: str, path: str) -> list[str]:
    """What the page's diff adds to a file."""
    section = page.split(f"+++ b/{path}\n")[1].split("--- ")[0].split("```")[0]
    return [line[1:] for line in section.splitlines() if line.startswith("+")]


@pytest.fixture
def checkout(pytestconfig: pytest.Config, tmp_path: Path) -> Path:
    """A copy of what deriving reads and writes, with the page's change applied."""
    root = pytestconfig.rootpath
    for folder in ("derive/specs", "generated"):
        shutil.copytree(root / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    page = (root / "docs/new_feature.md").read_text(encoding="utf-8")
    spec = added_lines(page, "derive/specs/raised_cosine.toml")
    (tmp_path / "derive/specs/raised_cosine.toml").write_text("\n".join(spec) + "\n", encoding="utf-8")
    (kernel,) = added_lines(page, "generated/meson.build")
    build = (root / "generated/meson.build").read_text(encoding="utf-8")
    (tmp_path / "generated/meson.build").write_text(
        build.replace("  'relu',\n", f"{kernel}\n  'relu',\n"), encoding="utf-8"
    )
    return tmp_path


def test_nothing_else_changes(checkout: Path) -> None:
    before = {path.name: path.read_bytes() for path in (checkout / "generated").glob("*.py")}
    command = [sys.executable, "-c", "from conicflow.app.cli import main; main()", "derive"]
    done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["wrote", "generated/raised_cosine.py"]
    after = {path.name: path.read_bytes() for path in (checkout / "generated").glob("*.py")}
    assert after.keys() - before.keys() == {"raised_cosine.py"}
    assert all(after[name] == content for name, content in before.items())
    block = re.search(
        r"^kernels = \[(.*?)^\]", (checkout / "generated/meson.build").read_text(), re.DOTALL | re.MULTILINE
    )
    assert block is not None
    listed = re.findall(r"'(\w+)'", block[1])
    specs = {path.stem for path in (checkout / "derive/specs").glob("*.toml")}
    assert listed == sorted(specs | {path.removesuffix(".py") for path in shared_sources()})
