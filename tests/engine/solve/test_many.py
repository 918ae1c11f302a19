"""Many problems: the same bits wherever they are solved, in order, and nothing that goes wrong with one touches another."""

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import conicflow as cf
import distributed
import pytest
from conicflow.engine.base.errors import ConicflowError, ProblemError
from conicflow.engine.solve import parcels
from conicflow.engine.solve.many import outcomes
from conicflow.engine.solve.parcels import worked
from workers import Narrow, Recording, bits, broken, decays, solve_unless_deadly

COUNT, GAP = 12, 1e-6


@pytest.fixture(scope="module")
def alone() -> list[Any]:
    """Each solved by itself."""
    return [bits(cf.solve(problem, relative_gap=GAP)) for problem in decays(COUNT)]


STARTS = sorted({"fork", "spawn"} & set(multiprocessing.get_all_start_methods()))


@pytest.fixture(params=["here", "threads", *STARTS])
def executor(request: pytest.FixtureRequest) -> Iterator[Executor | None]:
    if request.param == "here":
        yield None
        return
    pool: Executor = (
        ThreadPoolExecutor(2)
        if request.param == "threads"
        else ProcessPoolExecutor(2, multiprocessing.get_context(request.param))
    )
    with pool:
        yield pool


def test_every_result_is_that_of_a_solve_of_its_own(executor: Executor | None, alone: list[Any]) -> None:
    results = list(cf.solve_many(decays(COUNT), executor, relative_gap=GAP))
    assert [bits(result) for result in results] == alone
    assert all(isinstance(result, cf.Result) and result.problem is not None for result in results)


def test_workers_know_the_background(executor: Executor | None) -> None:
    """It travels with the map; a problem without it has another minimum."""
    problems = [replace(problem, background=cf.background.constant()) for problem in decays(3)]
    results = list(cf.solve_many(problems, executor, relative_gap=GAP))
    assert [bits(result) for result in results] == [bits(cf.solve(problem, relative_gap=GAP)) for problem in problems]
    for result, problem in zip(results, decays(3), strict=True):
        assert isinstance(result, cf.Result)
        assert result.background.shape == (1,)
        assert result.objective < cf.solve(problem, relative_gap=GAP).objective
    assert parcels.Parcel.of(problems[0]).key != parcels.Parcel.of(next(decays(1))).key


def test_workers_of_dask_find_the_same_bits(alone: list[Any]) -> None:
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster) as client:
        assert [bits(r) for r in cf.solve_many(decays(COUNT), client.get_executor(), relative_gap=GAP)] == alone


def test_problems_are_taken_as_they_are_needed() -> None:
    taken = 0

    def counted() -> Iterator[cf.Problem]:
        nonlocal taken
        for problem in decays(COUNT):
            taken += 1
            yield problem

    with ThreadPoolExecutor(2) as pool:
        found = cf.solve_many(counted(), pool, relative_gap=GAP, ahead=3)
        assert taken == 0
        for number, result in enumerate(islice(found, 5), 1):
            assert result.converged
            assert taken <= number + 2  # those that wait, with this one


@pytest.mark.parametrize("count", [1, 40])
def test_a_shared_map_travels_about_once_for_each_worker(count: int) -> None:
    """A worker that was sent it keeps it, as long as it lives; as many are under way with it as there may be new workers."""
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        recording = Recording(pool)
        results = list(cf.solve_many(decays(count), recording, relative_gap=GAP))
    heavy = sum(parcel.shared is not None for parcel in recording.parcels)
    assert all(result.converged for result in results)
    assert 1 <= heavy <= 8  # at the start four; and four to a worker that started later


def test_equal_maps_are_one_and_others_are_not() -> None:
    first, second = (next(decays(1)) for _ in range(2))
    other = cf.Problem(cf.features.laplace(x=[1.0] * 64, theta=(1.0, 100.0)), first.loss, 0.01, "nonnegative")
    weighted = cf.Problem(
        first.features, cf.losses.squared(first.loss.y, sample_weights=[2.0] * 64), 0.01, "nonnegative"
    )
    keys = [parcels.Parcel.of(problem).key for problem in (first, second, other, weighted)]
    assert first.features is not second.features
    assert len(set(keys)) == 3
    assert keys[0] == keys[1]


def test_a_worker_that_has_forgotten_is_sent_it_again(alone: list[Any]) -> None:
    with ThreadPoolExecutor(1) as pool:
        recording = Recording(pool, parcels._shared.clear)
        assert [bits(r) for r in cf.solve_many(decays(COUNT), recording, relative_gap=GAP)] == alone
    assert len(recording.parcels) > COUNT  # some came twice


@pytest.mark.parametrize("once", [False, True])
def test_a_worker_that_dies_costs_its_problem_one_retry(tmp_path: Path, alone: list[Any], once: bool) -> None:
    mark = tmp_path / "died"
    solver = partial(solve_unless_deadly, once=mark if once else None)
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        found = list(outcomes(decays(COUNT, deadly=4), solver, pool, 5))
    others = [bits(outcome) for index, outcome in enumerate(found) if index != 4]
    assert others == alone[:4] + alone[5:]
    if once:
        assert isinstance(found[4], cf.Result)
    else:
        assert isinstance(found[4], ConicflowError)
        assert "died twice" in str(found[4])


def test_an_executor_that_cannot_pickle_fails_problem_by_problem() -> None:
    found = list(cf.solve_many(decays(2), Narrow()))
    assert [item.index for item in found if isinstance(item, cf.Failure)] == [0, 1]
    for item in found:
        assert isinstance(item, cf.Failure)
        assert not item.converged
        assert "cannot pickle 'function' object); choose threads" in str(item.error)


def test_what_does_not_pickle_is_told_by_a_pool(alone: list[Any]) -> None:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        (found,) = outcomes(decays(1), lambda problem: cf.solve(problem), pool, 1)
    assert isinstance(found, ConicflowError)
    assert "travel to a worker and back" in str(found)


def test_workers_that_cannot_start_are_told_once() -> None:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), initializer=broken) as pool:
        found = cf.solve_many(decays(3), pool, ahead=1)
        first = next(found)
        assert isinstance(first, cf.Failure)
        with pytest.raises(ConicflowError, match="new ones cannot be started"):
            next(found)


def test_a_problem_that_cannot_be_solved_is_alone(alone: list[Any], executor: Executor | None) -> None:
    problems: list[Any] = list(decays(3))
    found = list(cf.solve_many([problems[0], "text", *problems[1:]], executor, relative_gap=GAP))
    assert isinstance(found[1], cf.Failure)
    assert (found[1].index, "got str" in str(found[1].error)) == (1, True)
    assert [bits(result) for index, result in enumerate(found) if index != 1] == alone[:3]


def test_a_mistake_in_a_worker_is_told_with_its_place() -> None:
    def mistaken(problem: cf.Problem) -> cf.Result:
        raise ZeroDivisionError("by nothing")

    (outcome,) = outcomes(decays(1), mistaken, None, 1)
    assert isinstance(outcome, RuntimeError)
    assert "ZeroDivisionError: by nothing (test_many.py, line " in str(outcome)


def test_what_was_under_way_is_yielded_before_a_mistake_of_the_iterable(
    alone: list[Any], executor: Executor | None
) -> None:
    def failing() -> Iterator[cf.Problem]:
        yield from decays(3)
        raise LookupError("no more files")

    found = cf.solve_many(failing(), executor, relative_gap=GAP)
    assert [bits(result) for result in islice(found, 3)] == alone[:3]
    with pytest.raises(LookupError, match="no more files"):
        next(found)


def test_options_are_refused_before_anything_is_solved() -> None:
    wrong: list[dict[str, Any]] = [{"relative_gap": -1.0}, {"ahead": 0}, {"executor": 2}]
    for options in wrong:
        with pytest.raises(ProblemError):
            cf.solve_many(decays(1), **options)


def test_progress_counts() -> None:
    told: list[tuple[str, float, str]] = []
    list(cf.solve_many(list(decays(2)), progress=lambda *words: told.append(words), relative_gap=GAP))
    assert told == [("solve", 0.5, "1 problems"), ("solve", 1.0, "2 problems")]


def test_ctrl_c_here_gives_back_what_was_solved(monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(problem: cf.Problem) -> cf.Result:
        if problem.loss.y[0] == 7.0:
            raise KeyboardInterrupt
        return cf.solve(problem, relative_gap=GAP)

    with closing(outcomes(decays(3, deadly=1), stopped, None, 1)) as found:
        assert isinstance(next(found), cf.Result)
        with pytest.raises(KeyboardInterrupt):
            next(found)


def test_an_answer_is_small() -> None:
    """Numbers of a few atoms and of the trace: no problem, no map, no paths of particles."""
    import pickle

    answer = worked(partial(cf.solve, relative_gap=GAP), parcels.Parcel.of(next(decays(1))))
    assert isinstance(answer, cf.Result)
    assert len(pickle.dumps(answer)) < 6000
