"""Runs the benchmarks as they are and writes docs/measured.md: beside every figure the command, the day and the machine.

A section holds what the first lines of a benchmark claim, and what it printed. What is not run again stays as it was
measured; `--only` without a name measures nothing, and writes claims and commands anew.

Run: python benchmarks/report.py [--only NAME ...]     all of them take about an hour on two cores that do nothing else
"""

from __future__ import annotations

import argparse
import ast
import datetime
import importlib.metadata
import os
import platform
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "measured.md"
PACKAGES = ("conicflow", "numpy", "scipy", "python-flint", "jax", "celer", "cvxpy", "clarabel", "scs", "hypothesis")
HEAD = """\
# Measured

Written by `python benchmarks/report.py`; no figure of a benchmark stands anywhere else. Each section says what is claimed, the
command, the day and the machine, and then what the command printed. The benchmarks measure both sides alternately in one run with
pinned threads, and print medians with the range; where other programs share a machine, read the ratios. Exit code 1 means that a
goal was missed.
"""


@dataclass(frozen=True)
class Run:
    """A command whose figures are kept.

    Parameters
    ----------
    command : as it is typed in the checkout.
    claim : what it shows; by default the first lines of the benchmark.
    """

    command: str
    claim: str = ""

    @property
    def words(self) -> str:
        """The claim, without the line that says how to run it."""
        if self.claim:
            return self.claim
        source = (ROOT / self.command.split()[1]).read_text(encoding="utf-8")
        text = ast.get_docstring(ast.parse(source)) or ""
        return re.sub(r"\s*\bRun: python .*", "", text).rstrip()


RUNS: Mapping[str, Run] = {
    "spikes": Run("python benchmarks/spikes.py"),
    "semidefinite": Run("python benchmarks/semidefinite.py"),
    "baselines": Run("python benchmarks/baselines.py"),
    "path": Run("python benchmarks/path.py"),
    "many": Run("python benchmarks/many.py 1000"),
    "networks": Run("python benchmarks/networks.py"),
    "local": Run("python benchmarks/local.py"),
    "torus": Run("python benchmarks/torus.py"),
    "solver": Run("python benchmarks/solver.py --image"),
    "random_problems": Run("python benchmarks/random_problems.py 300 5000 20"),
    "drawn_problems": Run(
        "pytest -n 0 tests/engine/solve/test_random_problems.py --hypothesis-profile=fuzz --hypothesis-seed=20261128",
        "The same problems as Hypothesis draws them, without a limit of time; of each, all that is said is checked: positions\n"
        "and signs, J by the formulas of the specs, |η| at random positions and around the atoms against the bound, a rival's J\n"
        "against the gap.",
    ),
    "mutations": Run("python benchmarks/mutations.py"),
    "certificates": Run("python benchmarks/certificates.py"),
    "forgeries": Run("python benchmarks/forgeries.py"),
    "adversarial": Run("python benchmarks/adversarial.py 100 0 10"),
    "theorems": Run(
        "conicflow check --mutants",
        "Searches for counterexamples to the theorems that the program rests on, and, of each search, whether it can fail:\n"
        "mistakes that are put into the program must be found.",
    ),
    "pointwise": Run("python benchmarks/pointwise.py"),
    "kernels": Run("python benchmarks/kernels.py"),
    "steps": Run("python benchmarks/steps.py"),
    "own_kernel": Run("python benchmarks/own_kernel.py"),
    "build": Run("python benchmarks/build.py"),
    "compilations": Run("python benchmarks/compilations.py"),
    "imports": Run("python benchmarks/imports.py"),
}
"""By the names of their sections, in their order."""


def machine() -> str:
    """Processor, system and versions, in a line."""
    cpu = platform.processor()
    if Path("/proc/cpuinfo").is_file():
        names = re.findall(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
        cpu = names[0] if names else cpu
    known = {item.metadata["Name"].lower() for item in importlib.metadata.distributions()}
    versions = [f"{name} {importlib.metadata.version(name)}" for name in PACKAGES if name in known]
    return f"{os.cpu_count()} × {cpu}, {platform.system()}, Python {platform.python_version()}, {', '.join(versions)}"


def commit() -> str:
    """The commit that is checked out."""
    call = ["git", "-C", str(ROOT), "describe", "--always", "--dirty"]
    return subprocess.run(call, capture_output=True, text=True, check=False).stdout.strip() or "unknown"


def measure(name: str) -> str:
    """Run one command: when and where, and what it printed."""
    run, python = RUNS[name], Path(sys.executable)
    paths = f"{python.parent}{os.pathsep}{os.environ.get('PATH', '')}"
    print(f"{name}: {run.command}", flush=True)
    with tempfile.TemporaryFile("w+", encoding="utf-8") as printed:
        done = subprocess.run(
            run.command.split(), cwd=ROOT, env=os.environ | {"PATH": paths}, stdout=printed, check=False
        )
        printed.seek(0)
        text = "\n".join(line.rstrip() for line in printed.read().strip().splitlines())
    facts = f"{datetime.date.today()}, commit {commit()}; {machine()}; exit code {done.returncode}."
    return f"{facts}\n\n```text\n{text}\n```"


def measured(page: str) -> dict[str, str]:
    """What the page as it is says under each name after the command: when and where, and what was printed."""
    parts = re.split(rf"^## ({'|'.join(RUNS)})\n", page, flags=re.MULTILINE)[1:]
    texts = zip(parts[::2], parts[1::2], strict=True)
    return {name: re.split(r"^`.*`\n", text, maxsplit=1, flags=re.MULTILINE)[1].strip() for name, text in texts}


def page(known: Mapping[str, str]) -> str:
    """The page: its head, and a section for each name that is known, in their order."""
    found = [(name, RUNS[name], known[name]) for name in RUNS if name in known]
    return "\n".join([HEAD, *(f"## {name}\n\n{run.words}\n\n`{run.command}`\n\n{text}\n" for name, run, text in found)])


def main(arguments: list[str] | None = None) -> None:
    """Run what is asked for; the page is written after each, so that what was measured is kept."""
    parser = argparse.ArgumentParser(description="Run the benchmarks and write docs/measured.md.")
    parser.add_argument("--only", nargs="*", default=list(RUNS), metavar="NAME", help=f"of {', '.join(RUNS)}")
    names = parser.parse_args(arguments).only
    if unknown := [name for name in names if name not in RUNS]:
        parser.error(f"a name is one of {', '.join(RUNS)}; got {unknown[0]}; choose one")
    known = measured(PAGE.read_text(encoding="utf-8"))
    PAGE.write_text(page(known), encoding="utf-8")
    for name in names:
        known[name] = measure(name)
        PAGE.write_text(page(known), encoding="utf-8")


if __name__ == "__main__":
    main()
