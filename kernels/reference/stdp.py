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
    trace_post, since_post, rate_post, span_post, shrink_post, a_plus, synapse, change, proposed,
):  # fmt: skip
    """A spike arrives: raise the trace of its segment, propose depression by the targets' traces."""
    begin = int(proposed[0])
    arriving = [(g, (step - lag) % len(history)) for g, lag in enumerate(lags)]
    if not any(history_count[slot] for _, slot in arriving):
        return 0
    rescale(step, span_pre, shrink_pre, since_pre, trace_pre)
    rescale(step, span_post, shrink_post, since_post, trace_post)
    raised = a_plus * np.exp(rate_pre * (step % span_pre))
    lowered = -np.exp(-rate_post * (step % span_post))
    for g, slot in arriving:
        for source in history[slot, : history_count[slot]].astype(np.int64):
            segment = source * lags.size + g
            trace_pre[segment] += raised
            row = np.arange(first[segment], first[segment + 1])
            _propose(row, lowered * trace_post[targets[row]], synapse, change, proposed)
    return int(proposed[0]) - begin


def stdp_spike_step(
    step, fired_post, count_post, first_post, synapse_post, segment_post, trace_pre, since_pre, rate_pre,
    span_pre, shrink_pre, trace_post, since_post, rate_post, span_post, shrink_post, a_minus, synapse,
    change, proposed,
):  # fmt: skip
    """A target fires: raise its trace, propose potentiation by the traces of its synapses' segments."""
    if count_post[0] == 0:
        return 0
    begin = int(proposed[0])
    rescale(step, span_pre, shrink_pre, since_pre, trace_pre)
    rescale(step, span_post, shrink_post, since_post, trace_post)
    lowered = np.exp(-rate_pre * (step % span_pre))
    raised = a_minus * np.exp(rate_post * (step % span_post))
    for j in fired_post[: count_post[0]]:
        trace_post[j] += raised
        incoming = slice(first_post[j], first_post[j + 1])
        value = lowered * trace_pre[segment_post[incoming]]
        _propose(synapse_post[incoming], value, synapse, change, proposed)
    return int(proposed[0]) - begin


def _propose(synapses, value, synapse, change, proposed):
    """Append the changes that are not zero."""
    moved = value != 0
    room = slice(proposed[0], proposed[0] + np.count_nonzero(moved))
    synapse[room] = synapses[moved]
    change[room] = value[moved]
    proposed[0] = room.stop
