"""Kernels that are printed from expressions, not written by hand."""
