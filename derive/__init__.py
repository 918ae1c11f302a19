"""Symbols in, kernel source out: specs, their derivatives and proofs, and the modules that Pythran compiles."""

from pathlib import Path

SPECS = Path(__file__).parent / "specs"
