"""A derivation in a process of its own, which ends: with an answer, with a refusal, or at a limit of processor time or memory.

SymPy has no such limit of its own, and a formula of a few lines can keep it busy for hours. Processor time, not that of the
clock: the same spec is refused on a busy machine and on an idle one.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass

from .errors import SpecError

SECONDS = 40  # of processor time; specs of the catalogue take 0.1 to 5, with 1 to import SymPy
GIGABYTES = 4
_LIMIT = 3  # exit code where memory or the stack ended


@dataclass(frozen=True)
class Derived:
    """What came of a spec: whether it is a loss, its name, and the source of its kernel."""

    loss: bool
    name: str
    source: str


def derived(content: bytes, seconds: int = SECONDS) -> Derived:
    """Read a spec from the bytes of its TOML file, and derive its kernel.

    Raises
    ------
    SpecError : it is refused, or the derivation needs more than the limits allow.
    """
    command = [
        sys.executable,
        "-P",
        "-m",
        f"{__package__}.limited",
        str(seconds),
    ]  # -P: a spec may lie beside a sympy.py
    found = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(command, input=content, capture_output=True, env=found, check=False)
    if done.returncode in (_LIMIT, -signal.SIGXCPU, -signal.SIGKILL):
        raise SpecError(
            f"deriving a spec takes at most {seconds} s of processor time and {GIGABYTES} GB; this one needs more: "
            "shorten its formulas"
        )
    if done.returncode:
        raise RuntimeError(f"deriving a spec ended with code {done.returncode}: {done.stderr.decode()[-300:]}")
    answer = json.loads(done.stdout)
    if "refused" in answer:
        raise SpecError(answer["refused"])
    return Derived(**answer)


def main() -> None:
    """The process: a spec on its input, the answer as JSON on its output."""
    import resource

    from .read.spec import FeatureSpec, read_spec
    from .regenerate import derive_specs

    seconds = int(sys.argv[1])
    limits = {"CPU": seconds, "AS": GIGABYTES * 2**30, "CORE": 0}
    for name, limit in limits.items():
        which = getattr(resource, f"RLIMIT_{name}")
        hard = resource.getrlimit(which)[1]
        resource.setrlimit(which, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))
    try:
        spec = read_spec(sys.stdin.buffer.read())
        source = derive_specs([spec])[f"{spec.name}.py"]
        answer = {"loss": not isinstance(spec, FeatureSpec), "name": spec.name, "source": source}
    except SpecError as error:
        answer = {"refused": str(error)}
    except (MemoryError, RecursionError):
        sys.exit(_LIMIT)
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
