"""Delivery of spikes over synapses stored in (source, delay) order, or drawn again when they are needed."""

from __future__ import annotations

import numpy as np

from .rows import row_begin, row_chances, row_words


def deliver_step(step, history, history_count, lags, first, targets, weights, pending, drowsy, place, woken, receiving):
    """Add to `receiving` the weights of every spike that arrives by the end of this step; return how many.

    history (depth, n_pre) uint32, fired lists by step modulo depth, and history_count (depth,) their
    lengths; lags (n_lags,) distinct delays [steps]; first (n_pre * n_lags + 1,) start of the segment of
    each (source, lag); targets (n_synapses,) uint32; weights (n_synapses,) or one number; pending, drowsy,
    place and woken: not used here; receiving (n_post,).
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


def deliver_coded_step(
    step, history, history_count, lags, first, words, shift, table, pending, drowsy, woken, receiving
):
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
    step, history, history_count, lags, row_sizes, shares, row_draws, row_seeds, sizes, skips, places, codes,
    masks, shift, table, pending, drawn, drowsy, woken, receiving,
):  # fmt: skip
    """`deliver_coded_step` for words that are drawn again at every spike, see `rows`, of several members at once.

    row_sizes (n_pre, n_members) uint32, shares (n_lags + 1, n_members) uint32 and row_draws (n_pre, n_lags + 1,
    n_members) int8, int16 or int32 tell where the draws of each (source, lag) begin, see `row_begin`; of each member
    row_seeds, the key of its draws; sizes, its number of targets; skips, 1 to pass over the source's own index; places,
    its first place in `receiving`; codes, its first in `table`; masks, its number of levels - 1; all (n_members,),
    uint32 but for the seeds. drawn: not used here.
    """
    arrived = 0
    for g, sources in _arriving(step, history, history_count, lags):
        for source in sources:
            for m in range(sizes.size):
                ends = (row_begin(row_sizes[source, m], shares[k, m], row_draws[source, k, m]) for k in (g, g + 1))
                draws = np.arange(*ends)
                targets, _ = row_words(row_seeds[m], source, draws, int(sizes[m]), int(skips[m]))
                levels = row_chances(row_seeds[m], source, draws, int(sizes[m]) - int(skips[m])) & masks[m]
                np.add.at(receiving, int(places[m]) + targets, table[codes[m] + levels])
        arrived += sources.size
    return arrived


def _arriving(step, history, history_count, lags):
    """The place of each lag, and the sources whose spikes arrive after it."""
    for g, lag in enumerate(lags):
        slot = (step - lag) % len(history)
        yield g, history[slot, : history_count[slot]].astype(np.int64)
