"""Rigorous upper bounds of sup |eta|: one file for each kind of feature map (docs/theory.md §8)."""
