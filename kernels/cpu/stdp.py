"""Pair spike-timing-dependent plasticity; `traces` tells how traces are kept."""

import math

import numpy as np
from numba import njit

from .caching import kernel
from .deliver import NEAR, prefetch

AHEAD = 64  # synapses between fetching the weight of one and changing it


@njit(error_model="numpy", inline="always")
def learn(s, moved, direct, weights, low, high, synapse, change, room):
    """Carry out one change at once, or propose it as number `room`.

    Returns the number of the next proposal. `direct` is the same for all, so the compiler makes two
    loops of the one around this.
    """
    if direct:
        weights[s] = min(max(weights[s] + moved, low), high)
        return room
    if moved != 0:
        synapse[room] = s
        change[room] = moved
        return room + 1
    return room


@kernel
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
    """A spike arrives: depress its synapses by the targets' traces.

    begin, end (n_segments,): the synapses of each (source, lag); trace_post (n_post,) of each
    target, scaled, with its rate [1/step] and span. Where `direct` is 1, weights (n_synapses,) are
    changed and kept within low and high; else synapse, change (capacity,): proposals, appended
    behind proposed[0].
    """
    depth, room, arrived = history.shape[0], proposed[0], 0
    lowered = weights.dtype.type(0)
    for g in range(lags.size):
        slot = (step - lags[g]) % depth
        if history_count[slot] and arrived == 0:
            lowered = weights.dtype.type(-math.exp(-rate_post * (step % span_post)))
        arrived += history_count[slot]
        for k in range(history_count[slot]):
            segment = history[slot, k] * lags.size + g
            for s in range(begin[segment], end[segment]):
                moved = lowered * trace_post[targets[s]]
                room = learn(s, moved, direct, weights, low, high, synapse, change, room)
    proposed[0] = room
    return arrived


@njit(error_model="numpy", inline="always")
def portion_of(begin, end, portion, portions):
    """Where one of `portions` equal portions of the range from begin to end - 1 begins and ends."""
    n = np.int64(end) - np.int64(begin)
    first = np.uint32(n * portion // portions)
    return begin + first, begin + np.uint32(n * (portion + 1) // portions)


@kernel
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
    if count_post[0] == 0:
        return 0
    room, far = proposed[0], direct and synapse_post.size > NEAR
    lowered = weights.dtype.type(math.exp(-rate_pre * (step % span_pre)))
    for k in range(count_post[0]):
        begin, end = first_post[fired_post[k]], first_post[fired_post[k] + 1]
        if portions > 1:
            begin, end = portion_of(begin, end, portion, portions)
        if far:
            for q in range(begin, min(begin + AHEAD, end)):
                prefetch(weights, synapse_post[q])
        for q in range(begin, end):
            if far and q + AHEAD < end:
                prefetch(weights, synapse_post[q + AHEAD])
            moved = lowered * trace_pre[segment_post[q]]
            room = learn(synapse_post[q], moved, direct, weights, low, high, synapse, change, room)
    proposed[0] = room
    return count_post[0]
