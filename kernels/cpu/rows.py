"""Synapses drawn source by source; `kernels/reference/rows.py` explains the arguments."""

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from ..reference.rows import EVEN, FIRST, SECOND, STEP
from .caching import cached
from .connectivity import below
from .random import GOLDEN_WORD, bits, mix, row_key, uniform


@intrinsic
def row_word(typingctx, inner, draw):
    """Random word `draw` (uint32) of the source whose `row_key` is `inner`.

    Made of 32-bit instructions: Numba's arithmetic widens to 64 bits, so half as many words would
    fit into a vector.
    """

    def generate(context, builder, signature, arguments):
        word = ir.IntType(32)
        a = builder.trunc(arguments[0], word)
        b = builder.trunc(builder.lshr(arguments[0], ir.Constant(ir.IntType(64), 32)), word)
        draw = arguments[1] if arguments[1].type == word else builder.trunc(arguments[1], word)

        def folded(x, shift):
            return builder.xor(x, builder.lshr(x, ir.Constant(word, shift)))

        x = builder.add(a, builder.mul(draw, ir.Constant(word, STEP)))
        x = builder.xor(builder.mul(folded(x, 16), ir.Constant(word, FIRST)), b)
        return folded(builder.mul(folded(x, 15), ir.Constant(word, SECOND)), 15)

    return types.uint32(types.uint64, draw), generate


@intrinsic
def chosen(typingctx, word, choices, skip_self, source):
    """The target (uint32) that a random word chooses among `choices`.

    Where skip_self is 1, it is never `source`.
    """

    def generate(context, builder, signature, arguments):
        narrow, wide = ir.IntType(32), ir.IntType(64)
        product = builder.mul(*(builder.zext(argument, wide) for argument in arguments[:2]))
        target = builder.trunc(builder.lshr(product, ir.Constant(wide, 32)), narrow)
        later = builder.zext(builder.icmp_unsigned(">=", target, arguments[3]), narrow)
        return builder.add(target, builder.and_(arguments[2], later))

    return types.uint32(types.uint32, types.uint32, types.uint32, types.uint32), generate


@njit
def own_mask(choices):
    """A mask of the low bits of a word that are independent of its target.

    The target is one of `choices`; see `own_bits`.
    """
    above = np.int64(choices) - 1
    own = 32 - EVEN if np.int64(choices) & above else 32
    while above > 0:
        own, above = own - 1, above >> 1
    return np.uint32((1 << max(min(own, 16), 0)) - 1)


@njit(inline="always")
def level_bits(inner, draw, word, low):
    """The bits for the level of a draw.

    They come from its `word` where the mask `low` is set, else from a second word.
    """
    return np.uint32(word & low | row_word(mix(inner + GOLDEN_WORD), draw) & ~low)


@cached
def count_sources(key, n, counts):
    """Deal `n` synapses to the sources at random."""
    counts[:] = 0
    for i in range(n):
        counts[below(bits(key, 0, i), counts.size)] += np.uint32(1)


@njit(inline="always")
def row_begin(size, share, offset):
    """The first draw of a (source, lag)."""
    return (np.int64(size) * np.int64(share) >> 16) + np.int64(offset)


@njit(inline="always")
def looked_up(word, thresholds, guide):
    """The index that 53 random bits choose from a `lag_table`."""
    index = guide[word >> np.uint64(45)]
    while word >= thresholds[index]:
        index += np.uint32(1)
    return index


@cached
def draw_indices(key, thresholds, guide, begin, indices):
    """Fill `indices` with draws from a table."""
    for i in range(indices.size):
        indices[i] = looked_up(bits(key, 0, begin + i) >> np.uint64(11), thresholds, guide)


@cached
def deal_lags(key, thresholds, guide, row_first, counts):
    """Count the delays of every source's synapses."""
    counts[:] = 0
    for source in range(counts.shape[0]):
        for i in range(row_first[source], row_first[source + 1]):
            counts[source, looked_up(bits(key, 0, i) >> np.uint64(11), thresholds, guide)] += (
                np.uint32(1)
            )


@cached
def draw_rows_in_order(key, n_post, skip_self, row_first, targets, chances):
    """All targets in order of source and draw, and 16 random bits beside each."""
    choices, skip = np.uint32(n_post - skip_self), np.uint32(skip_self)
    low = own_mask(choices)
    alone = low == np.uint32(0xFFFF)
    for source in range(row_first.size - 1):
        inner = row_key(key, source)
        for i in range(row_first[source], row_first[source + 1]):
            word = row_word(inner, i - row_first[source])
            targets[i] = chosen(word, choices, skip, np.uint32(source))
            chances[i] = np.uint16(
                word if alone else level_bits(inner, i - row_first[source], word, low)
            )


@cached
def count_drawn(key, n_post, skip_self, lag_counts, low, high, columns, counts):
    """Count the synapses with targets in [low, high)."""
    choices, skip = np.uint32(n_post - skip_self), np.uint32(skip_self)
    for source in range(lag_counts.shape[0]):
        inner, draw = row_key(key, source), 0
        for lag in range(lag_counts.shape[1]):
            inside = 0
            for _ in range(lag_counts[source, lag]):
                target = np.int64(chosen(row_word(inner, draw), choices, skip, np.uint32(source)))
                inside += low <= target < high
                draw += 1
            counts[source, columns[lag]] += np.uint32(inside)


@cached
def fill_drawn(
    key, n_post, skip_self, lag_counts, low, high, columns, place, shift, code, mask, cursor, words
):
    """Write the words of drawn synapses."""
    choices, skip = np.uint32(n_post - skip_self), np.uint32(skip_self)
    whole = low <= 0 and high >= n_post
    mask, low_bits = np.uint32(mask), own_mask(choices)
    alone = mask & ~low_bits == 0
    for source in range(lag_counts.shape[0]):
        inner, draw = row_key(key, source), 0
        for lag in range(lag_counts.shape[1]):
            at = np.int64(cursor[source, columns[lag]])
            for k in range(draw, draw + lag_counts[source, lag]):
                word = row_word(inner, k)
                target = np.int64(chosen(word, choices, skip, np.uint32(source)))
                if whole or low <= target < high:
                    level = word if alone else level_bits(inner, k, word, low_bits)
                    words[at] = (place + target) << shift | (code + np.int64(level & mask))
                    at += 1
            draw += lag_counts[source, lag]
            cursor[source, columns[lag]] = at


@cached
def count_listed(first, n_lags, targets, low, high, columns, counts):
    """Count listed synapses with targets in [low, high)."""
    for segment in range(first.size - 1):
        inside = 0
        for s in range(first[segment], first[segment + 1]):
            inside += low <= targets[s] < high
        counts[segment // n_lags, columns[segment % n_lags]] += np.uint32(inside)


@cached
def fill_listed(
    first,
    n_lags,
    targets,
    codes,
    weights,
    low,
    high,
    columns,
    place,
    shift,
    code,
    cursor,
    words,
    values,
):
    """Write the words of listed synapses."""
    for segment in range(first.size - 1):
        row, column = segment // n_lags, columns[segment % n_lags]
        at = np.int64(cursor[row, column])
        for s in range(first[segment], first[segment + 1]):
            target = np.int64(targets[s])
            if low <= target < high:
                own = code + (np.int64(codes[s]) if codes.size else 0)
                words[at] = (place + target) << shift | own
                if weights.size:
                    values[at] = weights[s]
                at += 1
        cursor[row, column] = at


@cached
def draw_chances(key, chances):
    """Fill chances (n,) uint16 with 16 random bits each."""
    for i in range(chances.size):
        chances[i] = np.uint16(bits(key, 0, i) & np.uint64(0xFFFF))


@cached
def draw_shares(key, shares):
    """Fill shares (n,) float64 with uniform numbers from the bits that `draw_indices` looks at."""
    for i in range(shares.size):
        shares[i] = uniform(key, 0, i)
