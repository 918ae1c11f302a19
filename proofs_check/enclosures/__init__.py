"""Formulas in balls: every exact value lies inside what these return. No claims."""
