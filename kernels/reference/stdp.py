"""Pair spike-timing-dependent plasticity with exponential traces that are scaled, not decayed.

A trace x is kept as X with x = X exp(-rate * (step % span)): time multiplies all of them by one number, so
only events touch them. Every `span` steps each X is multiplied by shrink = exp(-rate * span) instead.
"""

from __future__ import annotations

import numpy as np

FLOOR = 1e-30  # below this a trace is nothing
MOST = 64  # spans after which nothing is left


def rescale(step, span, shrink, since, trace):
    """Bring the traces to the span of this step; since (1,) int64 the span they are in."""
    now = step // span
    for _ in range(min(now - int(since[0]), MOST)):
        trace[:] = np.where(np.abs(trace) > FLOOR, trace * shrink, 0)
    since[0] = now


def stdp_arrival_step(
    step, history, history_count, lags, first, targets, trace_pre, since_pre, rate_pre, span_pre, shrink_pre,
    trace_post, since_post, rate_post, span_post, shrink_post, a_plus, direct, weights, low, high, synapse, change,
    proposed,
):  # fmt: skip
    """A spike arrives: raise the trace of its segment, depress its synapses by the targets' traces."""
    arriving = [(g, (step - lag) % len(history)) for g, lag in enumerate(lags)]
    if not any(history_count[slot] for _, slot in arriving):
        return 0
    rescale(step, span_pre, shrink_pre, since_pre, trace_pre)
    rescale(step, span_post, shrink_post, since_post, trace_post)
    raised = a_plus * np.exp(rate_pre * (step % span_pre))
    lowered = weights.dtype.type(-np.exp(-rate_post * (step % span_post)))
    for g, slot in arriving:
        for source in history[slot, : history_count[slot]].astype(np.int64):
            segment = source * lags.size + g
            trace_pre[segment] += raised
            row = np.arange(first[segment], first[segment + 1])
            moved = lowered * trace_post[targets[row]]
            _learn(row, moved, direct, weights, low, high, synapse, change, proposed)
    return int(sum(history_count[slot] for _, slot in arriving))


def stdp_spike_step(
    step, fired_post, count_post, first_post, synapse_post, segment_post, trace_pre, since_pre, rate_pre,
    span_pre, shrink_pre, trace_post, since_post, rate_post, span_post, shrink_post, a_minus, direct, weights, low,
    high, synapse, change, proposed,
):  # fmt: skip
    """A target fires: raise its trace, potentiate its synapses by the traces of their segments."""
    if count_post[0] == 0:
        return 0
    rescale(step, span_pre, shrink_pre, since_pre, trace_pre)
    rescale(step, span_post, shrink_post, since_post, trace_post)
    lowered = weights.dtype.type(np.exp(-rate_pre * (step % span_pre)))
    raised = a_minus * np.exp(rate_post * (step % span_post))
    for j in fired_post[: count_post[0]]:
        trace_post[j] += raised
        incoming = slice(first_post[j], first_post[j + 1])
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
