"""NumPy's files: what can be read is read as `numpy.load` does, all else is told in some words."""

import contextlib
import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conicflow.engine.base import numpy_files
from conicflow.engine.base.numpy_files import Unreadable, open_npz, read_npy
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

DTYPES = ["<f8", ">f8", "<f4", "<f2", "<i8", ">i2", "|u1", "|b1", "<c16", "<U3"]
NUMBERS = np.arange(6.0).reshape(2, 3)


def content(values: Any, **options: Any) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.asanyarray(values), **options)
    return stream.getvalue()


def archive(**members: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as made:
        for name, bytes_ in members.items():
            made.writestr(f"{name}.npy", bytes_)
    return stream.getvalue()


def read_member(path: Path) -> Any:
    with open_npz(path) as found:
        return found.read("a")


@given(
    st.sampled_from(DTYPES).flatmap(lambda dtype: arrays(dtype, array_shapes(min_dims=0, min_side=0))), st.booleans()
)
def test_reads_what_numpy_writes(tmp_path_factory: pytest.TempPathFactory, values: Any, by_columns: bool) -> None:
    folder = tmp_path_factory.mktemp("files")
    given = np.asfortranarray(values) if by_columns and values.ndim else values
    np.save(folder / "a.npy", given)
    np.savez_compressed(folder / "c.npz", a=given)
    np.savez(folder / "s.npz", a=given)
    for read in (read_npy(folder / "a.npy"), read_member(folder / "c.npz"), read_member(folder / "s.npz")):
        assert (read.dtype, read.shape) == (values.dtype, values.shape)
        np.testing.assert_array_equal(read, values)  # bits: bytes are copied


def header(text: str) -> bytes:
    line = text.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(line).to_bytes(2, "little") + line + bytes(48)


def shaped(shape: str) -> bytes:
    return header(f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}}}")


def flipped(mark: bytes, place: int) -> bytes:
    bytes_ = bytearray(archive(a=content(np.random.RandomState(0).standard_normal(100))))
    bytes_[bytes_.find(mark) + place] ^= 0x55
    return bytes(bytes_)


def with_method(method: int) -> bytes:
    bytes_ = bytearray(archive(a=content(NUMBERS)))
    for mark, place in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        bytes_[bytes_.find(mark) + place] = method
    return bytes(bytes_)


def encrypted() -> bytes:
    bytes_ = bytearray(archive(a=content(NUMBERS)))
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        bytes_[bytes_.find(mark) + place] |= 1
    return bytes(bytes_)


def twice() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as made:
        made.writestr("a.npy", content(NUMBERS))
        with pytest.warns(UserWarning, match="Duplicate"):
            made.writestr("a.npy", content(-NUMBERS))
    return stream.getvalue()


BAD: dict[str, tuple[bytes | Callable[[], bytes], str]] = {
    "nothing": (b"", "does not begin as NumPy's"),
    "text": (b"1,2,3\n", "does not begin as NumPy's"),
    "cut in the header": (content(NUMBERS)[:40], "damaged header"),
    "cut in the data": (content(NUMBERS)[:-1], "ends before the 48 bytes"),
    "a later version": (b"\x93NUMPY\x09\x00" + content(NUMBERS)[8:], "format version 9.0"),
    "version 3": (b"\x93NUMPY\x03\x00" + content(NUMBERS)[8:], "format version 3.0"),
    "objects": (content(np.array([None]), allow_pickle=True), "array of object"),
    "records": (content(np.zeros(2, dtype=[("x", "f8")])), "not of numbers"),
    "a giant": (shaped("(10**9, 10**9)"), "damaged header"),
    "a large one": (shaped("(1000000000, 1000000000)"), "bytes unpacked, of at most"),
    "larger than its file": (shaped("(1000000,)"), "ends before the 8000000 bytes"),
    "negative": (shaped("(-1,)"), "shape"),
    "no literal": (header("__import__('os').getcwd()"), "damaged header"),
    "an open bracket": (header("{'descr': ("), "damaged header"),
    "deep brackets": (header("(" * 110), "damaged header"),
    "no dtype": (header("{'descr': '<q9', 'fortran_order': False, 'shape': (2,)}"), "damaged header"),
    "empty dtype": (header("{'descr': '|S0', 'fortran_order': False, 'shape': (2,)}"), "dtype"),
}
BAD_ARCHIVES: dict[str, tuple[bytes | Callable[[], bytes], str]] = {
    "nothing": (b"", "damaged archive"),
    "no archive": (b"PK\x03\x04 nonsense", "damaged archive"),
    "cut": (archive(a=content(NUMBERS))[:-10], "damaged archive"),
    "another checksum": (lambda: flipped(b"PK\x01\x02", 16), "damaged archive"),
    "another stream": (lambda: flipped(b"PK\x03\x04", 300), "damaged archive"),
    "encrypted": (encrypted, "encrypted"),
    "compressed strangely": (lambda: with_method(97), "compressed in a way"),
    "compressed by lzma": (lambda: with_method(14), "compressed in a way"),
    "a name twice": (twice, "'a.npy' is twice"),
    **{
        name: (archive(a=bytes_) if isinstance(bytes_, bytes) else bytes_, words)
        for name, (bytes_, words) in BAD.items()
        if name not in ("nothing",)
    },
}


@pytest.mark.parametrize("name", BAD)
def test_a_damaged_array_is_told(tmp_path: Path, name: str) -> None:
    bytes_, words = BAD[name]
    (tmp_path / "a.npy").write_bytes(bytes_ if isinstance(bytes_, bytes) else bytes_())
    with pytest.raises(Unreadable, match=words) as error:
        read_npy(tmp_path / "a.npy")
    assert len(str(error.value)) < 160
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", BAD_ARCHIVES)
def test_a_damaged_archive_is_told(tmp_path: Path, name: str) -> None:
    bytes_, words = BAD_ARCHIVES[name]
    (tmp_path / "a.npz").write_bytes(bytes_ if isinstance(bytes_, bytes) else bytes_())
    with pytest.raises(Unreadable, match=words):
        read_member(tmp_path / "a.npz")


def test_files_of_python_2_are_read_without_a_warning(tmp_path: Path) -> None:
    old = header("{'descr': '<f8', 'fortran_order': False, 'shape': (2L, 3L)}").replace(b"\x00" * 48, NUMBERS.tobytes())
    (tmp_path / "a.npy").write_bytes(old)
    np.testing.assert_array_equal(read_npy(tmp_path / "a.npy"), NUMBERS)  # bits: bytes are copied
    with pytest.warns(UserWarning, match="Python 2"):
        np.load(tmp_path / "a.npy")


def test_a_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez_compressed(tmp_path / "bomb.npz", a=np.zeros(10**6), b=np.zeros(3))
    monkeypatch.setattr(numpy_files, "MOST_BYTES", 10**5)
    monkeypatch.setattr(np, "frombuffer", None)
    with pytest.raises(Unreadable, match="8000000 bytes unpacked, of at most 100000"):
        read_member(tmp_path / "bomb.npz")


@given(st.data())
def test_whatever_is_done_to_a_file_is_read_or_told(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("files")
    bytes_ = bytearray(data.draw(st.sampled_from([content(NUMBERS), archive(a=content(NUMBERS), b=content(3))])))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(bytes_) - 1))
        bytes_[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
        bytes_ = bytes_ or bytearray(b"x")
    (folder / "a").write_bytes(bytes_)
    for read in (read_npy, read_member):
        with contextlib.suppress(Unreadable, KeyError):
            assert read(folder / "a").dtype.kind in "biufcUSVmM"
