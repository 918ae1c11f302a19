"""The numbers of a search: refused where they make no sense, kept with the result, and felt."""

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import conicflow as cf
import numpy as np
import pytest
from conicflow.engine.solve.schedule import DEFAULT
from hypothesis import given
from hypothesis import strategies as st
from problems import spikes

NAMES = [item.name for item in fields(cf.Schedule)]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), "many", None, True, (), (1, -1), 10**30, [1.5]])
def test_every_number_is_checked(name: str, value: object) -> None:
    """One line: the rule with the field's name, the value, the remedy with the default."""
    with pytest.raises(cf.ProblemError, match=rf"^[^\n]*{name} must [^\n]*; got [^\n]*; the default is [^\n]*$"):
        cf.Schedule(**{name: value})


def test_bounds_of_the_particles_do_not_cross() -> None:
    with pytest.raises(cf.ProblemError, match=r"got 200 and 100; change one"):
        cf.Schedule(fewest_particles=200, most_particles=100)
    with pytest.raises(cf.ProblemError, match=r"got 'turns'; leave it out"):
        cf.Schedule.from_dict({"turns": 3})


def other(name: str, draw: st.DataObject) -> Any:
    """A value in the range of this number."""
    default = getattr(DEFAULT, name)
    if isinstance(default, tuple):
        length = len(default) if name != "flow_rounds" else draw.draw(st.integers(1, 9))
        return tuple(draw.draw(st.lists(st.integers(1, 5000), min_size=length, max_size=length)))
    if isinstance(default, int):
        return draw.draw(st.integers(101, 9999) if name != "join_reach" else st.integers(3, 10))
    return draw.draw(st.floats(0.1, 1.0) if name != "polish_after" else st.floats(1.0, 1e9))


@given(data=st.data())
def test_json_gives_back_every_number(data: st.DataObject) -> None:
    """Tuples come back as tuples, floats to the last bit; what is left out is the default."""
    chosen = data.draw(st.lists(st.sampled_from(NAMES), unique=True))
    values = {name: other(name, data) for name in chosen}
    values = values | ({"fewest_particles": 1} if "most_particles" in values else {})
    schedule = cf.Schedule(**values)
    assert cf.Schedule.from_dict(json.loads(json.dumps(schedule.to_dict()))) == schedule
    assert cf.Schedule.from_dict(json.loads(json.dumps(values))) == schedule
    assert {name for name in NAMES if getattr(schedule, name) != getattr(DEFAULT, name)} <= set(values)


def test_the_result_says_with_which_numbers_it_was_found(tmp_path: Path) -> None:
    schedule = cf.Schedule(insertion_patience=7, flow_rounds=(30, 40), merge_radius=1 / 3)
    result = cf.solve(spikes(6)[0], schedule=schedule)
    assert result.schedule == schedule
    result.save(tmp_path / "out")
    assert cf.Result.load(tmp_path / "out").schedule == schedule
    path = cf.path(spikes(6)[0], count=2, schedule=schedule)
    grid = np.arange(32) / 32
    for found in (
        path.results[1],
        cf.baselines.weights_at(spikes(6)[0], grid, schedule=schedule),
        cf.baselines.sliding_frank_wolfe(spikes(6)[0], schedule=schedule),
    ):
        assert found.schedule == schedule
    with pytest.raises(cf.ProblemError, match="schedule must be a Schedule; got dict"):
        cf.solve(spikes(6)[0], schedule={"joins": 3})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "particles"),
    [
        ({}, 100),
        (
            {"particles_per_feature": 20.0},
            int(20 * 2 * np.pi * np.sqrt(14)),
        ),  # ||d phi||/||phi||: root mean square of k
        ({"fewest_particles": 150}, 150),
        ({"most_particles": 50, "fewest_particles": 1}, 47),
    ],
)
def test_the_number_of_particles_follows(changes: dict[str, Any], particles: int) -> None:
    """Two for each of the 23.5 features |k| <= 6 that fit beside each other, 100 at least."""
    result = cf.solve(spikes(6)[0], schedule=replace(DEFAULT, **changes))
    assert result.trajectory is not None
    assert result.trajectory.particles.shape[1] == particles
