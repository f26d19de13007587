"""What arrived in a step, counted in whole numbers, comes to its receptor."""

from __future__ import annotations


def sum_step(sums, unit, receiving):
    """Add sums (n,) int64, each in units of `unit`, to receiving (n,) and zero them; return nothing."""
    receiving += (sums * unit).astype(receiving.dtype)
    sums[:] = 0
