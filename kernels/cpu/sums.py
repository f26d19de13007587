"""Arrivals of a step that were counted in whole numbers are added to their receptor."""

from .caching import kernel


@kernel
def sum_step(sums, unit, receiving):
    """Add sums (n,) int64 times `unit` to receiving (n,), then set them to 0; return nothing."""
    for i in range(receiving.size):
        receiving[i] += receiving.dtype.type(sums[i] * unit)
        sums[i] = 0
