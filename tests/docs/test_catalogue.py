"""The catalogue's page says what the kernels say, and shows a picture of each."""

import importlib.util
from pathlib import Path
from types import ModuleType

import conicflow as cf
import pytest


@pytest.fixture(scope="module")
def catalogue(pytestconfig: pytest.Config) -> ModuleType:
    """docs/draw_catalogue.py, loaded."""
    spec = importlib.util.spec_from_file_location("draw_catalogue", pytestconfig.rootpath / "docs/draw_catalogue.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_what_the_kernels_say(catalogue: ModuleType, pytestconfig: pytest.Config) -> None:
    written = (pytestconfig.rootpath / "docs/catalogue.md").read_text(encoding="utf-8")
    assert written == catalogue.text(), "write it again: python docs/draw_catalogue.py"


def test_one_picture_each(pytestconfig: pytest.Config) -> None:
    pictures = {path.stem for path in (pytestconfig.rootpath / "docs/catalogue").glob("*.png")}
    assert pictures == {*cf.features.names(), *cf.losses.names()}


@pytest.mark.parametrize("name", ["gaussian_2d", "tanh", "fourier", "poisson"])
def test_a_picture_can_be_drawn(catalogue: ModuleType, name: str, tmp_path: Path) -> None:
    catalogue.picture(name, tmp_path / "picture.png")
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")
