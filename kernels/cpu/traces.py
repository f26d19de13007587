"""Exponential traces of spikes that are scaled, not decayed.

A trace x is kept as X with x = X exp(-rate * (step % span)): time multiplies all of them by one
number, so only events touch them. Every `span` steps each X is multiplied by shrink = exp(-rate *
span) instead.
"""

import math

from .caching import kernel

FLOOR = 1e-30  # below this a trace is nothing
MOST = 64  # spans after which nothing is left


@kernel
def trace_rescale_step(step, trace, since, span, shrink, upcoming):
    """Bring the traces (n,) to the span of this step.

    since (1,) int64: the span they are in; upcoming (1,): the next.
    """
    upcoming[0] = (since[0] + 1) * span
    if step < upcoming[0]:
        return 0
    now = step // span
    upcoming[0] = (now + 1) * span
    for _ in range(min(now - since[0], MOST)):
        for i in range(trace.size):
            trace[i] = trace[i] * shrink if abs(trace[i]) > FLOOR else 0
    since[0] = now
    return 0


@kernel
def trace_arrival_step(step, history, history_count, lags, trace, rate, span, jump, keep):
    """A spike arrives: raise the trace of its segment by `jump`. trace (n_segments,) of each
    (source, lag), scaled; keep: 1, or 0 where the spike sets it to `jump`.
    """
    depth, arrived, raised = history.shape[0], 0, 0.0
    for g in range(lags.size):
        slot = (step - lags[g]) % depth
        if history_count[slot] and arrived == 0:
            raised = jump * math.exp(rate * (step % span))
        arrived += history_count[slot]
        for k in range(history_count[slot]):
            segment = history[slot, k] * lags.size + g
            trace[segment] = trace[segment] * keep + raised
    return arrived


@kernel
def trace_spike_step(step, fired, count, trace, rate, span, jump, keep):
    """A unit fires: raise its trace by `jump`, or set it. trace (n_units,) scaled."""
    if count[0] == 0:
        return 0
    raised = jump * math.exp(rate * (step % span))
    for k in range(count[0]):
        trace[fired[k]] = trace[fired[k]] * keep + raised
    return count[0]
