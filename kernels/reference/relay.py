"""Units that pass on what they receive."""

from __future__ import annotations

import numpy as np

from .scan import note


def relay_step(arrived, merged, counted, fired):
    """Fire every unit that something arrived at; return the spike count.

    arrived (n,), zeroed; merged (n,) int64, where `counted` is 1 and each arrival has added 1 to `arrived`: how many
    spikes were lost in others of the same unit and step.
    """
    if counted:
        merged += np.maximum(arrived.astype(np.int64) - 1, 0)
    count = note(arrived != 0, fired)
    arrived[:] = 0
    return count
