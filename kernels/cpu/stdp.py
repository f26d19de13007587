"""Pair spike-timing-dependent plasticity with exponential traces that decay only when somebody looks."""

from numba import njit

SHIFT = 8  # a fine table has 2**SHIFT entries
MASK = (1 << SHIFT) - 1


@njit(inline="always")
def decayed(fine, coarse, elapsed):
    """decay**elapsed from fine (256,) decay**j and coarse (rows,) decay**(256 * j); 0 beyond the tables."""
    row = elapsed >> SHIFT
    return fine[elapsed & MASK] * coarse[row] if row < coarse.size else 0 * coarse[0]


@njit(error_model="numpy")
def stdp_arrival_step(
    step, history, history_count, lags, first, targets,
    trace_pre, seen_pre, trace_post, seen_post, fine_pre, coarse_pre, fine_post, coarse_post,
    a_plus, synapse, change, proposed,
):  # fmt: skip
    """A spike arrives: raise the trace of its segment, propose depression by the targets' traces.

    trace_pre, seen_pre (n_segments,) trace of each (source, lag) at the step of its last arrival; trace_post,
    seen_post (n_post,) the same for each target's last spike; proposals are appended behind proposed[0].
    """
    depth, room = history.shape[0], proposed[0]
    begin = room
    for g in range(lags.size):
        slot = (step - lags[g]) % depth
        for k in range(history_count[slot]):
            segment = history[slot, k] * lags.size + g
            kept = decayed(fine_pre, coarse_pre, step - seen_pre[segment])
            trace_pre[segment] = trace_pre[segment] * kept + a_plus
            seen_pre[segment] = step
            for s in range(first[segment], first[segment + 1]):
                j = targets[s]
                value = trace_post[j] * decayed(fine_post, coarse_post, step - seen_post[j])
                if value != 0:
                    synapse[room] = s
                    change[room] = -value
                    room += 1
    proposed[0] = room
    return room - begin


@njit(error_model="numpy")
def stdp_spike_step(
    step, fired_post, count_post, first_post, synapse_post, segment_post,
    trace_pre, seen_pre, trace_post, seen_post, fine_pre, coarse_pre, fine_post, coarse_post,
    a_minus, synapse, change, proposed,
):  # fmt: skip
    """A target fires: raise its trace, propose potentiation by the traces of its synapses' segments."""
    room = proposed[0]
    begin = room
    for k in range(count_post[0]):
        j = fired_post[k]
        kept = decayed(fine_post, coarse_post, step - seen_post[j])
        trace_post[j] = trace_post[j] * kept + a_minus
        seen_post[j] = step
        for q in range(first_post[j], first_post[j + 1]):
            segment = segment_post[q]
            value = trace_pre[segment] * decayed(fine_pre, coarse_pre, step - seen_pre[segment])
            if value != 0:
                synapse[room] = synapse_post[q]
                change[room] = value
                room += 1
    proposed[0] = room
    return room - begin
