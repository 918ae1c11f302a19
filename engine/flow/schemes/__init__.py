"""One file for each scheme, and the list of their names; what all of them share is outside."""
