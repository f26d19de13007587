"""Delivery of spikes over synapses stored in (source, delay) order.

Or over synapses that are drawn again when they are needed.
"""

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic, overload

from ..reference.rows import EVEN
from .caching import kernel
from .marks import MARKED
from .random import row_key
from .rows import chosen, level_bits, own_mask, row_begin, row_word
from .scan import at

LINE = 16  # words per cache line
LINES = 16  # most cache lines of a segment that are fetched in advance
AHEAD = 8  # segments between fetching and delivering
NEAR = 1 << 19  # so many synapses stay in the second-level cache, so nothing is fetched in advance
WIDE = 16  # words that are drawn at once
PLAIN = 1 << (32 - EVEN)  # up to so many targets x levels, one random word is enough for both


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
def collect(step, history, history_count, lags, g, k, pending):
    """Write source and lag of arriving spikes to pending (2, capacity), until it is full.

    Begin with spike k of lag g. Return the number of entries, and the lag and the spike with which
    to continue.
    """
    count, depth = 0, history.shape[0]
    now = step % depth
    while g < lags.size:
        slot = now - lags[g] if now >= lags[g] else now - lags[g] + depth
        due = history_count[slot]
        last = min(due, k + pending.shape[1] - count)
        for spike in range(k, last):
            pending[0, count] = history[slot, spike]
            pending[1, count] = g
            count += 1
        if last < due:
            return count, g, last
        g, k = g + 1, 0
    return count, g, k


@njit(error_model="numpy", inline="always")
def locate(pending, count, n_lags, begin, end):
    """Replace each source and lag in `pending` by begin and end of its segment.

    No load waits for another.
    """
    for n in range(count):
        segment = pending[0, n] * np.uint32(n_lags) + pending[1, n]
        pending[0, n] = begin[segment]
        pending[1, n] = end[segment]


@njit(error_model="numpy", inline="always")
def fetch(pending, n, count, words):
    """Ask for the first cache lines of segment n.

    A `while`, because a range with a stride would cost a division.
    """
    if n < count:
        line = np.int64(pending[0, n])
        end = min(np.int64(pending[1, n]), line + LINES * LINE)
        while line < end:
            prefetch(words, line)
            line += LINE


def fetch_weights(pending, n, count, weights):
    """`fetch` for weights, where each synapse has its own; the compiler takes `_fetch_weights`."""


@overload(fetch_weights)
def _fetch_weights(pending, n, count, weights):
    if isinstance(weights, types.Array):
        return lambda pending, n, count, weights: fetch(pending, n, count, weights)  # noqa: PLW0108
    return lambda pending, n, count, weights: None


@kernel
def deliver_step(
    step,
    history,
    history_count,
    lags,
    begin,
    end,
    targets,
    weights,
    pending,
    drowsy,
    place,
    woken,
    receiving,
):
    """Add to `receiving` the weights of every spike that arrives at the end of this step.

    Returns the number of spikes. history (depth, n_pre) uint32: row ``step % depth`` lists the
    units that fired in a step; history_count (depth,) lengths of these lists; lags (n_lags,)
    distinct delays [steps]; begin, end (n_pre * n_lags,), or longer: where the segment of each
    (source, lag) begins and ends; targets (n_synapses,) uint32; weights (n_synapses,) or one
    number; pending (2, capacity) uint32, room for segments that were looked up; receiving
    (n_post,), entry `place` and the following of its region of memory. Where drowsy[0] is set, some
    shards nap: each arrival sets a mark in woken (n_marks,) uint8, and a marked shard wakes. One
    mark stands for 2**MARKED entries of the region.
    """
    arrived, g, k, ahead = 0, 0, 0, AHEAD if targets.size > NEAR else 0
    while g < lags.size:
        count, g, k = collect(step, history, history_count, lags, g, k, pending)
        locate(pending, count, lags.size, begin, end)
        for n in range(-ahead, count):
            if ahead:
                fetch(pending, n + ahead, count, targets)
                fetch_weights(pending, n + ahead, count, weights)
                if n < 0:
                    continue
            for s in range(pending[0, n], pending[1, n]):
                receiving[targets[s]] += at(weights, s)
            if drowsy[0]:
                for s in range(pending[0, n], pending[1, n]):
                    woken[(place + targets[s]) >> MARKED] = 1
        arrived += count
    return arrived


@kernel
def deliver_counted_step(
    step, history, history_count, lags, begin, end, targets, weights, scale, pending, receiving
):
    """`deliver_step` for weights that change, counted in units of 1 / scale.

    receiving (n_post,) int64.
    """
    arrived, g, k = 0, 0, 0
    while g < lags.size:
        count, g, k = collect(step, history, history_count, lags, g, k, pending)
        locate(pending, count, lags.size, begin, end)
        for n in range(AHEAD):
            fetch(pending, n, count, targets)
        for n in range(count):
            fetch(pending, n + AHEAD, count, targets)
            for s in range(pending[0, n], pending[1, n]):
                receiving[targets[s]] += np.int64(np.rint(np.float64(weights[s]) * scale))
        arrived += count
    return arrived


@njit(error_model="numpy", inline="always")
def scatter(words, begin, end, shift, table, drowsy, woken, receiving):
    """Deliver the words `begin` to `end` - 1, and mark their targets if any shard naps."""
    if drowsy[0]:
        for s in range(begin, end):
            woken[words[s] >> shift >> MARKED] = 1
    if shift == 0:
        for s in range(begin, end):
            receiving[words[s]] += table[0]
    else:
        mask = (np.uint32(1) << shift) - np.uint32(1)
        for s in range(begin, end):
            receiving[words[s] >> shift] += table[words[s] & mask]


@kernel
def deliver_coded_step(
    step,
    history,
    history_count,
    lags,
    first,
    words,
    shift,
    table,
    pending,
    drowsy,
    woken,
    receiving,
):
    """`deliver_step` for synapses of one word.

    words (n_synapses,) uint32 are ``target << shift | code``. first (n_pre * n_lags + 1,): where
    each segment begins, and the one before ends; table (n_codes,) the weight of each code.
    """
    shift = np.uint32(shift)
    arrived, g, k, ahead = 0, 0, 0, AHEAD if words.size > NEAR else 0
    while g < lags.size:
        count, g, k = collect(step, history, history_count, lags, g, k, pending)
        locate(pending, count, lags.size, first, first[1:])
        for n in range(-ahead, count):
            if ahead:
                fetch(pending, n + ahead, count, words)
                if n < 0:
                    continue
            scatter(words, pending[0, n], pending[1, n], shift, table, drowsy, woken, receiving)
        arrived += count
    return arrived


@intrinsic
def coded(typingctx, target, place, scale, word, mask, code):
    """``(place + target) * scale + code + (word & mask)`` in 32 bits."""

    def generate(context, builder, signature, arguments):
        target, place, scale, word, mask, code = arguments
        moved = builder.mul(builder.add(place, target), scale)
        return builder.add(moved, builder.add(code, builder.and_(word, mask)))

    return types.uint32(*(types.uint32,) * 6), generate


@kernel
def deliver_drawn_step(
    step,
    history,
    history_count,
    lags,
    row_sizes,
    shares,
    row_draws,
    row_seeds,
    sizes,
    skips,
    places,
    codes,
    masks,
    shift,
    table,
    pending,
    drawn,
    drowsy,
    woken,
    receiving,
):
    """`deliver_coded_step` for synapses that are drawn again at every spike.

    They are those of several projections; see `rows`. `kernels/reference/deliver.py` explains the
    arguments. drawn (capacity,) uint32: room for words, which are drawn first and delivered when it
    is full.
    """
    arrived, filled, g, k = 0, 0, 0, 0
    shift = np.uint32(shift)
    # a product vectorises where a shift by a variable does not
    scale = np.uint32(np.uint32(1) << shift)
    uneven = False
    for m in range(sizes.size):
        uneven |= np.float64(sizes[m]) * (np.float64(masks[m]) + 1.0) > PLAIN
    while g < lags.size:
        count, g, k = collect(step, history, history_count, lags, g, k, pending)
        for n in range(-AHEAD, count):
            if n + AHEAD < count:
                row = np.int64(pending[0, n + AHEAD]) * (lags.size + 1) + pending[1, n + AHEAD]
                prefetch(row_draws, row * sizes.size)
                prefetch(row_sizes, np.int64(pending[0, n + AHEAD]) * sizes.size)
            if n < 0:
                continue
            source, lag = pending[0, n], pending[1, n]
            for m in range(sizes.size):
                begin = row_begin(row_sizes[source, m], shares[lag, m], row_draws[source, lag, m])
                end = row_begin(
                    row_sizes[source, m], shares[lag + 1, m], row_draws[source, lag + 1, m]
                )
                if filled + end - begin + WIDE > drawn.size:
                    scatter(drawn, 0, filled, shift, table, drowsy, woken, receiving)
                    filled = 0
                inner = row_key(row_seeds[m], source)
                choices = np.uint32(sizes[m] - skips[m])
                skip, place, code, mask = skips[m], places[m], codes[m], masks[m]
                if uneven and mask & ~own_mask(choices):
                    for draw in range(begin, end):
                        word = row_word(inner, draw)
                        target = chosen(word, choices, skip, source)
                        word = level_bits(inner, draw, word, own_mask(choices))
                        drawn[filled + draw - begin] = coded(target, place, scale, word, mask, code)
                    filled += end - begin
                    continue
                # draws a few too many, so that the inner loop has a fixed length
                for first in range(begin, end, WIDE):
                    room = drawn[filled + first - begin : filled + first - begin + WIDE]
                    for j in range(WIDE):
                        word = row_word(inner, first + j)
                        target = chosen(word, choices, skip, source)
                        room[j] = coded(target, place, scale, word, mask, code)
                filled += end - begin
        arrived += count
    scatter(drawn, 0, filled, shift, table, drowsy, woken, receiving)
    return arrived
