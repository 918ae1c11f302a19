"""What every search process has before it starts: all checks and mutants, and Hypothesis after its slow first search."""

from __future__ import annotations

from .check import Check
from .counterexample import run
from .mutants.catalogue import mutants
from .registry import checks

checks()
mutants()
run(Check("awake", "kernels", "", "", ("",), lambda subject, draw: draw.real("x", 0.0, 1.0)), "", 1)
