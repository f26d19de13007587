"""Carrying out a rule's proposals on plain numbers."""

from .caching import kernel


@kernel
def program_step(synapse, change, proposed, low, high, weights):
    """Add the proposed changes, in order, and keep each weight within [low, high]; return their
    number.

    synapse (capacity,) uint32 and change (capacity,): the first proposed[0] entries are proposals;
    proposed[0] is set to 0 after.
    """
    count = proposed[0]
    for k in range(count):
        s = synapse[k]
        weights[s] = min(max(weights[s] + change[k], low), high)
    proposed[0] = 0
    return count
