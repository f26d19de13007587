"""Units that pass on what they receive."""

from __future__ import annotations

import numpy as np

from .scan import note


def relay_step(arrived, merged, counted, fired):
    """Fire every unit that something arrived at; return the spike count.

    arrived (n,), set to 0 after. merged (n,) int64: where `counted` is 1, each arrival has added 1
    to `arrived`, and all but one of a unit's arrivals in this step are counted here, because they
    make no spike of their own.
    """
    if counted:
        merged += np.maximum(arrived.astype(np.int64) - 1, 0)
    count = note(arrived != 0, fired)
    arrived[:] = 0
    return count
