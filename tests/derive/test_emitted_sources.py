"""A transcendental function is evaluated once per particle and sample, whatever is computed from it."""

import ast
from collections import Counter
from pathlib import Path

import pytest
import sympy
from conicflow.derive.emit import loops as emit_loops
from conicflow.derive.emit import pointwise as emit_pointwise
from conicflow.derive.emit.printer import shared_lines
from conicflow.derive.prove.derivation import derive_feature
from conicflow.derive.read.spec import load_spec

COSTLY = {"exp", "expm1", "log", "log1p", "sin", "cos", "tan", "tanh", "sinh", "cosh", "arctan"}
FUNCTIONS = ("forward", "slopes", "jacobian", "certificate")
ROWS = ("value_rows", "slope_rows", "curvature_rows")  # of a ridge unit's activation
ONE_EXPONENTIAL = (
    "gaussian",
    "gaussian_2d",
    "gaussian_2d_width",
    "gaussian_3d",
    "gaussian_3d_width",
    "gaussian_density",
    "gaussian_width",
    "laplace",
)
# np.* calls in each function of a kernel. On the torus: one pair for the ratio of each axis, one for each fresh start.
TORUS = {
    "harmonics": {"cos": 2, "sin": 2},
    **{
        name: {}
        for name in ("forward", "moments", "slopes", "certificate", "fold", "derivative", "polynomials", "product")
    },
    "jacobian": {"cos": 1, "sin": 1},
}
EXPECTED = {
    **{name: {function: {"exp": 1} for function in FUNCTIONS} for name in ONE_EXPONENTIAL},
    "pixel_gaussian": {
        function: {"exp": 4} for function in FUNCTIONS
    },  # two pixel edges along each axis, shared with erf
    "lorentzian": {function: {} for function in FUNCTIONS},
    "sinc": {"forward": {"sin": 1}, **{function: {"cos": 1, "sin": 1} for function in FUNCTIONS[1:]}},
    "damped_lines": {
        "forward": {"cos": 1, "exp": 1},
        **{function: {"cos": 1, "exp": 1, "sin": 1} for function in FUNCTIONS[1:]},
    },
    "line_spectrum": {
        "forward": {"cos": 1},
        **{name: {"cos": 1, "sin": 1} for name in ("slopes", "jacobian", "certificate")},
    },
    "_ridge": {name: {} for name in FUNCTIONS},
    "_torus": TORUS,
    "relu": {name: {} for name in ROWS},
    "cosine": {"value_rows": {"cos": 1}, "slope_rows": {"cos": 1, "sin": 1}, "curvature_rows": {"cos": 1, "sin": 1}},
    **{name: {function: {"exp": 1} for function in ROWS} for name in ("erf", "gelu", "sigmoid")},
    "softplus": {  # log1p(exp(-|z|)), and its slope 1/(1 + exp(-z))
        "value_rows": {"exp": 1, "log1p": 1},
        **{function: {"exp": 2, "log1p": 1} for function in ROWS[1:]},
    },
    "tanh": {function: {"tanh": 1} for function in ROWS},
}


def costly_calls(source: str) -> dict[str, dict[str, int]]:
    """How often each function of a module writes np.exp(...) and the like."""
    counts = {}
    for function in ast.parse(source).body:
        if isinstance(function, ast.FunctionDef):
            calls = [node.func for node in ast.walk(function) if isinstance(node, ast.Call)]
            names = [call.attr for call in calls if isinstance(call, ast.Attribute)]
            counts[function.name] = dict(Counter(name for name in names if name in COSTLY))
    return counts


@pytest.mark.parametrize("name", EXPECTED)
def test_one_evaluation_per_pair(pytestconfig: pytest.Config, name: str) -> None:
    counts = costly_calls((pytestconfig.rootpath / "generated" / f"{name}.py").read_text(encoding="utf-8"))
    assert {function: counts[function] for function in EXPECTED[name]} == EXPECTED[name]


def test_without_sharing_there_are_three(pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """Mutant: expressions printed as they were differentiated. The count sees it."""

    def unshared(expressions, renamed):  # type: ignore[no-untyped-def]
        names = {symbol: sympy.Symbol(name, **symbol.assumptions0) for symbol, name in renamed}
        return [], [expression.xreplace(names) for expression in expressions]

    assert emit_loops.shared_lines is shared_lines
    monkeypatch.setattr(emit_loops, "shared_lines", unshared)
    derivation = derive_feature(load_spec(Path(pytestconfig.rootpath, "derive", "specs", "gaussian.toml")))
    counts = costly_calls(emit_pointwise.pointwise_body(derivation))
    assert counts["slopes"] == {"exp": 2}
    assert counts["certificate"]["exp"] >= 3
