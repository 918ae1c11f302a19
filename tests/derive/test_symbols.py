"""Symbols of a spec may have any name: in kernel source they are called by their place."""

import ast
import importlib.util
import json
import keyword
import re
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from conicflow.derive import SPECS
from conicflow.derive.emit.kernel import emit_feature
from conicflow.derive.emit.loss import emit_loss
from conicflow.derive.emit.symbols import PLACES, placed
from conicflow.derive.errors import SpecError
from conicflow.derive.prove.derivation import differentiated
from conicflow.derive.prove.loss_derivation import differentiated as differentiated_loss
from conicflow.derive.read.loss_spec import _TAKEN_NAMES
from conicflow.derive.read.spec import FeatureSpec, LossSpec, read_spec
from conicflow.derive.read.spec_tables import RESERVED_NAMES
from conicflow.derive.regenerate import derive_specs, shared_sources

BUMP = """
name = "bump"
phi = "exp(-{constant}*({input} - {parameter})**2)"
parameters = {{ {parameter} = "interval" }}
inputs = {{ {input} = "location" }}
constants = {{ {constant} = {{ positive = true }} }}
"""
HUBER = """
name = "pseudo_huber"
value = "{name}*sqrt({name}**2 + (f - y)**2) - {name}**2"
conjugate = "p*y + {name}**2 - {name}*sqrt({name}**2 - p**2)"
conjugate_domain = ["{name} - p", "{name} + p"]
constants = {{ {name} = {{ positive = true }} }}
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
TILES = np.array([0, 4, 9]), np.tile([-np.inf, np.inf], (2, 1))  # none is out of reach
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


PLACED = re.compile(rf"({'|'.join(PLACES.values())})([0-9]+)(_tile)?")
# beyond Python's own keywords: those of C++, and names that its headers or Pythran's give to something
FOREIGN = """
alignas and_eq asm auto bool break case catch char char8_t class compl concept const consteval constexpr continue co_await
decltype default delete do double dynamic_cast enum explicit export extern false float for friend goto inline int long mutable
namespace new noexcept not_eq nullptr operator or_eq private protected public register requires short signed sizeof static
struct switch template this thread_local throw true typedef typeid typename union unsigned using virtual void volatile wchar_t
while xor xor_eq NULL INFINITY NAN EOF errno main std pythonic types ndarray size_t y0 y1 yn j0 j1 jn gamma lgamma signal T T1
T2 Theta SIGMA Lambda self cls print list dict str type numpy scipy sys os math np
"""


def declared(spec: object) -> dict[str, int]:
    """How many symbols of each kind a spec has, by the word that kernels use."""
    return {word: len(getattr(spec, kind, ())) for kind, word in PLACES.items()}


def committed(folder: Path) -> dict[str, str]:
    """The generated sources."""
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted((folder / "generated").glob("*.py"))}


def test_names_by_place_are_those_of_declared_symbols(pytestconfig: pytest.Config) -> None:
    """No template, and nothing that an emitter makes up, has a name of this form."""
    found = 0
    for name, source in committed(pytestconfig.rootpath).items():
        spec_file = pytestconfig.rootpath / "derive" / "specs" / f"{name}.toml"
        known = declared(read_spec(spec_file.read_bytes())) if spec_file.is_file() else {}
        for match in filter(None, map(PLACED.fullmatch, identifiers(source))):
            assert int(match[2]) < known.get(match[1], 0), (name, match[0])
            found += 1
    assert found > 50


def neutral_names(spec: FeatureSpec | LossSpec) -> FeatureSpec | LossSpec:
    """What of a placed spec is not told by its names: those of the file, its hash, and what constants are described as."""
    return replace(spec, source_sha256="", constants=tuple(replace(item, description="") for item in spec.constants))


def test_every_name_of_every_source_is_a_name_that_a_symbol_may_have(pytestconfig: pytest.Config) -> None:
    """In each of three roles, and for the constant of a loss: what is emitted from is equal but for texts."""
    sources = [*committed(pytestconfig.rootpath).values(), *shared_sources().values()]
    taken = set().union(*map(identifiers, sources)) | set(keyword.kwlist) | set(FOREIGN.split())
    names = sorted(
        name for name in taken if re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,30}", name) and name not in RESERVED_NAMES
    )
    assert len(names) > 300
    expected = neutral_names(placed(read_spec(BUMP.format(parameter="theta", input="x", constant="s").encode())))
    for shift in range(3):  # of names over roles: each takes each
        for first in range(0, len(names) - 2, 3):
            roles = [names[first + (place + shift) % 3] for place in range(3)]
            spec = read_spec(BUMP.format(parameter=roles[0], input=roles[1], constant=roles[2]).encode())
            assert neutral_names(placed(spec)) == expected, roles
    losses = {name: read_spec(HUBER.format(name=name).encode()) for name in names if name not in _TAKEN_NAMES}
    (one,) = {repr(neutral_names(placed(spec))) for spec in losses.values() if isinstance(spec, LossSpec)}
    assert "constant0" in one


def described(source: str) -> str:
    """What it says of itself, as Python's text of a string."""
    return source.split("\nDESCRIPTION = ")[1].split("\n", 1)[0]


def body(source: str) -> str:
    """A kernel's source without what it says of itself."""
    return source.split("\nDESCRIPTION = ")[1].split("\n", 1)[1]


@pytest.mark.parametrize("name", ["gaussian_2d", "pixel_gaussian", "damped_lines", "quantile", "poisson", "tanh"])
def test_sources_of_renamed_specs_are_equal(pytestconfig: pytest.Config, name: str) -> None:
    """The text of the catalogue under another name, with other symbols that sort in another order: the same operations."""
    text = (pytestconfig.rootpath / "derive" / "specs" / f"{name}.toml").read_text(encoding="utf-8")
    spec = read_spec(text.encode())
    assert isinstance(spec, (FeatureSpec, LossSpec))
    symbols = [item.name for kind in PLACES for item in getattr(spec, kind, ()) if item.name != "z"]
    renamed = text.replace(f'name = "{name}"', 'name = "numpy"')
    for place, symbol in enumerate(symbols):
        renamed = re.sub(rf"(?<![A-Za-z0-9_]){symbol}(?![A-Za-z0-9_])", f"Z{len(symbols) - place}q", renamed)
    other = read_spec(renamed.encode())
    if isinstance(spec, FeatureSpec) and isinstance(other, FeatureSpec):
        sources = [emit_feature(differentiated(item, item.family_claim)) for item in (spec, other)]
    else:
        assert isinstance(spec, LossSpec)
        assert isinstance(other, LossSpec)
        sources = [emit_loss(differentiated_loss(item)) for item in (spec, other)]
    assert sources[0] != sources[1]
    assert body(sources[0]) == body(sources[1])


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

    value = module.evaluate(U, SAMPLES, CONSTANTS, *TILES, g, np.ones(9), np.empty((0, 9)), fit, False, rows)
    return [
        module.forward(U, SAMPLES, CONSTANTS, *TILES),
        module.slopes(U, SAMPLES, CONSTANTS, *TILES, g),
        module.jacobian(U[:, 1:].copy(), SAMPLES, CONSTANTS, *TILES),
        *module.certificate(U[:, 1:].copy(), SAMPLES, CONSTANTS, *TILES, g),
        np.array(value),
        rows,
    ]


@pytest.fixture(scope="module")
def neutral(tmp_path_factory: pytest.TempPathFactory) -> list[np.ndarray]:
    spec = read_spec(BUMP.format(parameter="theta", input="x", constant="s").encode())
    return results(loaded(spec, tmp_path_factory.mktemp("neutral")))


@pytest.mark.parametrize("name", sorted(path.stem for path in SPECS.glob("*.toml")))
def test_the_catalogue_under_another_name_is_emitted_alike(pytestconfig: pytest.Config, name: str) -> None:
    text = (SPECS / f"{name}.toml").read_text(encoding="utf-8")
    source = derive_specs([read_spec(text.replace(f'name = "{name}"', 'name = "json"').encode())])["json.py"]
    committed_source = (pytestconfig.rootpath / "generated" / f"{name}.py").read_text(encoding="utf-8")
    assert body(source) == body(committed_source)
    told, known = (json.loads(ast.literal_eval(described(item))) for item in (source, committed_source))
    assert told | {"name": name, "spec_sha256": known["spec_sha256"]} == known


@pytest.mark.parametrize(("parameter", "sample", "constant"), HOSTILE)
def test_any_name_gives_the_same_numbers(
    neutral: list[np.ndarray], tmp_path: Path, parameter: str, sample: str, constant: str
) -> None:
    spec = read_spec(BUMP.format(parameter=parameter, input=sample, constant=constant).encode())
    for found, expected in zip(results(loaded(spec, tmp_path)), neutral, strict=True):
        np.testing.assert_array_equal(found, expected)  # bits: the same text of a kernel


@pytest.mark.parametrize("name", ["y_all", "omega", "g", "sample", "value", "slope", "k", "lambda", "v0", "Delta"])
def test_any_name_of_a_losss_constant(tmp_path: Path, name: str) -> None:
    text = HUBER.format(name=name)
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


def test_with_their_own_names_symbols_collide(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Mutant: symbols as they are declared. The comparison above sees it."""
    monkeypatch.setattr("conicflow.derive.emit.kernel.placed_feature", lambda derivation: derivation)
    spec = read_spec(BUMP.format(parameter="u", input="m", constant="k").encode())
    with pytest.raises((AssertionError, IndexError, TypeError, UnboundLocalError)):
        results(loaded(spec, tmp_path))


def test_keywords_are_read_where_they_stand_alone() -> None:
    spec = read_spec(BUMP.format(parameter="in", input="x", constant="lambda").encode())
    assert isinstance(spec, FeatureSpec)
    assert {symbol.name for symbol in spec.phi.free_symbols} == {"in", "x", "lambda"}
    assert keyword.iskeyword("lambda")
