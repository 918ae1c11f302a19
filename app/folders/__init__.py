"""What is solved, drawn and kept: each folder whole or absent, over nothing that we did not write."""
