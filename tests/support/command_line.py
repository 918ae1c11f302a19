"""The command line, run in this process or in one of its own, and a problem for it."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result
from conicflow.app import cli

RIGHT = """
[features]
name = "fourier"
cutoff = 5
[loss]
name = "squared"
data = "y.npy"
[measure]
penalty_ratio = 0.1
"""


Write = Callable[[str], Path]


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli.main, [str(argument) for argument in arguments], prog_name="conicflow")


def shell(*arguments: str | Path, **options: Any) -> "subprocess.CompletedProcess[str]":
    """The command in a process of its own, as from a shell."""
    command = [sys.executable, "-c", "from conicflow.app.cli import main; main(prog_name='conicflow')"]
    return subprocess.run([*command, *map(str, arguments)], capture_output=True, text=True, timeout=300, **options)


def one_line(stderr: str) -> str:
    assert stderr.startswith("conicflow: error: ")
    assert stderr.endswith("\n")
    assert stderr.count("\n") == 1
    assert "Traceback" not in stderr
    return stderr
