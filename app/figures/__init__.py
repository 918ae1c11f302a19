"""Pictures of results: a solution in, the bytes of a PNG out. No file is read or written here, and no number changed."""
