"""`conicflow check --spec` and `--loss`; kernels compiled from a wrong template; what steps are compared with."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from conicflow.app import cli
from conicflow.engine.kernels.loading import load_kernel
from conicflow.engine.kernels.own import read
from conicflow.proofs_check.theorems import campaign, processes
from conicflow.proofs_check.theorems.check import Draw, Inapplicable
from conicflow.proofs_check.theorems.counterexample import Outcome
from conicflow.proofs_check.theorems.material import cases, maps
from conicflow.proofs_check.theorems.material.formulas import Formulas
from conicflow.proofs_check.theorems.material.moves import step
from conicflow.proofs_check.theorems.mutants.catalogue import mutants
from conicflow.proofs_check.theorems.mutants.inject import injected
from conicflow.proofs_check.theorems.processes import Task
from conicflow.proofs_check.theorems.registry import checks
from drawn_problems import by_generator

MAP = """\
schema = 1
kind = "pointwise"
name = "own_tent"
title = "t"
reference = "r"
family = "partially 1-homogeneous"
phi = "1/(1 + (x - theta)**4)"
[parameters]
theta = "interval"
[inputs]
x = "place"
"""
LOSS = """\
schema = 1
kind = "loss"
name = "own_huber"
title = "t"
reference = "r"
targets = "real"
value = "max(min(f - y, delta), -delta)*(f - y) - max(min(f - y, delta), -delta)**2/2"
conjugate = "p**2/2 + p*y"
conjugate_domain = ["delta - p", "delta + p"]
[constants]
delta = { positive = true, description = "d" }
"""


def command(*arguments: str) -> tuple[int, str, str]:
    ran = CliRunner().invoke(cli.main, ["check", *arguments])
    return ran.exit_code, ran.stdout, ran.stderr


def test_laws_hold_for_a_map_of_ones_own_and_say_where_they_do_not_apply(shared_cache: Path, tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(MAP)
    code, out, err = command("data-term", "translation", "fresh-kernels", "fenchel-young", "--spec", str(path))
    assert code == 0, out + err
    rows = {line.split()[0]: " ".join(line.split()) for line in out.splitlines() if line}
    assert rows["data-term"].endswith("holds")
    assert rows["translation"].endswith("does not apply: it is about features on the torus")
    assert rows["fenchel-young"].endswith("does not apply: it is about losses")
    assert "fresh-kernels" not in rows  # it is about the catalogue's files
    assert err.splitlines() == ["data-term: holds, 12 cases"]


def test_laws_hold_for_a_loss_of_ones_own_and_for_maps_that_bear_it(shared_cache: Path, tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(LOSS)
    verdicts = campaign.check_own(["fenchel-young", "data-term", "large-kernels"], 0, loss=read(path))
    found = {verdict.check.name: [outcome.subject for outcome in verdict.outcomes] for verdict in verdicts}
    assert found == {"fenchel-young": ["own_huber"], "data-term": ["gaussian", "relu"], "large-kernels": []}
    assert all(verdict.holds for verdict in verdicts)
    assert verdicts[2].lacks == "feature maps"
    with maps.including(None, read(path)):
        assert cases.problem(by_generator(np.random.default_rng(0)), "gaussian").loss.name == "own_huber"
    assert maps.users() == ()


def test_a_law_that_fails_is_told_with_its_case(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(MAP)
    wrong = Outcome("convexity", "own_tent", 3, 7.5, {"s": 0.5})
    nothing = Outcome("data-term", "own_tent", missed="an objective that stays finite")
    verdicts = [campaign.Verdict(checks()[outcome.check], (outcome,)) for outcome in (wrong, nothing)]
    monkeypatch.setattr(campaign, "check_own", lambda names, seed, spec, told: verdicts)
    code, out, _ = command("--spec", str(path))
    assert code == 1
    assert "FAILS" in out
    assert "convexity, own_tent: margin 7.5 at s = 0.5" in out
    assert "not tried: no draw had an objective that stays finite" in out


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "No such file"),
        ("schema = 1\nkind = 'pointwise'", "own.toml"),
        (MAP.replace("x - theta", "x - open(theta)"), "own.toml"),
        (LOSS, "compile_spec is for feature maps"),
    ],
)
def test_a_spec_that_is_none_is_one_line(shared_cache: Path, tmp_path: Path, text: str | None, words: str) -> None:
    path = tmp_path / "own.toml"
    if text is not None:
        path.write_text(text)
    ran = CliRunner().invoke(cli.main, ["check", "convexity", "--spec", str(path)])
    assert ran.exit_code == 2
    assert len(ran.stderr.splitlines()) == 1
    assert words in ran.stderr


def test_mutants_are_of_what_is_built_in(tmp_path: Path) -> None:
    code, _, err = command("--mutants", "--spec", str(tmp_path / "own.toml"))
    assert code == 2
    assert len(err.splitlines()) == 1
    assert "leave it out" in err


def test_a_check_is_a_line_on_a_pipe_as_soon_as_it_is_done() -> None:
    told: list[str] = []
    campaign.check_all(["fresh-kernels", "size-of-waves"], 0, lambda decided, share: told.append(f"{share:.0%}"))
    assert len(told) == 2
    assert told[-1] == "100%"
    code, _, err = command("fresh-kernels", "--mutants")
    assert code == 0
    lines = [line.split(":")[0] for line in err.splitlines()]
    assert lines == ["fresh-kernels", "stale-kernel"]


def test_a_kernel_is_compiled_from_a_wrong_template_killed_and_gone_afterwards(shared_cache: Path) -> None:
    mutant, kernel = mutants()["weights-never-leave"], load_kernel("_flow")
    before = kernel.advance
    with injected(mutant.change):
        assert kernel.advance is not before
    assert kernel.advance is before
    killed = processes.perform(Task(mutant.check, mutant.subject, mutant=mutant.name))
    assert campaign.Kill(mutant, killed).holds, killed
    assert kernel.advance is before


def test_without_a_compiler_kernels_are_left_out_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    left_out = campaign.unbuildable(["steps", "convexity"])
    assert "weights-never-leave" in left_out
    assert "concave-variation" not in left_out
    assert "no-such-compiler" in left_out["weights-never-leave"]


@pytest.mark.parametrize("name", ["gaussian", "relu", "relu_signed_square", "tanh", "fourier_2d"])
@pytest.mark.parametrize("scheme", ["euler", "forward-backward", "conic", "conic-canonical"])
def test_a_short_step_goes_along_the_velocity(name: str, scheme: str) -> None:
    """Two formulas of the checks' own, of each other independent: u + h v + O(h²)."""
    tried = 0
    for seed in range(12):
        draw: Draw = by_generator(np.random.default_rng(seed))
        case, conic, speeds = cases.problem(draw, name, "squared"), scheme.startswith("conic"), (0.5, 2.0)
        try:
            u = cases.particles(draw, case, conic=conic)
        except Inapplicable:  # at a kink
            continue
        tried += 1
        formulas, off = Formulas(case), []
        for h in (1e-4, 1e-5):
            moved = step(formulas, u, scheme, h, speeds)
            along = u + h * formulas.velocity(u, conic, speeds)
            wrapped = case.features.domain.difference(moved[:, case.outputs :], along[:, case.outputs :])
            off.append(max(np.abs(moved - along)[:, : case.outputs].max(), np.abs(wrapped).max()))
        assert off[1] <= off[0] / 50 + 1e-13  # a hundredth
    assert tried
