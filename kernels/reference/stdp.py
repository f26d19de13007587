"""Pair spike-timing-dependent plasticity; `traces` tells how traces are kept."""

from __future__ import annotations

import numpy as np


def stdp_arrival_step(
    step,
    history,
    history_count,
    lags,
    begin,
    end,
    targets,
    trace_post,
    rate_post,
    span_post,
    direct,
    weights,
    low,
    high,
    synapse,
    change,
    proposed,
):
    """A spike arrives: depress its synapses by the targets' traces."""
    lowered = weights.dtype.type(-np.exp(-rate_post * (step % span_post)))
    arrived = 0
    for g, lag in enumerate(lags):
        slot = (step - lag) % len(history)
        for source in history[slot, : history_count[slot]].astype(np.int64):
            segment = source * lags.size + g
            row = np.arange(begin[segment], end[segment])
            moved = lowered * trace_post[targets[row]]
            _learn(row, moved, direct, weights, low, high, synapse, change, proposed)
        arrived += int(history_count[slot])
    return arrived


def stdp_spike_step(
    step,
    fired_post,
    count_post,
    portion,
    portions,
    first_post,
    synapse_post,
    segment_post,
    trace_pre,
    rate_pre,
    span_pre,
    direct,
    weights,
    low,
    high,
    synapse,
    change,
    proposed,
):
    """A target fires: potentiate its synapses by the traces (n_segments,) of arrivals, scaled.

    portion, portions: which of so many equal portions of each unit's synapses this kernel works on.
    """
    lowered = weights.dtype.type(np.exp(-rate_pre * (step % span_pre)))
    for j in fired_post[: count_post[0]]:
        first, n = int(first_post[j]), int(first_post[j + 1]) - int(first_post[j])
        incoming = slice(first + n * portion // portions, first + n * (portion + 1) // portions)
        moved = lowered * trace_pre[segment_post[incoming]]
        _learn(synapse_post[incoming], moved, direct, weights, low, high, synapse, change, proposed)
    return int(count_post[0])


def _learn(synapses, value, direct, weights, low, high, synapse, change, proposed):
    """Carry out the changes at once, or append those that are not zero to the proposals."""
    if direct:
        weights[synapses] = np.minimum(np.maximum(weights[synapses] + value, low), high)
        return
    moved = value != 0
    room = slice(proposed[0], proposed[0] + np.count_nonzero(moved))
    synapse[room] = synapses[moved]
    change[room] = value[moved]
    proposed[0] = room.stop
