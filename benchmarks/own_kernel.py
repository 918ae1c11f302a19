"""Goal: a second use of a user's own spec loads its kernel in under 50 ms, in a new process that has loaded
the solver and the features.

And without importing SymPy or Pythran. The first use, which derives and compiles, is shown beside it.

Run: python benchmarks/own_kernel.py
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from timing import print_table, spread

ROUNDS = 25
GOAL = 0.050
SPEC = """
name = "morlet"
phi = "exp(-(t - theta)**2/2)*cos(5*(t - theta))"
parameters = { theta = "interval" }
inputs = { t = "time" }
"""
PROGRAM = """
import sys, time
import conicflow
conicflow.solve, conicflow.features
start = time.perf_counter()
conicflow.compile_spec(sys.argv[1])
print(time.perf_counter() - start, *[name for name in ("sympy", "pythran") if name in sys.modules])
"""


def use(spec: Path, cache: Path) -> tuple[float, list[str]]:
    """Seconds that a new process needs for `compile_spec` alone, and what it imported that it should not."""
    command = [sys.executable, "-c", PROGRAM, str(spec)]
    environment = {**os.environ, "CONICFLOW_CACHE": str(cache)}
    seconds, *loaded = subprocess.run(
        command, env=environment, check=True, capture_output=True, text=True
    ).stdout.split()
    return float(seconds), loaded


def main() -> int:
    """Measure, print, and return 1 if the goal is missed."""
    with tempfile.TemporaryDirectory() as folder:
        spec, cache = Path(folder) / "morlet.toml", Path(folder) / "kernels"
        spec.write_text(SPEC, encoding="utf-8")
        first, _ = use(spec, cache)
        later = [use(spec, cache) for _ in range(ROUNDS)]
    seconds, loaded = [time for time, _ in later], sorted({name for _, names in later for name in names})
    rows = [("first, compiled", f"{first * 1e3:.0f}"), ("later, loaded", spread(seconds, 1e-3))]
    print_table(("use", "ms: median (min - max)"), rows)
    print(f"\ngoal at most {GOAL * 1e3:g} ms; {ROUNDS} rounds; loaded of sympy, pythran: {', '.join(loaded) or 'none'}")
    return int(statistics.median(seconds) > GOAL or bool(loaded))


if __name__ == "__main__":
    sys.exit(main())
