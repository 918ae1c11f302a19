"""Goal: of 500 adversarial problems no word is false; prints those that are, and how many did not converge.

Data from 1e-12 to 1e12, penalties from 1e-8 to 0.99 of the largest or none, clusters, duplicates, atoms at an end, years of
samples, Julian dates, thin pieces of ReLU units (`tests/support/adversarial_problems.py`). The judge (`tests/support/judge.py`)
knows no kernel: J is computed in longer numbers by formulas of its own, and among 20 000 positions and around the best of them
one more atom is sought that lowers J by more than the gap.

Run: python benchmarks/adversarial.py [HOW_MANY [FIRST_SEED [SECONDS]]]     (500, 0 and 20 by default)
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from pathlib import Path

from timing import threads

os.environ.update(threads(1))
sys.path.append(str(Path(__file__).parents[1] / "tests" / "support"))

import conicflow as cf
from adversarial_problems import adversary
from judge import false_claims


def main(arguments: list[str]) -> int:
    count, first, limit = (int(text) for text in (*arguments, *("500", "0", "20")[len(arguments) :]))
    statuses: Counter[str] = Counter()
    wrong = 0
    for seed in range(first, first + count):
        case = adversary(seed)
        result = cf.solve(case.problem, seconds=limit)
        faults = false_claims(case.problem, case.formula, result, seed)
        statuses[result.status] += 1
        wrong += bool(faults)
        for fault in faults:
            print(f"seed {seed}: {case.words}: {fault}", flush=True)
        if not result.converged:
            print(f"seed {seed}: {case.words}: {result.status}, relative gap {result.relative_gap:.1e}", flush=True)
    print(
        f"\n{count} problems, seeds {first} to {first + count - 1}: {dict(statuses)}; {wrong} with a false word; goal 0"
    )
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
