"""Kernels written by `conicflow derive`, one module per spec; compiled by Pythran, never edited by hand."""
