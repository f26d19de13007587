"""Marks of synapses (eligibility traces) and the reward that turns them into weight.

The kernels of rules of a user's own: spikes mark synapses, a reward that arrives at a target moves
the weights of the marked ones, as in Izhikevich (2007), doi:10.1093/cercor/bhl152.
"""

from __future__ import annotations

import math

import numpy as np


def lower_marks_step(  # type: ignore[no-untyped-def]
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
    trace_c,
    rate_c,
    span_c,
):
    """A spike arrives: the marks of its synapses fall by the targets' traces."""
    depth, arrived = history.shape[0], 0
    factor = -math.exp(rate_c * (step % span_c) - rate_post * (step % span_post))
    for g in range(lags.size):
        slot = (step - lags[g]) % depth
        for k in range(history_count[slot]):
            segment = np.int64(history[slot, k]) * lags.size + g
            for s in range(begin[segment], end[segment]):
                trace_c[s] += factor * trace_post[targets[s]]
        arrived += history_count[slot]
    return arrived


def raise_marks_step(  # type: ignore[no-untyped-def]
    step,
    fired_post,
    count_post,
    first_post,
    synapse_post,
    segment_post,
    trace_pre,
    rate_pre,
    span_pre,
    trace_c,
    rate_c,
    span_c,
):
    """A target fires: the marks of its synapses rise by the traces of their arrivals."""
    factor = math.exp(rate_c * (step % span_c) - rate_pre * (step % span_pre))
    for k in range(count_post[0]):
        j = fired_post[k]
        for q in range(first_post[j], first_post[j + 1]):
            trace_c[synapse_post[q]] += factor * trace_pre[segment_post[q]]
    return count_post[0]


def reward_step(  # type: ignore[no-untyped-def]
    step,
    reward,
    left,
    d,
    gain,
    begin_post,
    end_post,
    first_post,
    synapse_post,
    trace_c,
    rate_c,
    span_c,
    synapse,
    change,
    proposed,
):
    """Move weights by their marks times the reward that is left at the target.

    d (n_post,), the reward, decays and takes up what arrives.
    """
    factor, room, active = gain * math.exp(-rate_c * (step % span_c)), proposed[0], 0
    for j in range(begin_post, end_post):
        d[j] = d[j] * left + reward[j]
        if abs(d[j]) < 1e-9:
            d[j] = 0
            continue
        active += 1
        for q in range(first_post[j], first_post[j + 1]):
            s = synapse_post[q]
            synapse[room] = s
            change[room] = factor * trace_c[s] * d[j]
            room += 1
    proposed[0] = room
    return active
