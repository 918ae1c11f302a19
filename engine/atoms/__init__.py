"""A measure in, one with J no higher out (docs/theory.md §9)."""
