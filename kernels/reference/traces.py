"""Exponential traces of spikes that are scaled, not decayed.

A trace x is kept as X with x = X exp(-rate * (step % span)): time multiplies all of them by one
number, so only events touch them. Every `span` steps each X is multiplied by shrink = exp(-rate *
span) instead.
"""

from __future__ import annotations

import numpy as np

FLOOR = 1e-30  # below this a trace is nothing
MOST = 64  # spans after which nothing is left


def trace_rescale_step(step, trace, since, span, shrink, upcoming):
    """Bring the traces (n,) to the span of this step.

    since (1,) int64: the span they are in; upcoming (1,): the next.
    """
    now = step // span
    upcoming[0] = (now + 1) * span
    for _ in range(min(now - int(since[0]), MOST)):
        trace[:] = np.where(np.abs(trace) > FLOOR, trace * shrink, 0)
    since[0] = now
    return 0


def trace_arrival_step(step, history, history_count, lags, trace, rate, span, jump, keep):
    """A spike arrives: raise the trace of its segment by `jump`. trace (n_segments,) of each
    (source, lag), scaled; keep: 1, or 0 where the spike sets it to `jump`.
    """
    raised, arrived = jump * np.exp(rate * (step % span)), 0
    for g, lag in enumerate(lags):
        slot = (step - lag) % len(history)
        sources = history[slot, : history_count[slot]].astype(np.int64)
        segments = sources * lags.size + g
        trace[segments] = trace[segments] * keep + raised
        arrived += sources.size
    return arrived


def trace_spike_step(step, fired, count, trace, rate, span, jump, keep):
    """A unit fires: raise its trace by `jump`, or set it. trace (n_units,) scaled."""
    units = fired[: count[0]]
    trace[units] = trace[units] * keep + jump * np.exp(rate * (step % span))
    return int(count[0])
