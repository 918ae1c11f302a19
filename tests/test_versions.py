"""What other files repeat of pyproject.toml: lower bounds, versions of Python, the linter."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def root(pytestconfig: pytest.Config) -> Path:
    return pytestconfig.rootpath


def requirements(project: dict[str, Any]) -> list[str]:
    """Every requirement, of the build too, but for the package's own extras and the tools of lint."""
    listed = [*project["build-system"]["requires"], *project["project"]["dependencies"]]
    for name, extra in project["project"]["optional-dependencies"].items():
        listed += extra if name != "lint" else []
    return [requirement for requirement in listed if not requirement.startswith("conicflow[")]


def lowest(listed: list[str]) -> dict[str, str]:
    """The lower bound of each requirement."""
    found: dict[str, str] = {}
    for requirement in listed:
        match = re.match(r"([\w.-]+)(?:>=|==)([\d.]+)", requirement)
        assert match is not None, f"{requirement!r} has no lower bound"
        assert found.setdefault(match[1], match[2]) == match[2], f"{match[1]} has two lower bounds"
    return found


def test_the_lowest_versions_are_those_declared(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    lines = (root / ".ci" / "lowest.txt").read_text(encoding="utf-8").splitlines()
    pinned = [line for line in lines if line and not line.startswith("#")]
    assert pinned == sorted(pinned, key=lambda line: line.split("==")[0].lower())
    assert lowest(pinned) == lowest(requirements(project))


def test_a_requirement_without_a_bound_is_seen() -> None:
    with pytest.raises(AssertionError, match="'numpy' has no lower bound"):
        lowest(["numpy"])
    with pytest.raises(AssertionError, match="numpy has two lower bounds"):
        lowest(["numpy>=2.0", "numpy>=2.1"])


def test_the_workflow_begins_at_the_lowest_python(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    workflow = (root / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    versions = re.findall(r'name: Python (3\.\d+), python: "(3\.\d+)"', workflow)
    assert [name for name, _ in versions] == [version for _, version in versions]
    assert project["requires-python"] == f">={versions[0][0]}"
    minors = [int(version.split(".")[1]) for version, _ in versions]
    assert minors == list(range(minors[0], minors[-1] + 1))
    constrained = re.findall(r'python: "(3\.\d+)", constraint: \.ci/lowest\.txt', workflow)
    assert constrained == [versions[0][0]]


def test_the_hooks_run_the_linter_of_the_project(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    linter = next(entry for entry in project["optional-dependencies"]["lint"] if entry.startswith("ruff"))
    hooks = (root / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    assert re.findall(r'additional_dependencies: \["(.*)"\]', hooks) == [linter, linter]
