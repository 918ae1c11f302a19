"""Text in, specs out: the whitelisting parser and the tables of a spec file."""
