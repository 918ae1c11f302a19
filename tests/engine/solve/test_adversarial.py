"""A slice of the campaign of benchmarks/adversarial.py; and that its judge can tell a false word."""

from dataclasses import replace

import conicflow as cf
import numpy as np
import pytest
from adversarial_problems import adversary
from judge import false_claims

SEEDS = (1, 2, 4, 9, 11, 14)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_word_is_false(seed: int) -> None:
    case = adversary(seed)
    assert false_claims(case.problem, case.formula, cf.solve(case.problem, seconds=20), seed) == []


def test_the_judge_sees_a_missing_atom_and_a_wrong_objective() -> None:
    """A solution without its heaviest atom, claimed to be one; J that is off by a millionth."""
    seen = 0
    for seed in range(400):
        case = adversary(seed)
        if "gaussian," not in case.words or "squared" not in case.words:
            continue
        found = cf.solve(case.problem, seconds=20)
        if len(found.measure) < 2:
            continue
        rest = np.arange(len(found.measure)) != found.measure.sizes.argmax()
        fewer = cf.Measure(found.measure.weights[rest], found.measure.positions[rest])
        forged = replace(found, measure=fewer, objective=case.problem.objective(fewer))
        if not forged.converged:  # its own numbers say so already
            continue
        assert any("a lower J" in fault for fault in false_claims(case.problem, case.formula, forged, seed))
        off = replace(found, objective=found.objective * (1 + 1e-6))
        assert any("told" in fault for fault in false_claims(case.problem, case.formula, off, seed))
        seen += 1
        if seen == 2:
            return
    raise AssertionError("no case with two atoms was drawn")
