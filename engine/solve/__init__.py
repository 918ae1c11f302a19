"""In which order, with which numbers, and what is kept."""
