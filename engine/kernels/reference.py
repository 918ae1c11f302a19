"""What a kernel travels as between processes: compiled code stays where it is, and is found again on the other side."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

from ..base.errors import KernelError
from ..base.version import __version__
from .loading import describe, load_kernel
from .own import Spec, obtain_feature, obtain_loss


@dataclass(frozen=True)
class KernelReference:
    """A kernel by its name; one of a user's own by its spec, whose SHA-256 finds it in the cache, or which is compiled there.

    Parameters
    ----------
    name : of the kernel.
    spec : text of a spec of one's own; None of a built-in one.
    loss : whether it is a loss.
    says : SHA-256 of what the kernel says of itself, and of the version of the project.
    """

    name: str
    spec: str | None
    loss: bool
    says: str

    @staticmethod
    def of(description: Mapping[str, Any]) -> KernelReference:
        """That of the kernel that describes itself so."""
        return KernelReference(
            description["name"], description.get("spec"), description["kind"] == "loss", _digest(description)
        )

    def found(self) -> tuple[ModuleType, Mapping[str, Any]]:
        """The module, and what it says of itself.

        Raises
        ------
        KernelError : here the kernel is another one. SpecError, KernelError : it cannot be found or compiled.
        """
        module, description = _found(self.name, self.spec, self.loss)
        if _digest(description) != self.says:
            raise KernelError(
                f"a problem is solved where its kernel is the same; here that of {self.name} is another, of conicflow "
                f"{__version__}; install the same version everywhere"
            )
        return module, description


class ByReference:
    """What is made of a kernel and of what it says of itself, and travels as a reference to both.

    Attributes
    ----------
    kernel, description : the compiled module, and what it says of itself.
    """

    description: Mapping[str, Any]

    def __getstate__(self) -> dict[str, Any]:
        return {"kernel": KernelReference.of(self.description)}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        module, description = state["kernel"].found()
        vars(self).update(kernel=module, description=description)
        self.__post_init__()

    def __post_init__(self) -> None:
        """What follows from these."""


@cache
def _found(name: str, spec: str | None, loss: bool) -> tuple[ModuleType, Mapping[str, Any]]:
    if spec is None:
        return load_kernel(name), describe(name)
    obtain = obtain_loss if loss else obtain_feature
    return obtain(Spec(spec.encode(), f"the spec {name}"), None)


_DIGESTS: dict[int, tuple[Mapping[str, Any], str]] = {}  # by identity; what is kept cannot be another's


def _digest(description: Mapping[str, Any]) -> str:
    known = _DIGESTS.get(id(description))
    if known is None:
        text = json.dumps([__version__, dict(description)], sort_keys=True)
        known = _DIGESTS[id(description)] = description, hashlib.sha256(text.encode()).hexdigest()
    return known[1]
