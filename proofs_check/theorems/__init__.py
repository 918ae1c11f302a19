"""Theorem checks: every property of the theory, searched for a counterexample; and mutants that each check must kill."""
