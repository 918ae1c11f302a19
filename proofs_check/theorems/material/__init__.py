"""What laws are tried on: cases that Hypothesis draws, and the formulas of specs in NumPy."""
