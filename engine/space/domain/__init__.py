"""Theta, the set in which positions live: one file for each shape, and what all of them answer."""
