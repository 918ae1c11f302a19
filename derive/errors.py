"""The one error of this folder."""


class SpecError(Exception):
    """Something is wrong with a spec: its file, an expression in it, or a claim it makes.

    The message states the rule, then the value that broke it, then what to do.
    """
