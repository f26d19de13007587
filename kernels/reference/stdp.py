"""Pair spike-timing-dependent plasticity with exponential traces that decay only when somebody looks."""

from __future__ import annotations

import numpy as np

FINE = 256  # entries of a fine table: decay**j; the coarse one holds decay**(256 * j)


def decayed(fine, coarse, elapsed):
    """decay**elapsed from the two tables; 0 beyond them; elapsed may be an array."""
    row, column = np.divmod(np.asarray(elapsed), FINE)
    inside = row < coarse.size
    return np.where(inside, fine[column] * coarse[np.minimum(row, coarse.size - 1)], 0)


def stdp_arrival_step(
    step, history, history_count, lags, first, targets,
    trace_pre, seen_pre, trace_post, seen_post, fine_pre, coarse_pre, fine_post, coarse_post,
    a_plus, synapse, change, proposed,
):  # fmt: skip
    """A spike arrives: raise the trace of its segment, propose depression by the targets' traces."""
    begin = int(proposed[0])
    for g, lag in enumerate(lags):
        slot = (step - lag) % len(history)
        for source in history[slot, : history_count[slot]].astype(np.int64):
            segment = source * lags.size + g
            kept = decayed(fine_pre, coarse_pre, step - seen_pre[segment])
            trace_pre[segment] = trace_pre[segment] * kept + a_plus
            seen_pre[segment] = step
            members = np.arange(first[segment], first[segment + 1])
            j = targets[members]
            _propose(
                members,
                -trace_post[j] * decayed(fine_post, coarse_post, step - seen_post[j]),
                synapse, change, proposed,
            )  # fmt: skip
    return int(proposed[0]) - begin


def stdp_spike_step(
    step, fired_post, count_post, first_post, synapse_post, segment_post,
    trace_pre, seen_pre, trace_post, seen_post, fine_pre, coarse_pre, fine_post, coarse_post,
    a_minus, synapse, change, proposed,
):  # fmt: skip
    """A target fires: raise its trace, propose potentiation by the traces of its synapses' segments."""
    begin = int(proposed[0])
    for j in fired_post[: count_post[0]]:
        kept = decayed(fine_post, coarse_post, step - seen_post[j])
        trace_post[j] = trace_post[j] * kept + a_minus
        seen_post[j] = step
        incoming = slice(first_post[j], first_post[j + 1])
        segment = segment_post[incoming]
        value = trace_pre[segment] * decayed(fine_pre, coarse_pre, step - seen_pre[segment])
        _propose(synapse_post[incoming], value, synapse, change, proposed)
    return int(proposed[0]) - begin


def _propose(members, value, synapse, change, proposed):
    """Append the changes that are not zero."""
    moved = value != 0
    room = slice(proposed[0], proposed[0] + np.count_nonzero(moved))
    synapse[room] = members[moved]
    change[room] = value[moved]
    proposed[0] = room.stop
