"""What arrived in a step, counted in whole numbers, comes to its receptor."""

from .caching import kernel


@kernel
def sum_step(sums, unit, receiving):
    """Add sums (n,) int64, each in units of `unit`, to receiving (n,) and zero them; return nothing."""
    for i in range(receiving.size):
        receiving[i] += receiving.dtype.type(sums[i] * unit)
        sums[i] = 0
