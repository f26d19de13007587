"""The end of decay.

Denormal numbers, below the smallest normal float, slow a processor down 16 times.
"""

from __future__ import annotations

import numpy as np

FLOOR = 1e-30  # below this a decaying value is nothing


def settle_step(values):
    """Set to zero whatever in `values` (n,) has decayed to nothing."""
    values[np.abs(values) <= values.dtype.type(FLOOR)] = 0


def clear_step(values):
    """Set `values` (n,) to zero."""
    values[:] = 0
