"""The rules of the house: who may import whom, what is never called, what is installed, and what an import costs."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# Never backwards. `engine` may reach for `derive` only inside the function that compiles a user's own spec.
MAY_IMPORT = {
    "derive": {"derive"},
    "generated": set(),
    "engine": {"engine", "generated"},
    "proofs_check": {"proofs_check", "derive", "engine"},
    "app": {"app", "derive", "engine", "generated", "proofs_check"},
}
MAY_IMPORT_LAZILY = {"engine": {"derive"}}
# The rooms of each folder: each may import lower ones, and itself; those of one height stand side by side.
ROOMS = {
    "derive": {"read": 0, "prove": 1, "emit": 2},
    "engine": {"base": 0, "kernels": 1, "space": 2, "dual": 3, "model": 4, "flow": 5, "atoms": 5, "solve": 6},
    "proofs_check": {"enclosures": 0, "suprema": 1, "references": 1, "theorems": 2},
    "app": {"files": 0, "words": 1, "figures": 2, "folders": 3, "commands": 4},
}
NEVER_CALLED = {"eval", "exec", "compile", "sympify", "parse_expr"}
NEVER_IMPORTED = {"pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle"}
NOT_AT_IMPORT = {"sympy", "matplotlib", "pythran", "scipy", "click"}


def imports(tree: ast.AST, package: tuple[str, ...], lazy: bool = False) -> Iterator[tuple[str, bool]]:
    """(full module name, whether inside a function) of every import; relative ones are resolved from the package."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, lazy) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ("conicflow", *package)[: len(package) + 2 - node.level] if node.level else ()
            module = ".".join(filter(None, (*base, node.module)))
            # `from conicflow import engine` names the room only in what is imported
            yield from ((f"{module}.{alias.name}", lazy) for alias in node.names)
        yield from imports(node, package, lazy or isinstance(node, (ast.FunctionDef, ast.Lambda)))


def wrong_imports(source: str, path: str) -> list[str]:
    """Imports of folders that the file at this path may not know, and of modules that run what they read."""
    wrong, package = [], tuple(path.split("/")[:-1])
    room = package[0]
    for name, lazy in imports(ast.parse(source), package):
        first, *rest = name.split(".")
        allowed = MAY_IMPORT[room] | (MAY_IMPORT_LAZILY.get(room, set()) if lazy else set())
        if (first == "conicflow" and (not rest or rest[0] not in allowed)) or first in NEVER_IMPORTED:
            wrong.append(name)
    return wrong


def wrong_rooms(source: str, path: str) -> list[str]:
    """Imports of a room of the same folder, lazy or not, that do not lead downwards."""
    package = tuple(path.split("/")[:-1])
    rooms, wrong = ROOMS[package[0]], []
    for name, _ in imports(ast.parse(source), package):
        parts = name.split(".")
        if parts[:2] != ["conicflow", package[0]] or len(parts) < 3 or parts[2] == package[1]:
            continue
        if rooms.get(parts[2], -1) >= rooms[package[1]]:  # what stands beside the rooms belongs to all of them
            wrong.append(name)
    return wrong


def banned_calls(source: str) -> list[str]:
    """Calls that turn text into code, under whatever module name, and any allow_pickle that is not literally False."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            method = isinstance(node.func, ast.Attribute) and name == "compile"  # re.compile compiles no code
            if name in NEVER_CALLED and not method:
                found.append(name)
            for keyword in node.keywords:
                safe = isinstance(keyword.value, ast.Constant) and keyword.value.value is False
                if keyword.arg == "allow_pickle" and not safe:
                    found.append("allow_pickle")
    return found


@pytest.fixture(scope="module")
def sources(pytestconfig: pytest.Config) -> dict[str, str]:
    """Text of every Python file of the rooms, by path in the checkout; `app/root.py` is the package root."""
    root = pytestconfig.rootpath
    paths = [path for room in MAY_IMPORT for path in sorted((root / room).rglob("*.py"))]
    return {path.relative_to(root).as_posix(): path.read_text(encoding="utf-8") for path in paths}


def test_nobody_imports_backwards(sources: dict[str, str]) -> None:
    found = {path: wrong_imports(text, path) for path, text in sources.items()}
    assert {path: names for path, names in found.items() if names} == {}
    assert len(sources) > 40  # the walk found the rooms


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("engine/x.py", "from conicflow.app import cli"),
        ("engine/x.py", "from conicflow import app"),
        ("engine/x.py", "from ..derive import read"),
        ("engine/kernels/x.py", "from ...derive import read"),
        ("engine/x.py", "import conicflow.derive.read.spec"),
        ("engine/x.py", "import conicflow"),
        ("engine/x.py", "def f():\n    from conicflow.app import cli"),
        ("derive/x.py", "from conicflow.engine.base.errors import ConicflowError"),
        ("derive/x.py", "if True:\n    from ..engine import base"),
        ("generated/x.py", "from conicflow.engine import domain"),
        ("proofs_check/x.py", "from conicflow.app import figures"),
        ("app/x.py", "import pickle"),
    ],
)
def test_a_backward_import_is_seen(path: str, source: str) -> None:
    assert wrong_imports(source, path)


@pytest.mark.parametrize("folder", ROOMS)
def test_rooms_import_downwards(folder: str, sources: dict[str, str]) -> None:
    inside = {path: text for path, text in sources.items() if path.startswith(f"{folder}/") and path.count("/") > 1}
    inside = {path: text for path, text in inside.items() if not path.startswith("app/examples/")}
    found = {path: wrong_rooms(text, path) for path, text in inside.items()}
    assert {path: names for path, names in found.items() if names} == {}
    assert {path.split("/")[1] for path in inside} == set(ROOMS[folder])


def test_nothing_stands_beside_the_rooms_of_the_engine(sources: dict[str, str]) -> None:
    assert [path for path in sources if path.startswith("engine/") and path.count("/") == 1] == ["engine/__init__.py"]


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("engine/dual/x.py", "from ..model.problem import Problem"),
        ("engine/atoms/x.py", "from ..flow.flow import flow"),
        ("engine/model/x.py", "def f():\n    from conicflow.engine.solve import search"),
        ("engine/space/domain/x.py", "from ...dual import certificate"),
        ("derive/read/x.py", "from ..prove import proofs"),
        ("proofs_check/suprema/x.py", "from ..references import relu"),
    ],
)
def test_an_import_upwards_or_sideways_is_seen(path: str, source: str) -> None:
    assert wrong_rooms(source, path)


def test_every_room_says_its_law(sources: dict[str, str]) -> None:
    """The first docstring of every folder is one line or a paragraph, and no two are alike."""
    laws = [ast.get_docstring(ast.parse(text)) for path, text in sources.items() if path.endswith("/__init__.py")]
    assert all(laws)
    assert len(set(laws)) == len(laws) > 20


def test_lazy_derivation_is_allowed() -> None:
    assert not wrong_imports(
        "def compile_spec():\n    from conicflow.derive.read.spec import load_spec", "engine/kernels/x.py"
    )
    assert not wrong_imports("from .cache import Cache\nfrom conicflow.generated import _build", "engine/kernels/x.py")


def test_text_never_becomes_code(sources: dict[str, str]) -> None:
    found = {path: banned_calls(text) for path, text in sources.items()}
    assert {path: names for path, names in found.items() if names} == {}


@pytest.mark.parametrize(
    "source",
    [
        "eval(text)",
        "exec('x = 1')",
        "sympy.sympify(text)",
        "from sympy import sympify\nsympify(text)",
        "sympy.parsing.sympy_parser.parse_expr(text)",
        "compile(text, '', 'exec')",
        "numpy.load(path, allow_pickle=True)",
        "numpy.load(path, allow_pickle=flag)",
    ],
)
def test_a_banned_call_is_seen(source: str) -> None:
    assert banned_calls(source)


def test_meson_installs_exactly_the_tree(pytestconfig: pytest.Config, sources: dict[str, str]) -> None:
    """Every file once, and no file that is not there; what is compiled goes in as binaries, examples as data."""
    listed = []
    for build in sorted(path for room in MAY_IMPORT for path in (pytestconfig.rootpath / room).rglob("meson.build")):
        folder = build.parent.relative_to(pytestconfig.rootpath).as_posix()
        names = re.findall(r"^  '(\w+\.py)',$", build.read_text(encoding="utf-8"), re.MULTILINE)
        listed += [f"{folder}/{name}" for name in names]
    kernel_list = (pytestconfig.rootpath / "generated" / "meson.build").read_text(encoding="utf-8")
    block = re.search(r"^kernels = \[(.*?)^\]", kernel_list, re.DOTALL | re.MULTILINE)
    assert block is not None
    kernels = re.findall(r"'(\w+)'", block[1])
    compiled = {f"generated/{name}.py" for name in kernels}
    assert kernels == sorted(set(kernels))
    assert compiled <= set(sources)
    expected = [path for path in sources if not path.startswith(("app/examples/", "app/root.py"))]
    assert sorted(listed) == sorted(set(expected) - compiled)
    wide, portable = (
        (pytestconfig.rootpath / "generated" / folder / "meson.build").read_text(encoding="utf-8").split("\n\n", 1)[1]
        for folder in ("wide", "portable")
    )
    assert wide.replace("generated/wide", "generated/portable") == portable  # but for what family they are


def loaded_by(program: str) -> set[str]:
    """Top-level modules that a new process has loaded after a program."""
    program += "\nimport json, sys\nprint(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=Path.home())
    return set(json.loads(run.stdout))


def test_importing_is_cheap() -> None:
    assert loaded_by("import conicflow, conicflow.engine") & NOT_AT_IMPORT == set()


def test_importing_more_is_seen() -> None:
    """The probe does see a module when it is loaded: deriving needs SymPy, the command line click."""
    assert {"sympy"} <= loaded_by("import conicflow.derive.read.spec")
    assert {"click"} <= loaded_by("import conicflow.app.cli")
