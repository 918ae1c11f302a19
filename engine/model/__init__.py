"""What is minimised, and how far from the minimum a measure is."""
