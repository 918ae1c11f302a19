"""Symbols in, kernel source out: specs, their derivatives and proofs, and the modules that Pythran compiles."""
