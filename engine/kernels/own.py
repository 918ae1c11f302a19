"""A user's own spec: derived, compiled into the user's cache, then equal in every right to a built-in one."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import platform
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ..base.errors import SpecError
from ..base.progress import Progress
from .cache import Cache, digest
from .loading import KINDS, built_for, kernel_names
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
    from conicflow.derive.read.spec_text import spec_text

    tables = {"parameters": parameters, "inputs": inputs, "constants": constants or {}}
    origin = f"the spec {name}"
    with _told_as_ours(origin):
        return Spec(spec_text({"name": name, **texts}, phi, tables).encode(), origin)


Source = str | Path | Spec


def obtain_feature(source: Source, progress: Progress | None) -> tuple[ModuleType, dict[str, Any]]:
    """Module and description of a feature map."""
    own = read(source)
    module = _obtain(own, _derive_feature, progress)
    return module, _described(module, own)


def obtain_loss(source: Source, progress: Progress | None) -> tuple[ModuleType, dict[str, Any]]:
    """Module and description of a loss."""
    own = read(source)
    module = _obtain(own, _derive_loss, progress)
    return module, _described(module, own)


def _described(module: ModuleType, own: Spec) -> dict[str, Any]:
    """What a kernel says of itself, and the text of its spec: a proof starts from that, not from the kernel."""
    return {**json.loads(module.DESCRIPTION), "spec": own.text}


def _obtain(own: Spec, derive: Callable[[bytes], tuple[str, str]], progress: Progress | None) -> ModuleType:
    """The kernel that `derive` makes of a spec, from the cache, or compiled into it."""
    tools, cache = find_toolchain(), Cache()
    request = digest([derive.__name__, request_key(own, tools)])  # a loss that was compiled is no feature map
    module = cache.find(request)
    if module is None:
        report = progress or (lambda phase, fraction, message: None)
        report("derive", 0.0, "")
        with _told_as_ours(own.origin):
            name, kernel_source = derive(own.content)
        version = tools.version()
        key = entry_key(kernel_source, version, tools)
        facts = {"name": name, "cpu": built_for().cpu, "python": platform.python_version(), "compiler": version}

        def build(folder: Path) -> dict[str, str]:
            report("compile", 0.2, f"{name}: once, about 10 s")
            tools.build(kernel_source, name, folder)
            return facts

        module = cache.load(key) or cache.obtain(key, build)
        cache.remember(request, key)
    return module


def request_key(own: Spec, tools: Toolchain) -> str:
    """SHA-256 of all that decides the binary, as far as it can be told without deriving and without asking the compiler."""
    return digest([hashlib.sha256(own.content).hexdigest(), _derivation_identity(), tools.identity])


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


def read(source: Source) -> Spec:
    """The spec at a path, or the spec itself."""
    return source if isinstance(source, Spec) else read_spec_file(source)


def _derive_feature(content: bytes) -> tuple[str, str]:
    """Name and kernel source of a feature map."""
    from conicflow.derive.errors import SpecError as Refused
    from conicflow.derive.limited import derived

    found = derived(content)
    if found.loss:
        raise Refused(f"compile_spec is for feature maps, found the loss {found.name!r}: use compile_loss")
    _require_new(found.name)
    return found.name, found.source


def _derive_loss(content: bytes) -> tuple[str, str]:
    """Name and kernel source of a loss."""
    from conicflow.derive.errors import SpecError as Refused
    from conicflow.derive.limited import derived

    found = derived(content)
    if not found.loss:
        raise Refused(f"compile_loss is for losses, found the feature map {found.name!r}: use compile_spec")
    _require_new(found.name)
    return found.name, found.source


def _require_new(name: str) -> None:
    from conicflow.derive.errors import SpecError as Refused

    if name in (taken := kernel_names(*KINDS, "loss")):
        raise Refused(f"a name means one thing, and {', '.join(taken)} are built in, found {name!r}: rename it")


def _derivation_identity() -> list[str]:
    """What decides the kernel source besides the spec: conicflow.derive, and SymPy's version."""
    files = sorted(_package_folder("conicflow.derive").rglob("*.py"))
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
