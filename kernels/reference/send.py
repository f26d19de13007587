"""Sending: spikes enter the history ring, from which delayed deliveries read, and the running hash."""

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
