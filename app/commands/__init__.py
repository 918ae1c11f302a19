"""The commands of `conicflow`: arguments in, printed lines and an exit code out. What they do is done elsewhere."""
