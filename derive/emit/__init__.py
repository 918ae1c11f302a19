"""A proved spec in, kernel source for Pythran out."""
