"""Delivery of spikes over synapses stored in (source, delay) order, or drawn again when they are needed."""

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from .random import row_key
from .rows import chosen, row_word
from .scan import at

LINE = 16  # words per cache line
AHEAD = 8  # lines of a segment to fetch in advance; the processor goes on by itself


@intrinsic
def prefetch(typingctx, array, index):
    """Ask for the cache line of array[index] before it is needed."""

    def generate(context, builder, signature, arguments):
        view = context.make_array(signature.args[0])(context, builder, arguments[0])
        place = builder.gep(view.data, [arguments[1]])
        byte = cgutils.voidptr_t
        word = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, word, word, word])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        read, soon, data = (ir.Constant(word, value) for value in (0, 3, 1))
        builder.call(function, [builder.bitcast(place, byte), read, soon, data])
        return context.get_dummy_value()

    return types.void(array, types.intp), generate


@njit(error_model="numpy", inline="always")
def announce(segment, first, words, pending, count):
    """Note a segment in pending (2, capacity) as number `count` of those to deliver, and fetch it; return the next."""
    begin, end = first[segment], first[segment + 1]
    pending[0, count] = begin
    pending[1, count] = end
    for line in range(begin, min(end, begin + np.uint32(AHEAD * LINE)), LINE):
        prefetch(words, line)
    return count + 1


@njit(error_model="numpy")
def deliver_step(step, history, history_count, lags, first, targets, weights, pending, receiving):
    """Add to `receiving` the weights of every spike that arrives at the end of this step; return their number.

    history (depth, n_pre) uint32, fired lists by step modulo depth, and history_count (depth,) their
    lengths; lags (n_lags,) distinct delays [steps]; first (n_pre * n_lags + 1,) start of the segment of
    each (source, lag); targets (n_synapses,) uint32; weights (n_synapses,) or one number; pending (2, capacity)
    uint32, room for the segments at work; receiving (n_post,).
    """
    arrived, waiting = 0, 0
    for g in range(lags.size):
        slot = (step - lags[g]) % history.shape[0]
        arrived += history_count[slot]
        for k in range(history_count[slot]):
            waiting = announce(history[slot, k] * lags.size + g, first, targets, pending, waiting)
            if waiting == pending.shape[1]:
                _weighted(pending, waiting, targets, weights, receiving)
                waiting = 0
    _weighted(pending, waiting, targets, weights, receiving)
    return arrived


@njit(error_model="numpy")
def _weighted(pending, count, targets, weights, receiving):
    for k in range(count):
        for s in range(pending[0, k], pending[1, k]):
            receiving[targets[s]] += at(weights, s)


@njit(error_model="numpy")
def deliver_counted_step(step, history, history_count, lags, first, targets, weights, scale, pending, receiving):
    """`deliver_step` for weights that change, counted in units of 1 / scale: receiving (n_post,) int64."""
    arrived, waiting = 0, 0
    for g in range(lags.size):
        slot = (step - lags[g]) % history.shape[0]
        arrived += history_count[slot]
        for k in range(history_count[slot]):
            waiting = announce(history[slot, k] * lags.size + g, first, targets, pending, waiting)
            if waiting == pending.shape[1]:
                _counted(pending, waiting, targets, weights, scale, receiving)
                waiting = 0
    _counted(pending, waiting, targets, weights, scale, receiving)
    return arrived


@njit(error_model="numpy")
def _counted(pending, count, targets, weights, scale, receiving):
    for k in range(count):
        for s in range(pending[0, k], pending[1, k]):
            receiving[targets[s]] += np.int64(np.rint(np.float64(weights[s]) * scale))


@njit(error_model="numpy")
def deliver_coded_step(step, history, history_count, lags, first, words, shift, table, pending, receiving):
    """`deliver_step` for synapses of one word: words (n_synapses,) uint32 are ``target << shift | code``.

    table (n_codes,) the weight of each code.
    """
    arrived, waiting = 0, 0
    for g in range(lags.size):
        slot = (step - lags[g]) % history.shape[0]
        arrived += history_count[slot]
        for k in range(history_count[slot]):
            waiting = announce(history[slot, k] * lags.size + g, first, words, pending, waiting)
            if waiting == pending.shape[1]:
                _coded(pending, waiting, words, shift, table, receiving)
                waiting = 0
    _coded(pending, waiting, words, shift, table, receiving)
    return arrived


@njit(error_model="numpy")
def _coded(pending, count, words, shift, table, receiving):
    shift = np.uint32(shift)
    mask = (np.uint32(1) << shift) - np.uint32(1)
    for k in range(count):
        for s in range(pending[0, k], pending[1, k]):
            receiving[words[s] >> shift] += table[words[s] & mask]


@njit(error_model="numpy")
def deliver_drawn_step(
    step, history, history_count, lags, row_draws, row_seed, n_post, skip_self, low, high, table, receiving
):  # fmt: skip
    """`deliver_step` for synapses drawn again at every spike, see `rows`; those with targets in [low, high).

    row_draws (n_pre, n_lags + 1): the draws of each (source, lag) begin there; row_seed: key of the draws; table
    (n_levels,), a power of two, the weight of each level; receiving (n_post,).
    """
    arrived = 0
    mask = np.uint64(table.size - 1)
    whole = low <= 0 and high >= n_post
    for g in range(lags.size):
        slot = (step - lags[g]) % history.shape[0]
        arrived += history_count[slot]
        for k in range(history_count[slot]):
            source = history[slot, k]
            inner = row_key(row_seed, source)
            for draw in range(row_draws[source, g], row_draws[source, g + 1]):
                word = row_word(inner, draw)
                target = chosen(word, n_post, skip_self, source)
                if whole or low <= target < high:
                    receiving[target] += table[word & mask]
    return arrived
