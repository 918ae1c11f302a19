"""A user's own feature map: derived, compiled into the user's cache, and then equal in every right to a built-in one."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .cache import Cache, digest
from .errors import SpecError
from .features import FeatureFactory
from .kernels import built_for, kernel_names
from .search import Progress
from .toolchain import Toolchain, find_toolchain

if TYPE_CHECKING:
    import sympy

MAX_BYTES = 2**17  # more than any spec has; derive names the limit


@dataclass(frozen=True)
class Spec:
    """A spec as the bytes of its TOML text, and where that came from. From SymPy objects: `conicflow.spec(...)`."""

    content: bytes
    origin: str

    @property
    def text(self) -> str:
        """What to write into a file to keep it."""
        return self.content.decode()


def spec(
    name: str,
    phi: sympy.Expr,
    parameters: Mapping[Any, str],
    inputs: Mapping[Any, str],
    constants: Mapping[Any, Mapping[str, Any]] | None = None,
    **texts: str,
) -> Spec:
    """A feature map from SymPy objects, for `compile_spec`.

    Parameters
    ----------
    name : of the feature map: small letters, digits and underscores.
    phi : SymPy expression of the symbols below, in the functions that a spec file may use.
    parameters : domain by symbol, such as {theta: "interval"}.
    inputs : description by symbol, such as {x: "time"}.
    constants : {sigma: {"positive": True}}, for numbers fixed when the feature map is built.
    **texts : kind, family, title and reference, as in a spec file.

    Raises
    ------
    SpecError : phi contains something that a spec cannot. All else is checked by `compile_spec`.
    """
    from conicflow.derive.spec_text import spec_text

    tables = {"parameters": parameters, "inputs": inputs, "constants": constants or {}}
    origin = f"the spec {name}"
    with _told_as_ours(origin):
        return Spec(spec_text({"name": name, **texts}, phi, tables).encode(), origin)


def compile_spec(source: str | Path | Spec, progress: Progress | None = None) -> FeatureFactory:
    """The feature map of a spec of one's own, as a function of its arguments, like `features.NAME`.

    The first use derives and compiles it, which takes about 20 s; then it is loaded from the kernel cache.

    Parameters
    ----------
    source : path of a spec file, or what `spec` returns.
    progress : told the phase, the fraction done and a message, when there is something to compile.

    Raises
    ------
    SpecError : the spec cannot be read, or a claim that it makes does not hold.
    KernelError : a tool is missing, the kernel does not compile, or the cache is not the user's alone to write.
    """
    read = source if isinstance(source, Spec) else read_spec_file(source)
    tools, cache = find_toolchain(), Cache()
    request = request_key(read, tools)
    module = cache.find(request)
    if module is None:
        report = progress or (lambda phase, fraction, message: None)
        report("derive", 0.0, "")
        with _told_as_ours(read.origin):
            name, kernel_source = _derive(read.content)
        version = tools.version()
        key = entry_key(kernel_source, version, tools)
        facts = {"name": name, "cpu": built_for().cpu, "python": platform.python_version(), "compiler": version}

        def build(folder: Path) -> dict[str, str]:
            report("compile", 0.2, f"{name}: once, about 20 s")
            tools.build(kernel_source, name, folder)
            return facts

        module = cache.load(key) or cache.obtain(key, build)
        cache.remember(request, key)
    return FeatureFactory(module, json.loads(module.DESCRIPTION))


def request_key(read: Spec, tools: Toolchain) -> str:
    """SHA-256 of all that decides the binary, as far as it can be told without deriving and without asking the compiler."""
    return digest([hashlib.sha256(read.content).hexdigest(), _derivation_identity(), tools.identity])


def entry_key(kernel_source: str, version: str, tools: Toolchain) -> str:
    """SHA-256 of all that decides the binary: kernel source, compiler's version, and `Toolchain.identity`."""
    return digest([kernel_source, version, tools.identity])


def read_spec_file(path: str | Path) -> Spec:
    """The bytes of a spec file, and its name.

    Raises
    ------
    SpecError : it cannot be read. What it says is checked by `compile_spec`.
    """
    try:
        with Path(path).open("rb") as stream:
            return Spec(stream.read(MAX_BYTES), str(path))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise SpecError(
            f"a spec is a TOML file that can be read; {str(path)!r:.200}: {reason}; check the path"
        ) from None


def _derive(content: bytes) -> tuple[str, str]:
    """Name and kernel source of a spec."""
    from conicflow.derive.drift import derive_specs
    from conicflow.derive.errors import SpecError as Refused
    from conicflow.derive.spec import FeatureSpec, read_spec

    read = read_spec(content)
    if not isinstance(read, FeatureSpec):
        raise Refused(
            f"a spec of one's own is a feature map, found the loss {read.name!r}: use a loss of the catalogue"
        )
    if read.name in (taken := kernel_names("pointwise", "ridge", "torus", "loss")):
        raise Refused(f"a name means one thing, and {', '.join(taken)} are built in, found {read.name!r}: rename it")
    return read.name, derive_specs([read])[f"{read.name}.py"]


def _derivation_identity() -> list[str]:
    """What decides the kernel source besides the spec: conicflow.derive, its losses, and SymPy's version."""
    folder = _package_folder("conicflow.derive")
    files = sorted([*folder.glob("*.py"), *folder.glob("specs/*.toml")])
    files.append(_package_folder("sympy") / "release.py")
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in files]


def _package_folder(name: str) -> Path:
    found = importlib.util.find_spec(name)  # without importing it
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent


@contextmanager
def _told_as_ours(origin: str) -> Iterator[None]:
    """The folder derive knows no other: what it refuses becomes one of our errors here."""
    from conicflow.derive.errors import SpecError as Refused

    try:
        yield
    except Refused as error:
        raise SpecError(f"{origin}: {error}") from None
