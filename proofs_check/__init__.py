"""Proofs that can be checked: bounds in ball arithmetic, and the independent checker. Neither uses a kernel."""
