"""Delivery of spikes over synapses stored in (source, delay) order."""

from numba import njit

from .scan import at


@njit(error_model="numpy")
def deliver_step(step, history, history_count, lags, first, targets, weights, receiving):
    """Add to `receiving` the weights of every spike that arrives at the end of this step; return their number.

    history (depth, n_pre) uint32, fired lists by step modulo depth, and history_count (depth,) their
    lengths; lags (n_lags,) distinct delays [steps]; first (n_pre * n_lags + 1,) start of the segment of
    each (source, lag); targets (n_synapses,) uint32; weights (n_synapses,) or one number; receiving (n_post,).
    """
    arrived = 0
    depth = history.shape[0]
    for g in range(lags.size):
        slot = (step - lags[g]) % depth
        for k in range(history_count[slot]):
            segment = history[slot, k] * lags.size + g
            for s in range(first[segment], first[segment + 1]):
                receiving[targets[s]] += at(weights, s)
        arrived += history_count[slot]
    return arrived
