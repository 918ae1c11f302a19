"""From kernel source to a shared object: Pythran, then the C++ compiler, as when the package's own kernels were built."""

from __future__ import annotations

import hashlib
import importlib.machinery
import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..base.errors import KernelError
from .loading import built_for, processor_features

RELEASE = ("-O3", "-DNDEBUG", "-std=c++17", "-fopenmp", "-fPIC", "-fvisibility=hidden", "-shared")  # what Meson adds
HEARD = ("CPATH", "C_INCLUDE_PATH", "CPLUS_INCLUDE_PATH", "LIBRARY_PATH", "GCC_EXEC_PREFIX", "COMPILER_PATH")
_HEADERS = Path(__file__).parent / "include"


@dataclass(frozen=True)
class Toolchain:
    """What compiles a kernel here.

    Parameters
    ----------
    compiler : the C++ compiler's path, and the arguments that CXX gives it.
    arguments : of every compilation.
    pythran : arguments of Pythran, before it.
    identity : everything that decides the binary, but for the source and the compiler's version. The compiler counts by
        path, size and time, which change with its version: asking it would take longer than loading a kernel.
    """

    compiler: tuple[str, ...]
    arguments: tuple[str, ...]
    pythran: tuple[str, ...]
    identity: Mapping[str, Any]

    def version(self) -> str:
        """What the compiler says of itself."""
        try:
            return self._run([*self.compiler, "--version"], Path.cwd())
        except _Failed as failed:
            raise KernelError(str(failed)) from None

    def build(self, source: str, name: str, folder: Path) -> None:
        """Write `kernel.py`, the source, and `kernel.so`, the module `name` compiled from it, into a folder.

        Raises
        ------
        KernelError : with the first error; what the tools said is kept in `NAME.log`, in the parent folder.
        """
        python, cpp = folder / f"{name}.py", folder / f"{name}.cpp"
        python.write_bytes(source.encode())
        steps = [
            # -P: a spec may be called like a module that Pythran imports
            [sys.executable, "-P", "-m", "pythran.run", *self.pythran, "-E", str(python), "-o", str(cpp)],
            [*self.compiler, *self.arguments, str(cpp), "-o", str(folder / "kernel.so")],
        ]
        said = ""
        for step in steps:
            try:
                said += self._run(step, folder)
            except _Failed as failed:
                log = folder.parent / f"{name}.log"
                log.write_text(f"{said}{failed}", encoding="utf-8")
                raise KernelError(
                    f"a derived kernel must compile; {name} does not: {_first_error(str(failed))}; all that was said is in {log}"
                ) from None
        cpp.unlink()
        python.rename(folder / "kernel.py")

    @staticmethod
    def _run(command: list[str], folder: Path) -> str:
        """Output of a command; raised with it if the command fails."""
        # No ~/.pythranrc: what is in it would not count in `identity`.
        environment = {**os.environ, "PYTHRANRC": "", "LC_ALL": "C"}
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )
        if done.returncode:
            raise _Failed(f"{shlex.join(command)}\n{done.stdout}")
        return done.stdout


class _Failed(Exception):
    """A command that failed, with all that it said; errors of ours are one line."""


def _first_error(said: str) -> str:
    lines = [line.strip() for line in said.splitlines()[1:] if line.strip()]
    return next((line for line in lines if "error" in line.lower()), (lines or ["no reason given"])[-1])[:300]


def find_toolchain() -> Toolchain:
    """Pythran, the C++ compiler and the arguments of this installation.

    Raises
    ------
    KernelError : one of them is missing, with what to install.
    """
    pythran = importlib.util.find_spec("pythran")
    if pythran is None or pythran.origin is None:
        raise KernelError(
            "compiling a spec of one's own needs Pythran; it is not installed; run: pip install 'conicflow[derive]'"
        )
    words = shlex.split(os.environ.get("CXX", "")) or ["g++"]
    found = shutil.which(words[0])
    if found is None:
        raise KernelError(
            f"compiling a spec of one's own needs a C++ compiler; {words[0]} is not on the PATH; "
            "install g++ (Debian and Ubuntu: apt install g++), or name another compiler in CXX"
        )
    python = Path(sysconfig.get_path("include"))
    if not (python / "Python.h").is_file():
        raise KernelError(
            f"compiling a spec of one's own needs Python's headers; {python} has no Python.h; "
            "install them (Debian and Ubuntu: apt install python3-dev)"
        )
    package = Path(pythran.origin).parent
    headers = [f"-I{folder}" for folder in (package, _HEADERS, np.get_include(), python)]
    compiler, file = (found, *words[1:]), os.stat(found)
    build = built_for()
    arguments = (*build.arguments, *RELEASE, *headers)
    identity = {
        "python": [sys.version, importlib.machinery.EXTENSION_SUFFIXES[0]],
        "numpy": np.__version__,
        "pythran": [_digest(package / "version.py"), *build.pythran],
        "compiler": [*compiler, os.path.realpath(found), file.st_size, file.st_mtime_ns],
        "variables": {name: os.environ[name] for name in HEARD if name in os.environ},
        "arguments": arguments,
        "blas header": _digest(_HEADERS / "cblas.h"),
        "processor": sorted(feature for feature, present in processor_features().items() if present),
    }
    return Toolchain(compiler, arguments, tuple(build.pythran), identity)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
