"""docs/house.md is what the tree is: the picture of the imports, and the table of rooms."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import pytest


@pytest.fixture(scope="module")
def house(pytestconfig: pytest.Config) -> ModuleType:
    """docs/draw_house.py, loaded."""
    spec = importlib.util.spec_from_file_location("draw_house", pytestconfig.rootpath / "docs/draw_house.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_picture_is_what_the_imports_say(house: ModuleType) -> None:
    drawn = (house.ROOT / "docs/house.svg").read_text(encoding="utf-8")
    assert drawn == house.picture(house.ROOT), "draw it again: python docs/draw_house.py"
    ElementTree.fromstring(drawn)


def test_the_table_of_rooms_is_what_their_docstrings_say(house: ModuleType) -> None:
    page = (house.ROOT / "docs/house.md").read_text(encoding="utf-8")
    assert page == house.with_table(page, house.ROOT), "write it again: python docs/draw_house.py"
    assert len(re.findall(r"^\| .*`\w+(?:/\w+)?`.* \| \S.* \|$", page, re.MULTILINE)) >= 20


def test_every_room_is_drawn(house: ModuleType) -> None:
    for folder, rooms in house.HOUSE.items():
        found = {path.parent.name for path in (house.ROOT / folder).glob("*/__init__.py")}
        assert found == set(rooms), folder


@pytest.fixture
def small_house(house: ModuleType, tmp_path: Path) -> Path:
    """Every room with one file, which imports nothing."""
    for folder, rooms in house.HOUSE.items():
        for name in ("", *rooms):
            (tmp_path / folder / name).mkdir(exist_ok=True, parents=True)
            (tmp_path / folder / name / "__init__.py").write_text(f'"""The law of {folder}/{name}."""\n')
    return tmp_path


@pytest.mark.parametrize(
    ("path", "source", "arrow", "lazy"),
    [
        ("engine/model/x.py", "from ..base.errors import FlowError", ("engine/model", "engine/base"), False),
        ("engine/model/x.py", "from .. import base", ("engine/model", "engine/base"), False),
        ("engine/base/x.py", "import conicflow.engine.solve.solve", ("engine/base", "engine/solve"), False),
        ("engine/x.py", "def f():\n    from ..derive.read import spec", ("engine", "derive/read"), True),
        ("engine/kernels/x.py", 'PACKAGE = "conicflow.generated"', ("engine/kernels", "generated"), False),
        ("app/x.py", "from conicflow.proofs_check import gap", ("app", "proofs_check"), False),
    ],
)
def test_an_import_is_seen(
    house: ModuleType, small_house: Path, path: str, source: str, arrow: tuple[str, str], lazy: bool
) -> None:
    assert house.arrows(small_house) == {}
    (small_house / path).write_text(source)
    assert house.arrows(small_house) == {arrow: lazy}


def test_only_imports_that_say_something_are_drawn(house: ModuleType, small_house: Path) -> None:
    """What follows from others is left out, but nothing that runs upwards."""
    for importer, named in (("space", "kernels"), ("kernels", "base"), ("space", "base"), ("base", "space")):
        (small_house / "engine" / importer / f"{named}.py").write_text(f"from ..{named} import x")
    base, kernels, space = (house.HOUSE["engine"].index(name) for name in ("base", "kernels", "space"))
    drawn = house.within("engine", house.arrows(small_house))
    assert drawn == sorted([(space, kernels), (kernels, base), (base, space)])
    assert house.picture(small_house).count('stroke="#C62828" marker-end') == 1
