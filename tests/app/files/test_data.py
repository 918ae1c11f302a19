"""References to data: what they read, what they refuse, and that settled numbers read back exactly."""

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conicflow.app.files import data as data_files
from conicflow.app.files.data import read_data
from conicflow.app.files.toml_tables import to_toml
from conicflow.engine.base import numpy_files
from conicflow.engine.base.errors import ProblemError
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

TABLE = "year, value,other\n1700,5,1\n1701,11,2.5\n\n1702,-1e3,-4\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one good file of each kind."""
    np.save(tmp_path / "y.npy", np.array([1, 2, 4], dtype=np.int16))
    np.savez(tmp_path / "data.npz", real=np.arange(6.0).reshape(3, 2), complex=np.array([1j, 2.0]))
    (tmp_path / "table.csv").write_text("\ufeff" + TABLE, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("y.npy", [1.0, 2.0, 4.0]),
        ("data.npz:real", [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]),
        ("data.npz:complex", [1j, 2.0]),
        ("table.csv:value", [5.0, 11.0, -1000.0]),
        ("table.csv:other, year", [[1.0, 1700.0], [2.5, 1701.0], [-4.0, 1702.0]]),
    ],
)
def test_reads_each_kind_of_file(folder: Path, reference: str, expected: list[Any]) -> None:
    used = read_data(reference, folder, "data").array
    assert used.dtype in (np.float64, np.complex128)
    np.testing.assert_array_equal(used, np.array(expected))  # bits: short decimals and integers are read, not computed


def test_mean_and_deviation_are_those_of_the_training_rows(folder: Path) -> None:
    reference = {"data": "data.npz:real", "subtract": "mean", "divide": "deviation", "append_one": True}
    data = read_data(reference, folder, "x", lambda rows: np.arange(rows)[:2])
    # Rows 0 and 1 of the first column are 0 and 2: mean 1, deviation 1; of the second 1 and 3: mean 2, deviation 1.
    # bits: small integers, whose sums and quotients here are exact
    np.testing.assert_array_equal(data.array, [[-1.0, -1.0, 1.0], [1.0, 1.0, 1.0], [3.0, 3.0, 1.0]])


def test_numbers_may_be_subtracted_and_divided_by(folder: Path) -> None:
    data = read_data({"data": "y.npy", "subtract": 1, "divide": 2.0}, folder, "y")
    # bits: halves of small integers, and the way back, are exact
    np.testing.assert_array_equal(data.array, [0.0, 0.5, 1.5])
    np.testing.assert_array_equal(data.in_units(data.array), data.values)


finite = st.floats(-1e6, 1e6)


@given(
    values=arrays(np.float64, st.tuples(st.integers(1, 5), st.integers(1, 3)), elements=finite),
    subtract=st.sampled_from(["mean", 0, 0.1]),
    divide=st.sampled_from([1, 0.3, -7.0]),
    append_one=st.booleans(),
)
def test_a_settled_reference_reads_back_the_same_bits(
    tmp_path_factory: pytest.TempPathFactory, values: Any, subtract: Any, divide: Any, append_one: bool
) -> None:
    """TOML floats are written with 17 digits, and the affine map is the same IEEE operations again: no tolerance."""
    # bits: one subtraction and one division for each number; no sum
    folder = tmp_path_factory.mktemp("settled")
    np.save(folder / "x.npy", values)
    reference = {"data": "x.npy", "subtract": subtract, "divide": divide, "append_one": append_one}
    data = read_data(reference, folder, "x")
    settled = tomllib.loads(to_toml({"x": data.reference("x.npy")}))["x"]
    np.testing.assert_array_equal(read_data(settled, folder, "x").array, data.array)


def _write_bad_files(folder: Path) -> None:
    np.save(folder / "nan.npy", np.array([0.0, np.nan]))
    np.save(folder / "inf.npy", np.array([[0.0, 1.0], [-np.inf, 1.0]]))
    np.save(folder / "empty.npy", np.zeros(0))
    np.save(folder / "cube.npy", np.zeros((2, 2, 2, 2)))
    np.save(folder / "scalar.npy", np.float64(3.0))
    np.save(folder / "text.npy", np.array(["a", "b"]))
    np.save(folder / "object.npy", np.array([1, None], dtype=object), allow_pickle=True)
    np.save(folder / "constant.npy", np.full((3, 2), 0.1))
    np.save(folder / "huge.npy", np.array([1e308, -1e308]))
    (folder / "broken.npy").write_bytes(b"\x93NUMPY\x01\x00 nonsense")
    (folder / "broken.npz").write_bytes(b"PK\x03\x04 nonsense")
    (folder / "single.npz").write_bytes((folder / "nan.npy").read_bytes())
    (folder / "archive.npy").write_bytes((folder / "data.npz").read_bytes())
    (folder / "ragged.csv").write_text("a,b\n1,2\n3\n")
    (folder / "words.csv").write_text("a,b\n1,2\n3,four\n")
    (folder / "underscore.csv").write_text("a\n1_000\n")
    (folder / "nan.csv").write_text("a\n1\nnan\n")
    (folder / "header.csv").write_text("a,b\n")
    (folder / "nothing.csv").write_text("")
    (folder / "twice.csv").write_text("a,a\n1,2\n")
    (folder / "latin.csv").write_bytes("größe\n1\n".encode("latin-1"))
    (folder / "quote.csv").write_text('a\n"1\n')
    (folder / "folder.npy").mkdir()


BAD = {
    "not a reference": (3, ["must refer to a file", "3", "y.npy"]),
    "no selector": ("table.csv", ["must refer to a file", "'table.csv'", "table.csv:column"]),
    "unknown kind": ("y.txt", ["must refer to a file", "'y.txt'"]),
    "empty column name": ("table.csv:value,", ["must refer to a file"]),
    "table without data": ({"subtract": "mean"}, ["must refer to a file"]),
    "unknown key": ({"data": "y.npy", "scale": 2}, ["append_one", "'scale'", "remove it"]),
    "missing file": ("none.npy", ["must be a file", "found none", "relative to the problem file"]),
    "a folder": ("folder.npy", ["must be a file", "the folder"]),
    "missing key": ("data.npz:imaginary", ["'imaginary'", "real, complex"]),
    "missing column": ("table.csv:values", ["0 columns named 'values'", "year, value, other"]),
    "column named twice": ("twice.csv:a", ["2 columns named 'a'"]),
    "no header": ("nothing.csv:a", ["0 columns", "none"]),
    "no rows": ("header.csv:a", ["at least one number"]),
    "ragged": ("ragged.csv:a", ["2 cells on each line", "got 1 on line 3"]),
    "a word": ("words.csv:a,b", ["line 3", "'four'", "correct the cell"]),
    "underscore": ("underscore.csv:a", ["line 2", "'1_000'"]),
    "NaN in a table": ("nan.csv:a", ["line 3", "finite", "'nan'"]),
    "not UTF-8": ("latin.csv:a", ["readable .csv", "utf-8"]),
    "open quote": ("quote.csv:a", ["readable .csv"]),
    "NaN": ("nan.npy", ["finite", "nan in row 1"]),
    "infinity": ("inf.npy", ["finite", "-inf in row 1, column 0"]),
    "empty": ("empty.npy", ["at least one number", "(0,)"]),
    "four axes": ("cube.npy", ["one, two or three axes", "(2, 2, 2, 2)"]),
    "a scalar": ("scalar.npy", ["one, two or three axes", "()"]),
    "text": ("text.npy", ["numbers", "<U1", "float64"]),
    "objects": ("object.npy", ["readable .npy"]),
    "damaged array": ("broken.npy", ["readable .npy"]),
    "damaged archive": ("broken.npz:a", ["readable .npz"]),
    "array named as archive": ("single.npz:a", ["archive", ".npy"]),
    "archive named as array": ("archive.npy", ["one array", ".npz"]),
    "constant column": ({"data": "constant.npy", "divide": "deviation"}, ["vary", "column 1", "leave it out"]),
    "word for a number": ({"data": "y.npy", "subtract": "median"}, ["'mean'", "'median'"]),
    "bool for a number": ({"data": "y.npy", "divide": True}, ["'deviation'", "True"]),
    "zero divisor": ({"data": "y.npy", "divide": 0}, ["not 0", "0"]),
    "NaN to subtract": ({"data": "y.npy", "subtract": float("nan")}, ["finite", "nan"]),
    "integer beyond floats": ({"data": "y.npy", "subtract": 10**400}, ["finite", "correct it"]),
    "numbers for other columns": (
        {"data": "data.npz:real", "subtract": [1.0]},
        ["one number for each column", "[1.0]"],
    ),
    "complex deviation": ({"data": "data.npz:complex", "divide": "deviation"}, ["real numbers", "complex"]),
    "overflow": ({"data": "huge.npy", "divide": 0.1}, ["overflow", "rescale"]),
    "append_one of another type": ({"data": "y.npy", "append_one": 1}, ["true or false", "1"]),
}


@pytest.mark.parametrize(("reference", "words"), BAD.values(), ids=BAD.keys())
def test_bad_data_is_refused_with_rule_value_and_remedy(folder: Path, reference: Any, words: list[str]) -> None:
    _write_bad_files(folder)
    with pytest.raises(ProblemError) as caught:
        read_data(reference, folder, "[loss] data")
    message = str(caught.value)
    assert message.startswith("[loss] data")
    assert message.count("; ") == 2  # rule; got value; remedy
    for word in words:
        assert word in message


@pytest.mark.parametrize("reference", ["y.npy", "data.npz:real", "table.csv:value"])
def test_files_too_large_are_refused_before_they_are_read(
    folder: Path, reference: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_files, "MOST_BYTES", 10)
    with pytest.raises(ProblemError, match="at most 10 bytes"):
        read_data(reference, folder, "data")


def test_an_array_that_unpacks_to_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez_compressed(tmp_path / "bomb.npz", a=np.zeros(10_000))
    monkeypatch.setattr(numpy_files, "MOST_BYTES", 10_000)
    assert (tmp_path / "bomb.npz").stat().st_size < 10_000
    with pytest.raises(ProblemError, match="80000 bytes unpacked, of at most 10000"):
        read_data("bomb.npz:a", tmp_path, "data")
