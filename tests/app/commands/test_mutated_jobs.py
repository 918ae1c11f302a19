"""Jobs with wrong files: a slice of `benchmarks/mutations.py`, and the judge of their ends."""

from pathlib import Path

import mutated_jobs
import pytest
from mutated_bases import make_bases
from mutated_jobs import LONGEST, campaign, ends, job, judge_files, judge_words, tree

SEEDS = range(10_000, 10_060)


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mutations") / "bases"
    make_bases(folder)
    return folder


def test_no_wrong_file_ends_in_a_traceback_leaves_anything_or_loses_a_file(bases: Path, tmp_path: Path) -> None:
    told: list[str] = []
    reached: set[int] = set()

    def tell(seed: int, codes: list[int], faults: list[str], taken: float) -> None:
        told.extend(f"{seed}: {fault}" for fault in faults)
        reached.update(codes)

    campaign(SEEDS, tmp_path, bases, tell)
    assert told == []
    assert {0, 2} <= reached
    assert list(tmp_path.iterdir()) == []


def test_a_job_is_its_seed(bases: Path, tmp_path: Path) -> None:
    for seed in SEEDS[:10]:
        first, second = (job(seed, tmp_path / f"{seed}-{turn}", bases) for turn in (0, 1))
        assert first == second
        assert tree(tmp_path / f"{seed}-0") == tree(tmp_path / f"{seed}-1")


def test_the_judge_sees_what_is_wrong(tmp_path: Path) -> None:
    assert judge_words(0, "done", "", "solve") == []
    assert judge_words(2, "", "conicflow: error: a rule; a value; a remedy\n", "solve") == []
    for code, stdout, stderr in (
        (1, "", "conicflow: error: no\n"),
        (70, "", "conicflow: internal error: KeyError\n"),
        (2, "", "Traceback (most recent call last):\n"),
        (2, "", ""),
        (2, "", "conicflow: error: one\nand another\n"),
        (2, "", f"conicflow: error: {'x' * 400}\n"),
        (2, "", "conicflow: error: \x1b[31m\n"),
        (2, "printed", "conicflow: error: no\n"),
        (0, "", "RuntimeWarning: overflow\n"),
    ):
        assert judge_words(code, stdout, stderr, "solve")
    command, before = ["solve", "problem.toml", "--out", "out"], {"notes.txt": b"mine", "out/x": b"ours"}
    assert judge_files(before, before, 2, command, tmp_path) == []
    for after, code in (
        ({"out/x": b"ours"}, 2),
        ({**before, "out/x": b"new"}, 2),
        ({**before, ".out.0123456789ab.result": "folder"}, 2),
        ({**before, "elsewhere": b""}, 3),
        (before, 0),  # no manifest
    ):
        assert judge_files(before, after, code, command, tmp_path)


def test_a_command_that_hangs_is_told(bases: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mutated_jobs, "LONGEST", LONGEST / 1e6)
    assert any("more than" in fault for fault in ends(3, tmp_path / "job", bases)[1])
