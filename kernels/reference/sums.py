"""Arrivals of a step that were counted in whole numbers are added to their receptor."""

from __future__ import annotations


def sum_step(sums, unit, receiving):
    """Add sums (n,) int64 times `unit` to receiving (n,), then set them to 0; return nothing."""
    receiving += (sums * unit).astype(receiving.dtype)
    sums[:] = 0
