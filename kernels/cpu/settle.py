"""The end of decay.

Denormal numbers, below the smallest normal float, slow a processor down 16 times.
"""

from ..reference.settle import FLOOR
from .caching import kernel


@kernel
def settle_step(values):
    """Set to zero whatever in `values` (n,) has decayed to nothing."""
    floor, zero = values.dtype.type(FLOOR), values.dtype.type(0)
    for i in range(values.size):
        values[i] = values[i] if abs(values[i]) > floor else zero


@kernel
def clear_step(values):
    """Set `values` (n,) to zero."""
    for i in range(values.size):
        values[i] = 0
