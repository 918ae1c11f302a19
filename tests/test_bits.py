"""The rule of comparisons of bits: whoever makes one says why the bits must agree.

They must where the same operations run on the same shapes, and where nothing is computed; elsewhere BLAS and compilers are
free to add in another order, and the bound of the rounding takes the place of the bits (`support/rounding.py`).
"""

import ast
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rounding import of_relu_sums

COMPARE = {"array_equal", "assert_array_equal", "tobytes"}
SAID = "# bits: "


def unexplained(source: str) -> list[int]:
    """Lines of comparisons of bits in functions that hold no comment `# bits: <why they must agree>`."""
    lines, found = source.splitlines(), []
    for function in ast.walk(ast.parse(source)):
        if isinstance(function, ast.FunctionDef):
            said = any(SAID in line for line in lines[function.lineno - 1 : function.end_lineno])
            calls = (node for node in ast.walk(function) if isinstance(node, ast.Call))
            names = ((call.lineno, getattr(call.func, "attr", "")) for call in calls)
            found += [line for line, name in names if name in COMPARE and not said]
    return sorted(set(found))


def test_every_comparison_of_bits_says_why(pytestconfig: pytest.Config) -> None:
    paths = [path for path in sorted((pytestconfig.rootpath / "tests").rglob("*.py")) if path != Path(__file__)]
    found = {path.as_posix(): unexplained(path.read_text(encoding="utf-8")) for path in paths}
    assert {name: lines for name, lines in found.items() if lines} == {}
    assert len(found) > 50  # the walk found the tests


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        ("assert np.array_equal(a, b)", [2]),
        ("np.testing.assert_array_equal(a, b)", [2]),
        ("return [part.tobytes() for part in parts]", [2]),
        ("assert np.array_equal(a, b)  # bits: the same call", []),
        ("np.testing.assert_allclose(a, b)", []),
    ],
)
def test_that_rule_can_be_broken(body: str, lines: list[int]) -> None:
    assert unexplained(f"def test():\n    {body}\n") == lines


@given(seed=st.integers(0, 10_000), d=st.integers(1, 8), n=st.integers(1, 60))
def test_sums_in_another_order_keep_within_the_bound_and_single_precision_does_not(seed: int, d: int, n: int) -> None:
    random = np.random.default_rng(seed)
    g, v, x = random.standard_normal(n), random.standard_normal((3, d)), random.standard_normal((n, d))

    def eta(samples: np.ndarray, axes: np.ndarray, precision: type = np.float64) -> np.ndarray:
        found = np.zeros(3, dtype=precision)
        for j in samples:
            z = np.zeros(3, dtype=precision)
            for a in axes:
                z += v[:, a].astype(precision) * precision(x[j, a])
            found += precision(g[j]) * np.maximum(z, 0)
        return found

    one, bound = eta(np.arange(n), np.arange(d)), of_relu_sums(g, v, x)
    assert np.all(np.abs(one - eta(random.permutation(n), random.permutation(d))) <= bound)
    single = eta(np.arange(n), np.arange(d), np.float32)
    assert np.any(np.abs(one - single) > bound) or np.all(one == 0)
