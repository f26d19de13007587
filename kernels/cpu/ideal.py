"""Carrying out a rule's proposals on plain numbers."""

import numpy as np

from .caching import kernel


@kernel
def program_step(synapse, change, proposed, low, high, weights):
    """Add the proposed changes, in order, and keep each weight within [low, high].

    Returns their number. synapse (capacity,) uint32 and change (capacity,): the first proposed[0]
    entries are proposals; proposed[0] is set to 0 after.
    """
    count = proposed[0]
    for k in range(count):
        s = synapse[k]
        weights[s] = min(max(weights[s] + change[k], low), high)
    proposed[0] = 0
    return count


@kernel
def shadow_step(synapse, change, proposed, low, high, shadow):
    """Move weights that are kept beside a store's by what is proposed to it.

    Returns the number of proposals, which are left to the store. synapse, change, proposed: see
    `program_step`; shadow (n_synapses,) float64. A change leads no weight over the bounds low and
    high; one beyond them stays there until it is led back.
    """
    count = proposed[0]
    for k in range(count):
        s = synapse[k]
        weight, moved = shadow[s], np.float64(change[k])
        if moved > 0:
            shadow[s] = weight + min(moved, max(high - weight, 0.0))
        else:
            shadow[s] = weight + max(moved, min(low - weight, 0.0))
    return count
