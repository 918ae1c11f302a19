"""Tables and sentences in the terminal."""
