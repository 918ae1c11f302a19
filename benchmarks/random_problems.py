"""Goal: of random problems at least 98 % converge to 1e-8; prints the others as they are.

The problems of `tests/support/drawn_problems.py`, of which `tests/engine/solve/test_random_problems.py` checks the truth: every
feature map, loss and sign; up to six atoms, some clustered or twice, or none; noise; penalties over five decades; data over
seven. A solve that keeps a core busy for longer than the limit is interrupted, and counts as what it is then.

Run: python benchmarks/random_problems.py [HOW_MANY [FIRST_SEED [SECONDS]]]     (55, 5 and 25 by default)
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections import Counter
from pathlib import Path

from timing import print_table, seconds, threads

os.environ.update(threads(1))
sys.path.append(str(Path(__file__).parents[1] / "tests" / "support"))

import conicflow as cf
import numpy as np
from drawn_problems import GOAL, TOLERANCE, by_generator, random_problem


def main(arguments: list[str]) -> int:
    count, first, limit = (int(text) for text in (*arguments, *("55", "5", "25")[len(arguments) :]))
    signal.signal(signal.SIGPROF, signal.default_int_handler)
    statuses: Counter[str] = Counter()
    rows = []
    for seed in range(first, first + count):
        words, problem = random_problem(by_generator(np.random.default_rng(seed)))
        results: list[cf.Result] = []
        signal.setitimer(signal.ITIMER_PROF, limit)
        taken = seconds(
            lambda problem=problem, results=results: results.append(cf.solve(problem, relative_gap=TOLERANCE)),
            time.process_time,
        )
        signal.setitimer(signal.ITIMER_PROF, 0)
        (result,) = results
        statuses[result.status] += 1
        if not result.converged:
            rows.append((str(seed), words, result.status, f"{result.relative_gap:.1e}", f"{taken:.1f}"))
    print_table(("seed", "features, loss, sign, penalty ratio", "status", "relative gap", "seconds"), rows)
    converged = statuses["converged"]
    print(f"\n{converged} of {count} converged; goal {GOAL:.0%}")
    return int(converged < GOAL * count)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
