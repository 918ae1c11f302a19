"""Compiled code: found, loaded, built and cached here. Nobody else runs a compiler or imports `conicflow.generated`."""
