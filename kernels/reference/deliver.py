"""Delivery of spikes over synapses stored in (source, delay) order, or drawn again when they are needed."""

from __future__ import annotations

import numpy as np

from .rows import row_words


def deliver_step(step, history, history_count, lags, first, targets, weights, pending, receiving):
    """Add to `receiving` the weights of every spike that arrives by the end of this step; return how many.

    history (depth, n_pre) uint32, fired lists by step modulo depth, and history_count (depth,) their
    lengths; lags (n_lags,) distinct delays [steps]; first (n_pre * n_lags + 1,) start of the segment of
    each (source, lag); targets (n_synapses,) uint32; weights (n_synapses,) or one number; pending: not used here;
    receiving (n_post,).
    """
    arrived = 0
    for g, sources in _arriving(step, history, history_count, lags):
        for segment in sources * lags.size + g:
            row = slice(first[segment], first[segment + 1])
            each = weights[row] if np.ndim(weights) else receiving.dtype.type(weights)
            np.add.at(receiving, targets[row], each)  # one after the other: a target may occur twice
        arrived += sources.size
    return arrived


def deliver_counted_step(step, history, history_count, lags, first, targets, weights, scale, pending, receiving):
    """`deliver_step` for weights that change, counted in units of 1 / scale: receiving (n_post,) int64."""
    arrived = 0
    for g, sources in _arriving(step, history, history_count, lags):
        for segment in sources * lags.size + g:
            row = slice(first[segment], first[segment + 1])
            np.add.at(receiving, targets[row], np.rint(weights[row].astype(np.float64) * scale).astype(np.int64))
        arrived += sources.size
    return arrived


def deliver_coded_step(step, history, history_count, lags, first, words, shift, table, pending, receiving):
    """`deliver_step` for synapses of one word: words (n_synapses,) uint32 are ``target << shift | code``.

    table (n_codes,) the weight of each code.
    """
    arrived = 0
    for g, sources in _arriving(step, history, history_count, lags):
        for segment in sources * lags.size + g:
            row = words[first[segment] : first[segment + 1]]
            np.add.at(receiving, row >> np.uint32(shift), table[row & np.uint32((1 << shift) - 1)])
        arrived += sources.size
    return arrived


def deliver_drawn_step(
    step, history, history_count, lags, row_draws, row_seed, n_post, skip_self, low, high, table, receiving
):  # fmt: skip
    """`deliver_step` for synapses drawn again at every spike, see `rows`; those with targets in [low, high).

    row_draws (n_pre, n_lags + 1): the draws of each (source, lag) begin there; row_seed: key of the draws; table
    (n_levels,), a power of two, the weight of each level; receiving (n_post,).
    """
    arrived = 0
    for g, sources in _arriving(step, history, history_count, lags):
        for source in sources:
            draws = np.arange(row_draws[source, g], row_draws[source, g + 1])
            targets, words = row_words(row_seed, source, draws, n_post, skip_self)
            inside = (targets >= low) & (targets < high)
            np.add.at(receiving, targets[inside], table[words[inside] & np.uint64(table.size - 1)])
        arrived += sources.size
    return arrived


def _arriving(step, history, history_count, lags):
    """The place of each lag, and the sources whose spikes arrive after it."""
    for g, lag in enumerate(lags):
        slot = (step - lag) % len(history)
        yield g, history[slot, : history_count[slot]].astype(np.int64)
