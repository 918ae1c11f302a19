"""Problem files in, result folders out. What is read is parsed, never run; what we did not write is never deleted."""
