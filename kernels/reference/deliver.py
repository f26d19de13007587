"""Delivery of spikes over synapses stored in (source, delay) order.

Or over synapses that are drawn again when they are needed.
"""

from __future__ import annotations

import numpy as np

from .rows import row_begin, row_chances, row_words


def deliver_step(
    step,
    history,
    history_count,
    lags,
    begin,
    end,
    targets,
    weights,
    pending,
    drowsy,
    place,
    woken,
    receiving,
):
    """Add to `receiving` the weights of every spike that arrives at the end of this step.

    Returns the number of spikes. history (depth, n_pre) uint32: row ``step % depth`` lists the
    units that fired in a step; history_count (depth,) lengths of these lists; lags (n_lags,)
    distinct delays [steps]; begin, end (n_pre * n_lags,), or longer: where the segment of each
    (source, lag) begins and ends; targets (n_synapses,) uint32; weights (n_synapses,) or one
    number; receiving (n_post,). pending, drowsy, place and woken serve speed alone and are used by
    the cpu only.
    """
    arrived = 0
    for g, sources in _arriving(step, history, history_count, lags):
        for segment in sources * lags.size + g:
            synapses = slice(begin[segment], end[segment])
            each = weights[synapses] if np.ndim(weights) else receiving.dtype.type(weights)
            # one after the other: a target may occur twice
            np.add.at(receiving, targets[synapses], each)
        arrived += sources.size
    return arrived


def deliver_counted_step(
    step, history, history_count, lags, begin, end, targets, weights, scale, pending, receiving
):
    """`deliver_step` for weights that change, counted in units of 1 / scale.

    receiving (n_post,) int64.
    """
    arrived = 0
    for g, sources in _arriving(step, history, history_count, lags):
        for segment in sources * lags.size + g:
            synapses = slice(begin[segment], end[segment])
            counted = np.rint(weights[synapses].astype(np.float64) * scale).astype(np.int64)
            np.add.at(receiving, targets[synapses], counted)
        arrived += sources.size
    return arrived


def deliver_coded_step(
    step,
    history,
    history_count,
    lags,
    first,
    words,
    shift,
    table,
    pending,
    drowsy,
    woken,
    receiving,
):
    """`deliver_step` for synapses of one word.

    words (n_synapses,) uint32 are ``target << shift | code``. first (n_pre * n_lags + 1,): where
    each segment begins, and the one before ends; table (n_codes,) the weight of each code.
    """
    arrived = 0
    for g, sources in _arriving(step, history, history_count, lags):
        for segment in sources * lags.size + g:
            own = words[first[segment] : first[segment + 1]]
            np.add.at(receiving, own >> np.uint32(shift), table[own & np.uint32((1 << shift) - 1)])
        arrived += sources.size
    return arrived


def deliver_drawn_step(
    step,
    history,
    history_count,
    lags,
    row_sizes,
    shares,
    row_draws,
    row_seeds,
    sizes,
    skips,
    places,
    codes,
    masks,
    shift,
    table,
    pending,
    drawn,
    drowsy,
    woken,
    receiving,
):
    """`deliver_coded_step` for synapses that are drawn again at every spike.

    They are those of several projections; see `rows`. The projections are the members of a bundle.
    row_sizes (n_pre, n_members) uint32, shares (n_lags + 1, n_members) uint32 and row_draws (n_pre,
    n_lags + 1, n_members) int8, int16 or int32 say where the draws of each (source, lag) begin, see
    `row_begin`. Of each member (n_members,), uint32 but for the seeds:

    - row_seeds: the key of its draws; sizes: the number of its targets; skips: 1 if a unit never
      reaches itself;
    - places: where its targets begin in `receiving`; codes: where its levels begin in `table`;
    - masks: the number of its levels - 1.

    drawn serves the cpu only.
    """
    arrived = 0
    for g, sources in _arriving(step, history, history_count, lags):
        for source in sources:
            for m in range(sizes.size):
                ends = (
                    row_begin(row_sizes[source, m], shares[k, m], row_draws[source, k, m])
                    for k in (g, g + 1)
                )
                draws = np.arange(*ends)
                targets, _ = row_words(row_seeds[m], source, draws, int(sizes[m]), int(skips[m]))
                levels = (
                    row_chances(row_seeds[m], source, draws, int(sizes[m]) - int(skips[m]))
                    & masks[m]
                )
                np.add.at(receiving, int(places[m]) + targets, table[codes[m] + levels])
        arrived += sources.size
    return arrived


def _arriving(step, history, history_count, lags):
    """For each lag: its index, and the sources whose spikes arrive after it."""
    for g, lag in enumerate(lags):
        slot = (step - lag) % len(history)
        yield g, history[slot, : history_count[slot]].astype(np.int64)
