"""Optimal values J* by other means than the solver's."""
