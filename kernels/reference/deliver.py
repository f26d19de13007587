"""Delivery of spikes over synapses stored in (source, delay) order."""

from __future__ import annotations

import numpy as np


def deliver_step(step, history, history_count, lags, first, targets, weights, receiving):
    """Add to `receiving` the weights of every spike that arrives by the end of this step; return how many.

    history (depth, n_pre) uint32, fired lists by step modulo depth, and history_count (depth,) their
    lengths; lags (n_lags,) distinct delays [steps]; first (n_pre * n_lags + 1,) start of the segment of
    each (source, lag); targets (n_synapses,) uint32; weights (n_synapses,) or one number; receiving
    (n_post,).
    """
    arrived = 0
    for g, lag in enumerate(lags):
        slot = (step - lag) % len(history)
        sources = history[slot, : history_count[slot]].astype(np.int64)
        for segment in sources * lags.size + g:
            row = slice(first[segment], first[segment + 1])
            each = weights[row] if np.ndim(weights) else receiving.dtype.type(weights)
            np.add.at(receiving, targets[row], each)  # one after the other: a target may occur twice
        arrived += sources.size
    return arrived
