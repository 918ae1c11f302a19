"""Goal: `import conicflow`, with its solver and features, takes at most 3 times as long as `import numpy`, whole processes.

The package loads its parts when they are first named: `USED` names them. None of the packages that only some uses need is
loaded: sympy, matplotlib, pythran, scipy.

Run: python benchmarks/imports.py
"""

from __future__ import annotations

import statistics
import subprocess
import sys
from functools import partial

from timing import alternate, print_table, ratios, seconds, spread

ROUNDS = 25
GOAL = 3.0
USED = "import conicflow; conicflow.solve, conicflow.features"
LAZY = ("sympy", "matplotlib", "pythran", "scipy")


def python(code: str) -> str:
    """What a fresh interpreter prints."""
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout


def main() -> int:
    """Measure, print, and return 1 if a goal is missed."""
    codes = ("pass", "import numpy", USED)
    measured = alternate({code: partial(seconds, partial(python, code)) for code in codes}, ROUNDS, warm_up=2)
    rows = [(code, spread(times, 1e-3, 1)) for code, times in measured.items()]
    print_table(("python -c ...", "ms: median (min - max)"), rows)
    ratio = ratios(measured[USED], measured["import numpy"])
    loaded = python(f"import sys; {USED}; print(*[name for name in {LAZY} if name in sys.modules])").split()
    print(f"\nconicflow / numpy: {spread(ratio)}, goal at most {GOAL:g}; {ROUNDS} rounds")
    print(f"of {', '.join(LAZY)}, loaded by `{USED}`: {', '.join(loaded) or 'none'}")
    return int(statistics.median(ratio) > GOAL or bool(loaded))


if __name__ == "__main__":
    sys.exit(main())
