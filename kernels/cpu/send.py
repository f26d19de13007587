"""Sending: where spikes go once units have fired.

They enter the history ring, from which delayed deliveries read, and the running hash.
"""

import numpy as np

from .caching import kernel
from .random import mix

SPREAD = np.uint64(0x9E3779B97F4A7C15)  # odd: steps map to distinct words


@kernel
def send_step(step, fired, count, history, history_count, signature):
    """Enter this step's spikes into the history ring and into the running spike hash."""
    slot = step % history.shape[0]
    spikes = count[0]
    history_count[slot] = spikes
    if spikes:
        code = mix(signature[0] ^ (np.uint64(step) * SPREAD))
        for k in range(spikes):
            history[slot, k] = fired[k]
            code = mix(code ^ np.uint64(fired[k]))
        signature[0] = code


@kernel
def gather_step(fired, counts, starts, count):
    """Join the lists of units that fired in the shards of a population.

    The list of a shard stands in `fired` from the shard's first unit on and numbers units from
    there. counts (n_shards,): length of each list; starts (n_shards,) int64: first unit of each
    shard; count (1,): length of all.
    """
    total = 0
    for p in range(starts.size):
        for k in range(starts[p], starts[p] + counts[p]):
            fired[total] = fired[k] + starts[p]
            total += 1
    count[0] = total


@kernel
def share_step(fired, count, low, high, own_fired, own_count):
    """List those that fired of the units from `low` to `high` - 1.

    own_fired (high - low,), own_count (1,).
    """
    found = 0
    for k in range(count[0]):
        if low <= fired[k] < high:
            own_fired[found] = fired[k]
            found += 1
    own_count[0] = found
