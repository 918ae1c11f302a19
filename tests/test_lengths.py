"""Files can be read in one sitting: a long one says why, and no function is long."""

import ast

import pytest

FOLDERS = ("derive", "engine", "proofs_check", "app")
MOST_LINES, MOST_IN_A_FUNCTION = 300, 60


def long_functions(source: str) -> list[str]:
    """Functions of more lines than `MOST_IN_A_FUNCTION`, their docstrings aside."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            if body and (node.end_lineno or 0) - body[0].lineno + 1 > MOST_IN_A_FUNCTION:
                found.append(node.name)
    return found


@pytest.fixture(scope="module")
def product(pytestconfig: pytest.Config) -> dict[str, str]:
    """Every Python file of the product, by its path."""
    root = pytestconfig.rootpath
    paths = [path for folder in FOLDERS for path in sorted((root / folder).rglob("*.py"))]
    return {path.relative_to(root).as_posix(): path.read_text(encoding="utf-8") for path in paths}


def test_a_long_file_says_why(product: dict[str, str]) -> None:
    long = [path for path, text in product.items() if len(text.splitlines()) > MOST_LINES]
    assert [path for path in long if f"\n# Over {MOST_LINES} lines: " not in product[path]] == []


def test_no_function_is_long(product: dict[str, str]) -> None:
    found = {path: long_functions(text) for path, text in product.items()}
    assert {path: names for path, names in found.items() if names} == {}


def test_a_long_function_is_seen() -> None:
    body = "\n".join(["    x = 1"] * (MOST_IN_A_FUNCTION + 1))
    assert long_functions(f"def f():\n{body}") == ["f"]
    assert long_functions(f'def f():\n    """Told."""\n{body[10:]}') == []


def test_the_median_file_is_short(product: dict[str, str]) -> None:
    """The typical file holds one idea: half of them are no longer than 130 lines."""
    lengths = sorted(len(text.splitlines()) for text in product.values())
    assert lengths[len(lengths) // 2] <= 130
