"""Problem files in, result folders out."""
