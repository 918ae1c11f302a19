"""What a person touches: the command line, problem files, result folders, tables and figures."""
