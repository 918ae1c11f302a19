"""Symbols of a spec may have any name: in kernel source they carry a mark that no name of a template has."""

import ast
import importlib.util
import keyword
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from conicflow.derive.emit.symbols import MARK
from conicflow.derive.errors import SpecError
from conicflow.derive.read.spec import FeatureSpec, LossSpec, read_spec
from conicflow.derive.regenerate import derive_specs, shared_sources

BUMP = """
name = "bump"
phi = "exp(-{constant}*({input} - {parameter})**2)"
parameters = {{ {parameter} = "interval" }}
inputs = {{ {input} = "location" }}
constants = {{ {constant} = {{ positive = true }} }}
"""
# Parameter, input and constant: names of the templates, of C++, of Python, of its grammar, and in capitals.
HOSTILE = [
    ("positions", "samples", "constants"),
    ("u", "m", "k"),
    ("n", "count", "w"),
    ("v0", "argument0", "sum0"),
    ("weight", "x_tile", "g_tile"),
    ("theta_", "theta", "x__tile"),
    ("np", "numpy", "range"),
    ("evaluate", "fit", "slopes"),
    ("omega", "y", "f"),
    ("double", "template", "class"),
    ("lambda", "in", "None"),
    ("lambda", "lambda_", "if"),
    ("K", "X", "Theta"),
    ("TILE", "PARALLEL", "DESCRIPTION"),
]
U = np.array([[1.0, 0.3], [-0.5, 0.7]])
SAMPLES = np.linspace(0.0, 1.0, 9)[None]
CONSTANTS = np.array([3.0])


def identifiers(source: str) -> set[str]:
    """Every name that a module gives or uses, but for attributes."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name):
            names.add(node.id)
        elif isinstance(node, ast.arg):
            names.add(node.arg)
        elif isinstance(node, ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.alias):
            names.add(node.asname or node.name)
    return names


def declared(spec: object) -> set[str]:
    tables = (getattr(spec, name, ()) for name in ("parameters", "inputs", "constants"))
    return {item.name for table in tables for item in table}


def test_marked_names_of_committed_sources_are_symbols_of_their_spec(pytestconfig: pytest.Config) -> None:
    folder = pytestconfig.rootpath
    for path in sorted((folder / "generated").glob("*.py")):
        marked = {
            name for name in identifiers(path.read_text(encoding="utf-8")) if name.endswith(MARK) and name != MARK
        }
        spec_file = folder / "derive" / "specs" / path.name.replace(".py", ".toml")
        symbols = declared(read_spec(spec_file.read_bytes())) if spec_file.is_file() else set()
        assert marked <= {name + MARK for name in symbols}, path.name
        if symbols and "pointwise" in spec_file.read_text():
            assert marked, path.name


def test_shared_modules_have_no_marked_name() -> None:
    for name, source in shared_sources().items():
        assert not {item for item in identifiers(source) if item.endswith(MARK) and item != MARK}, name


def loaded(spec: FeatureSpec | LossSpec, folder: Path) -> ModuleType:
    """The kernel of a spec, run by Python itself: Pythran compiles the same text."""
    path = folder / f"{spec.name}_{spec.source_sha256[:8]}.py"
    path.write_text(derive_specs([spec])[f"{spec.name}.py"], encoding="utf-8")
    found = importlib.util.spec_from_file_location(path.stem, path)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def results(module: ModuleType) -> list[np.ndarray]:
    g = np.sin(np.arange(9.0))
    rows = np.empty((2, 2))

    def fit(f, y, omega, parameters, outputs, start, slope):  # type: ignore[no-untyped-def]
        slope[:] = f - y[start : start + len(f)]
        return float(np.sum((f - y[start : start + len(f)]) ** 2)) / 2

    value = module.evaluate(U, SAMPLES, CONSTANTS, g, np.ones(9), np.empty((0, 9)), fit, False, rows)
    return [
        module.forward(U, SAMPLES, CONSTANTS),
        module.slopes(U, SAMPLES, CONSTANTS, g),
        module.jacobian(U[:, 1:].copy(), SAMPLES, CONSTANTS),
        *module.certificate(U[:, 1:].copy(), SAMPLES, CONSTANTS, g),
        np.array(value),
        rows,
    ]


@pytest.fixture(scope="module")
def neutral(tmp_path_factory: pytest.TempPathFactory) -> list[np.ndarray]:
    spec = read_spec(BUMP.format(parameter="theta", input="x", constant="s").encode())
    return results(loaded(spec, tmp_path_factory.mktemp("neutral")))


@pytest.mark.parametrize(("parameter", "sample", "constant"), HOSTILE)
def test_any_name_gives_the_same_numbers(
    neutral: list[np.ndarray], tmp_path: Path, parameter: str, sample: str, constant: str
) -> None:
    spec = read_spec(BUMP.format(parameter=parameter, input=sample, constant=constant).encode())
    for found, expected in zip(results(loaded(spec, tmp_path)), neutral, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-14)  # terms may stand in another order


@pytest.mark.parametrize("name", ["y_all", "omega", "g", "sample", "value", "slope", "k", "lambda", "huber_0", "Delta"])
def test_any_name_of_a_losss_constant(tmp_path: Path, name: str) -> None:
    text = f"""
name = "huber_{"x" if name != "huber_0" else ""}"
value = "{name}*sqrt({name}**2 + (f - y)**2) - {name}**2"
conjugate = "p*y + {name}**2 - {name}*sqrt({name}**2 - p**2)"
conjugate_domain = ["{name} - p", "{name} + p"]
constants = {{ {name} = {{ positive = true }} }}
"""
    module = loaded(read_spec(text.encode()), tmp_path)
    f, y, g = np.array([0.5, -1.0, 2.0]), np.array([0.0, 1.0, 2.5]), np.empty(3)
    total = module.fit(f, y, np.ones(3), np.full((1, 3), 0.7), 1, 0, g)
    root = np.sqrt(0.7**2 + (f - y) ** 2)
    assert total == pytest.approx(np.sum(0.7 * root - 0.7**2), rel=1e-14)
    np.testing.assert_allclose(g, 0.7 * (f - y) / root, rtol=1e-14)


@pytest.mark.parametrize("name", ["exp", "pi", "I", "x y", "_x", "2x", "é", "a" * 32])
def test_what_means_something_else_is_refused(name: str) -> None:
    text = BUMP.format(parameter="theta", input="x", constant="s").replace("{ s =", f'{{ "{name}" =')
    with pytest.raises(SpecError, match="a name m"):
        read_spec(text.encode())


def test_without_the_mark_names_collide(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Mutant: symbols as they are declared. The comparison above sees it."""
    monkeypatch.setattr("conicflow.derive.emit.symbols.MARK", "")
    spec = read_spec(BUMP.format(parameter="u", input="m", constant="k").encode())
    with pytest.raises((AssertionError, IndexError, TypeError, UnboundLocalError)):
        results(loaded(spec, tmp_path))


def test_keywords_are_read_where_they_stand_alone() -> None:
    spec = read_spec(BUMP.format(parameter="in", input="x", constant="lambda").encode())
    assert isinstance(spec, FeatureSpec)
    assert {symbol.name for symbol in spec.phi.free_symbols} == {"in", "x", "lambda"}
    assert keyword.iskeyword("lambda")
