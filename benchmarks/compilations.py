"""Processor seconds that each kernel of the package takes to compile, by Pythran and the C++ compiler, and all together.

They are most of what an installation takes (benchmarks/build.py); the first use of a spec of one's own is one of these.

Run: python benchmarks/compilations.py [NAME ...]
"""

from __future__ import annotations

import resource
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from conicflow.engine.kernels.toolchain import find_toolchain
from timing import print_table


def spent() -> float:
    """Processor seconds of all processes that this one started and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main(names: Sequence[str]) -> None:
    """Compile, and print a row for each."""
    tools, generated = find_toolchain(), Path(__file__).parent.parent / "generated"
    chosen = names or sorted(path.stem for path in generated.glob("*.py") if path.stem != "__init__")
    taken = []
    for name in chosen:
        with tempfile.TemporaryDirectory() as folder:
            before = spent()
            tools.build((generated / f"{name}.py").read_text(encoding="utf-8"), name, Path(folder))
            taken.append(spent() - before)
    rows = [(name, f"{seconds:.1f}") for name, seconds in zip(chosen, taken, strict=True)]
    print_table(("kernel", "processor seconds"), [*rows, (f"all {len(chosen)}", f"{sum(taken):.1f}")])


if __name__ == "__main__":
    main(sys.argv[1:])
