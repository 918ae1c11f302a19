"""The public package."""

import re
import tomllib

import conicflow as cf
import pytest


def test_the_version_is_the_same_wherever_it_is_told(pytestconfig: pytest.Config) -> None:
    project = tomllib.loads((pytestconfig.rootpath / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    build = re.search(r"version: '([^']+)'", (pytestconfig.rootpath / "meson.build").read_text(encoding="utf-8"))
    assert build is not None
    assert cf.__version__ == project["version"] == build[1]
