"""NumPy's files, read as arrays of numbers or text and nothing else: no pickles, no warnings, no more bytes than are allowed.

`numpy.load` warns of files of Python 2, raises a dozen kinds of exceptions of damaged ones, and unpacks whatever an archive
asks for; so headers are looked at here before any data are read.
"""

from __future__ import annotations

import math
import os
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

MOST_BYTES = 2**30
_HEADER_BYTES = 2**16  # more than any array of numbers needs
_READERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


class Unreadable(Exception):
    """Why a file holds no array that can be read, in some words."""


def read_npy(path: Path) -> NDArray[Any]:
    """The array of a ``.npy`` file.

    Raises
    ------
    Unreadable : it is damaged, of a foreign version, holds objects, or is larger than `MOST_BYTES`.
    OSError : the system cannot read it.
    """
    with path.open("rb") as stream:
        return _read(stream, os.fstat(stream.fileno()).st_size)


class Archive:
    """The arrays of an ``.npz`` file; `names` lists them."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        members = [member.filename for member in archive.infolist()]
        self.names = tuple(name.removesuffix(".npy") for name in members if name.endswith(".npy"))
        twice = next((name for name in members if members.count(name) > 1), None) if len(members) < 10**4 else "…"
        if twice is not None:
            raise Unreadable(f"an archive in which {twice[:40]!r} is twice")

    def read(self, name: str) -> NDArray[Any]:
        """One of them.

        Raises
        ------
        Unreadable : as of `read_npy`; or it is encrypted, or compressed in a way that NumPy does not use.
        """
        member = self._archive.getinfo(f"{name}.npy")
        if member.flag_bits & 1:
            raise Unreadable("an encrypted archive")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise Unreadable("an archive compressed in a way that NumPy does not use")
        with _damage(), self._archive.open(member) as stream:
            return _read(stream, member.file_size)  # zipfile compares the checksum at the end of the member


@contextmanager
def open_npz(path: Path) -> Iterator[Archive]:
    """An ``.npz`` file, open.

    Raises
    ------
    Unreadable : it is no archive. OSError : the system cannot read it.
    """
    with path.open("rb") as stream:
        with _damage():
            archive = zipfile.ZipFile(stream)
        with archive:
            yield Archive(archive)


@contextmanager
def _damage() -> Iterator[None]:
    """What zipfile and zlib raise of damaged archives."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, RuntimeError, LookupError, OSError) as error:
        raise Unreadable(f"a damaged archive ({str(error)[:60] or type(error).__name__})") from None


def _read(stream: IO[bytes], size: int) -> NDArray[Any]:
    """The array that begins a stream of this many bytes."""
    shape, by_columns, dtype = _header(stream)
    wanted = math.prod(shape) * dtype.itemsize
    if wanted > MOST_BYTES:
        raise Unreadable(f"{wanted} bytes unpacked, of at most {MOST_BYTES}")
    if size < wanted or len(content := stream.read(wanted)) < wanted:
        raise Unreadable(f"a file that ends before the {wanted} bytes of its array of shape {str(shape)[:40]}")
    flat = np.frombuffer(content, dtype=dtype)
    return flat.reshape(shape[::-1]).T if by_columns else flat.reshape(shape)


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, whether in Fortran's order, and dtype."""
    start = stream.read(8)
    if start[:6] != npy.MAGIC_PREFIX or len(start) < 8:
        raise Unreadable("a file that does not begin as NumPy's do")
    version = (start[6], start[7])
    if version not in _READERS:
        raise Unreadable(f"format version {version[0]}.{version[1]}, of 1.0 and 2.0")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of files of Python 2, and of dtypes that are no longer spelled so
            shape, by_columns, dtype = _READERS[version](stream, max_header_size=_HEADER_BYTES)
    except Exception as error:  # NumPy parses the header as Python's text: whatever that raises is of the file
        raise Unreadable(f"a damaged header ({str(error).splitlines()[0][:60] if str(error) else ''})") from None
    if dtype.hasobject or dtype.names is not None or dtype.subdtype is not None:
        raise Unreadable(f"an array of {str(dtype)[:40]}, not of numbers")
    if dtype.itemsize == 0 or any(length < 0 for length in shape):
        raise Unreadable(f"an array of shape {str(shape)[:40]} and dtype {str(dtype)[:40]}")
    return shape, by_columns, dtype
