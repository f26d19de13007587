"""Sending: where spikes go once units have fired.

They enter the history ring, from which delayed deliveries read, and the running hash.
"""

from __future__ import annotations

import numpy as np

from .random import GOLDEN, mix


def send_step(step, fired, count, history, history_count, signature):
    """Enter this step's spikes into the history ring and into the running spike hash."""
    slot = step % len(history)
    spikes = fired[: count[0]]
    history_count[slot] = spikes.size
    history[slot, : spikes.size] = spikes
    if spikes.size:
        with np.errstate(over="ignore"):
            code = mix(signature[0] ^ (np.uint64(step) * np.uint64(GOLDEN)))
        for index in spikes:
            code = mix(code ^ np.uint64(index))
        signature[0] = code


def gather_step(fired, counts, starts, count):
    """Join the lists of units that fired in the shards of a population.

    The list of a shard stands in `fired` from the shard's first unit on and numbers units from
    there. counts (n_shards,): length of each list; starts (n_shards,) int64: first unit of each
    shard; count (1,): length of all.
    """
    lists = [
        fired[start : start + n] + np.uint32(start) for start, n in zip(starts, counts, strict=True)
    ]
    count[0] = counts.sum()
    fired[: count[0]] = np.concatenate(lists)


def share_step(fired, count, low, high, own_fired, own_count):
    """List those that fired of the units from `low` to `high` - 1.

    own_fired (high - low,), own_count (1,).
    """
    own = [unit for unit in fired[: count[0]] if low <= unit < high]
    own_fired[: len(own)] = own
    own_count[0] = len(own)
