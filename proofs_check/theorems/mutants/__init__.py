"""Named mistakes, one by one put into the running program, that a law must find."""
