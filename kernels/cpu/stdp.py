"""Pair spike-timing-dependent plasticity with exponential traces that are scaled, not decayed.

A trace x is kept as X with x = X exp(-rate * (step % span)): time multiplies all of them by one number, so
only events touch them. Every `span` steps each X is multiplied by shrink = exp(-rate * span) instead.
"""

import math

from numba import njit

from .caching import kernel

FLOOR = 1e-30  # below this a trace is nothing
MOST = 64  # spans after which nothing is left


@njit(inline="always")
def rescale(step, span, shrink, since, trace):
    """Bring the traces to the span of this step; since (1,) int64 the span they are in."""
    now = step // span
    for _ in range(min(now - since[0], MOST)):
        for i in range(trace.size):
            trace[i] = trace[i] * shrink if abs(trace[i]) > FLOOR else 0
    since[0] = now


@njit(error_model="numpy", inline="always")
def learn(s, moved, direct, weights, low, high, synapse, change, room):
    """Carry out one change at once, or propose it as number `room`; return the number of the next proposal.

    `direct` is the same for all, so the compiler makes two loops of the one around this.
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
    step, history, history_count, lags, first, targets, trace_pre, since_pre, rate_pre, span_pre, shrink_pre,
    trace_post, since_post, rate_post, span_post, shrink_post, a_plus, direct, weights, low, high, synapse, change,
    proposed,
):  # fmt: skip
    """A spike arrives: raise the trace of its segment, depress its synapses by the targets' traces.

    trace_pre (n_segments,) of each (source, lag), trace_post (n_post,) of each target, scaled; rate [1/step],
    span and shrink of each side. Where `direct` is 1, weights (n_synapses,) are changed and kept within low and high;
    else synapse, change (capacity,): proposals, appended behind proposed[0].
    """
    depth, room, arrived = history.shape[0], proposed[0], 0
    raised, lowered = 0.0, weights.dtype.type(0)
    for g in range(lags.size):
        slot = (step - lags[g]) % depth
        if history_count[slot] and arrived == 0:
            rescale(step, span_pre, shrink_pre, since_pre, trace_pre)
            rescale(step, span_post, shrink_post, since_post, trace_post)
            raised = a_plus * math.exp(rate_pre * (step % span_pre))
            lowered = weights.dtype.type(-math.exp(-rate_post * (step % span_post)))
        arrived += history_count[slot]
        for k in range(history_count[slot]):
            segment = history[slot, k] * lags.size + g
            trace_pre[segment] += raised
            for s in range(first[segment], first[segment + 1]):
                moved = lowered * trace_post[targets[s]]
                room = learn(s, moved, direct, weights, low, high, synapse, change, room)
    proposed[0] = room
    return arrived


@kernel
def stdp_spike_step(
    step, fired_post, count_post, first_post, synapse_post, segment_post, trace_pre, since_pre, rate_pre,
    span_pre, shrink_pre, trace_post, since_post, rate_post, span_post, shrink_post, a_minus, direct, weights, low,
    high, synapse, change, proposed,
):  # fmt: skip
    """A target fires: raise its trace, potentiate its synapses by the traces of their segments."""
    if count_post[0] == 0:
        return 0
    room = proposed[0]
    rescale(step, span_pre, shrink_pre, since_pre, trace_pre)
    rescale(step, span_post, shrink_post, since_post, trace_post)
    lowered = weights.dtype.type(math.exp(-rate_pre * (step % span_pre)))
    raised = a_minus * math.exp(rate_post * (step % span_post))
    for k in range(count_post[0]):
        j = fired_post[k]
        trace_post[j] += raised
        for q in range(first_post[j], first_post[j + 1]):
            moved = lowered * trace_pre[segment_post[q]]
            room = learn(synapse_post[q], moved, direct, weights, low, high, synapse, change, room)
    proposed[0] = room
    return count_post[0]
