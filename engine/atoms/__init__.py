"""A measure in, one with J no higher out."""
