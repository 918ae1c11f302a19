"""Goal: of 3000 jobs with wrong files none ends in a traceback, leaves anything behind, hangs or loses a file; prints the others.

Problem files, specs, data (tables, arrays, archives) and result folders, changed in places that their structure knows, run
through the command line: `tests/support/mutated_jobs.py` says what must be true of each end. One job in twenty runs in processes
of its own.

Run: python benchmarks/mutations.py [HOW_MANY [FIRST_SEED]]     (3000 and 0 by default)
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections import Counter
from pathlib import Path

from timing import threads

os.environ.update(threads(1))
sys.path.append(str(Path(__file__).parents[1] / "tests" / "support"))

from mutated_bases import make_bases
from mutated_jobs import campaign

EVERY = 20  # in processes of its own


def main(arguments: list[str]) -> int:
    count, first = (int(text) for text in (*arguments, *("3000", "0")[len(arguments) :]))
    slowest = (0.0, -1)
    counted: Counter[int] = Counter()

    def tell(seed: int, codes: list[int], faults: list[str], taken: float) -> None:
        nonlocal slowest
        slowest = max(slowest, (taken, seed))
        counted.update(codes)
        for fault, times in Counter(faults).items():
            print(f"seed {seed}: {fault}" + (f" ({times} times)" if times > 1 else ""), flush=True)

    with tempfile.TemporaryDirectory() as scratch:
        make_bases(Path(scratch) / "bases")
        wrong = campaign(range(first, first + count), Path(scratch), Path(scratch) / "bases", tell, EVERY)
    print(f"\n{count} jobs, seeds {first} to {first + count - 1}: {wrong} with a fault; goal 0")
    print("exit codes: " + ", ".join(f"{code}: {counted[code]}" for code in sorted(counted)))
    print(f"the slowest took {slowest[0]:.1f} s of a processor (seed {slowest[1]})")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
