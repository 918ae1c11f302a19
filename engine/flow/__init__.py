"""Particles move; nothing here merges, polishes or bounds."""
