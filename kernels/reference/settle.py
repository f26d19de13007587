"""The end of decay: numbers near the smallest that a float can hold slow a processor down 16 times."""

from __future__ import annotations

import numpy as np

from ..cpu.settle import EVERY, FLOOR


def settle_step(step, values):
    """Every 64 steps, set to zero whatever in `values` (n,) has decayed to nothing."""
    if step % EVERY == 0:
        values[np.abs(values) <= values.dtype.type(FLOOR)] = 0
