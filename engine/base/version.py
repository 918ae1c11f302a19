"""The version of the project, which folders of results carry; `conicflow.__version__` is this one."""

__version__ = "0.1.0"
