"""Carrying out a rule's proposals on plain numbers."""

from __future__ import annotations

import numpy as np


def program_step(synapse, change, proposed, low, high, weights):
    """Add the proposed changes, in order, and keep each weight within [low, high].

    Returns their number. synapse (capacity,) uint32 and change (capacity,): the first proposed[0]
    entries are proposals; proposed[0] is set to 0 after.
    """
    count = int(proposed[0])
    for s, dw in zip(synapse[:count], change[:count], strict=True):
        weights[s] = min(max(weights[s] + dw, low), high)
    proposed[0] = 0
    return count


def shadow_step(synapse, change, proposed, low, high, shadow):
    """Move weights that are kept beside a store's by what is proposed to it.

    Returns the number of proposals, which are left to the store.
    """
    count = int(proposed[0])
    for s, dw in zip(synapse[:count], change[:count].astype(float), strict=True):
        room = max(high - shadow[s], 0) if dw > 0 else max(shadow[s] - low, 0)
        shadow[s] += np.sign(dw) * min(abs(dw), room)
    return count
