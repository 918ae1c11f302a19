"""What a person touches: commands, files, figures and words. It may import every room; no room imports it."""
