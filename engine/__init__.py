"""The compiled engine: problems, measures, flows, the solver and its gaps. NumPy and compiled kernels only."""
