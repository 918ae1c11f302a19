"""Files of problems and results, read and written. What is read is parsed, never run."""
