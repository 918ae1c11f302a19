"""A search that ends early says by which number of its schedule; with that one raised it ends otherwise."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import conicflow as cf
import numpy as np
import pytest
from conicflow.engine.solve.schedule import DEFAULT
from problems import bumps, network, spikes

GRID = np.arange(128) / 128
LITTLE = replace(DEFAULT, flow_rounds=(1,), settling=(3, 0), joins=0, insertion_patience=0, exchange_rounds=0)


def hard() -> cf.Problem:
    """ReLU at a small penalty: most atoms lie on kinks."""
    return network(seed=2, n=40, ratio=0.003)[0]


def easy() -> cf.Problem:
    return spikes(10)[0]


@pytest.mark.parametrize(
    ("make", "little", "field", "told", "more"),
    [
        (easy, {}, "flow_rounds", "flow: 1 round (flow_rounds)", (1, 64)),
        (easy, {}, "insertion_patience", "insertion: 0 in a row in which the gap did not fall (insertion_patience)", 1),
        (easy, {}, "exchange_rounds", "exchange: 0 rounds (exchange_rounds)", 3),
        (hard, {}, "insertion_patience", "insertion: 0 in a row in which the gap did not fall (insertion_patience)", 1),
        (hard, {"exchange_rounds": 3}, "exchange_rounds", "exchange: 3 rounds (exchange_rounds)", 200),
        (
            hard,
            {"exchange_rounds": 200, "exchange_patience": 1},
            "exchange_patience",
            "exchange: 1 round in a row in which the gap did not fall (exchange_patience)",
            20,
        ),
        (hard, {"exchange_rounds": 200, "exchange_numbers": 1}, "exchange_numbers", "(exchange_numbers)", 2**26),
    ],
)
def test_the_limit_is_named_and_raising_it_changes_the_end(
    make: Callable[[], cf.Problem], little: dict[str, Any], field: str, told: str, more: object
) -> None:
    problem, schedule = make(), replace(LITTLE, **little)
    first = cf.solve(problem, relative_gap=1e-8, schedule=schedule)
    assert first.status == "not converged"
    assert told in first.ended_by
    again = cf.solve(problem, relative_gap=1e-8, schedule=replace(schedule, **{field: more}))
    assert told not in again.ended_by
    assert again.relative_gap < first.relative_gap / 2
    assert (again.ended_by == "") == again.converged
    assert again.converged or make is hard


def test_options_are_named_like_numbers_of_the_schedule() -> None:
    found = cf.solve(easy(), flow_steps=2, relative_gap=1e-8, schedule=LITTLE)
    assert found.ended_by.endswith("flow: 2 steps (flow_steps)")
    for baseline in (cf.baselines.sliding_frank_wolfe, lambda *a, **k: cf.baselines.weights_at(*a, GRID, **k)):
        found = baseline(easy(), iterations=1)
        assert found.ended_by.endswith(": 1 iteration (iterations)")
        assert baseline(easy(), iterations=100).ended_by == ""


def test_where_rounding_ends_it_no_number_is_named() -> None:
    """No gap is within 1e-300 of what there is to gain: it is closed up to the rounding of J's terms, and that is said."""
    found = cf.solve(easy(), relative_gap=1e-300)
    assert (found.status, found.up_to_rounding, found.ended_by) == ("converged", True, "")
    free = cf.solve(cf.Problem(easy().features, easy().loss, 0.0), relative_gap=1e-300)
    assert "exchange: none without a penalty" in free.ended_by


def test_an_interruption_is_no_limit() -> None:
    def stop(phase: str, fraction: float, message: str) -> None:
        if phase == "flow":
            raise KeyboardInterrupt

    assert cf.solve(easy(), progress=stop).ended_by == "interrupted"


def test_what_is_certified_was_not_ended() -> None:
    for problem in (easy(), bumps()[0], cf.Problem(easy().features, easy().loss, 1e6)):
        assert cf.solve(problem).ended_by == ""
