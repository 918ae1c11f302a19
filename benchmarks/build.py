"""What an installation costs: `pip install .` in a new environment, all kernels compiled, on the cores that are there.

Run: python benchmarks/build.py
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from timing import print_table, seconds

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Install into an environment that is thrown away, and print what it took."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        install = [f"{folder}/bin/pip", "install", "--quiet", str(ROOT)]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        wall = seconds(lambda: subprocess.run(install, check=True))
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print_table(("pip install .", "seconds"), [("wall clock", f"{wall:.0f}"), ("processor", f"{busy:.0f}")])


if __name__ == "__main__":
    main()
