"""Keep `generated/` equal to what the specs say: write it, or show how it differs."""

from __future__ import annotations

import difflib
import os
from collections.abc import Sequence
from pathlib import Path

from .emit.covariance import covariance_source
from .emit.kernel import emit_feature
from .emit.local import local_source
from .emit.loss import emit_loss
from .emit.ridge import ridge_source
from .emit.scalar_flow import scalar_flow_source
from .emit.torus import torus_source
from .errors import SpecError
from .limited import derived
from .prove.derivation import derive_feature
from .prove.loss_derivation import derive_loss
from .prove.vector_loss import derive_vector_loss
from .read.loss_spec import LossSpec
from .read.spec import FeatureSpec, load_spec, read_file
from .read.vector_loss_spec import VectorLossSpec

_PACKAGE = (
    '"""Kernels written by `conicflow derive`, one module per spec; compiled by Pythran, never edited by hand."""\n'
)


def derive_sources(paths: Sequence[Path]) -> dict[str, str]:
    """Kernel source by file name for each spec."""
    return derive_specs([load_spec(path) for path in paths])


def derive_specs(specs: Sequence[FeatureSpec | LossSpec | VectorLossSpec]) -> dict[str, str]:
    """`derive_sources`, of specs that have been read."""
    return {f"{spec.name}.py": _derive(spec) for spec in specs}


def _of_a_user(path: Path) -> tuple[str, str]:
    """File name and kernel source of a spec that may be any."""
    try:
        found = derived(read_file(path))
    except SpecError as error:
        raise SpecError(f"{path}: {error}") from None
    return f"{found.name}.py", found.source


def shared_sources() -> dict[str, str]:
    """Source by file name of the modules that serve all kernels."""
    return {
        "_covariance.py": covariance_source(),
        "_flow.py": scalar_flow_source(),
        "_local.py": local_source(),
        "_ridge.py": ridge_source(),
        "_torus.py": torus_source(),
    }


def _derive(spec: FeatureSpec | LossSpec | VectorLossSpec) -> str:
    if isinstance(spec, FeatureSpec):
        return emit_feature(derive_feature(spec))
    return emit_loss(derive_loss(spec) if isinstance(spec, LossSpec) else derive_vector_loss(spec))


def regenerate(specs: Sequence[str] = (), *, check: bool = False, out: str | None = None) -> int:
    """Write kernel sources, or with `check` print how the folder differs from them.

    Parameters
    ----------
    specs : spec files. Without any, every spec of the checkout in the current folder (`derive/specs`).
    check : compare instead of writing.
    out : folder of the kernel sources; `generated` for a checkout, otherwise the current folder.

    Returns
    -------
    int : 0, or 1 when `check` found a missing, extra or different file.

    Raises
    ------
    SpecError : a spec is wrong, or there is no checkout here.
    """
    whole = not specs
    if whole:
        paths = sorted(Path("derive/specs").glob("*.toml"))
        if not paths:
            raise SpecError(
                f"without a spec, derive works in a checkout of conicflow; {Path.cwd()} has no derive/specs/*.toml; "
                "change to a checkout, or name the spec files"
            )
    else:
        paths = [Path(spec) for spec in specs]
    folder = Path(out) if out is not None else Path("generated" if whole else ".")
    sources = derive_sources(paths) if whole else dict(map(_of_a_user, paths))
    if whole:
        sources |= {"__init__.py": _PACKAGE} | shared_sources()
    return _compare(folder, sources, whole) if check else _write(folder, sources, whole)


def _extra(folder: Path, sources: dict[str, str]) -> list[Path]:
    return [path for path in sorted(folder.glob("*.py")) if path.name not in sources]


def _write(folder: Path, sources: dict[str, str], whole: bool) -> int:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in sorted(sources.items()):
            path = folder / name
            if path.is_file() and path.read_bytes() == text.encode():
                continue
            temporary = path.with_suffix(".partial")
            temporary.write_bytes(text.encode())
            os.replace(temporary, path)
            print(f"wrote {path}")
        for path in _extra(folder, sources) if whole else []:
            path.unlink()
            print(f"removed {path}: no spec has this name")
    except OSError as error:
        raise SpecError(
            f"kernel sources need a folder that can be written; {folder}: {error}; choose another"
        ) from None
    return 0


def _compare(folder: Path, sources: dict[str, str], whole: bool) -> int:
    drifted = False
    for name, text in sorted(sources.items()):
        path = folder / name
        content = path.read_bytes() if path.is_file() else b""
        if content != text.encode():
            drifted = True
            found = content.decode(errors="replace")
            lines = difflib.unified_diff(
                found.splitlines(keepends=True), text.splitlines(keepends=True), str(path), f"{name} as derived"
            )
            print("".join(lines), end="")
    for path in _extra(folder, sources) if whole else []:
        drifted = True
        print(f"{path}: no spec has this name")
    if drifted:
        print("To write these files again: conicflow derive")
    return int(drifted)
