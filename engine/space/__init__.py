"""Theta, phi and the norm of a weight: what eta needs, and no data."""
