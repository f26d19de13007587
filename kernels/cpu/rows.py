"""Synapses drawn source by source; `kernels/reference/rows.py` explains the arguments."""

import numpy as np
from numba import njit

from .caching import cached
from .connectivity import below
from .random import GOLDEN_WORD, bits, mix, row_key, uniform


@njit(inline="always")
def chosen(word, n_post, skip_self, source):
    """The target that a random word chooses."""
    target = below(word, n_post - skip_self)
    return target + (skip_self and target >= source)


@njit(inline="always")
def row_word(inner, draw):
    """Random word `draw` of the source whose `row_key` is `inner`."""
    return mix(inner + GOLDEN_WORD * (np.uint64(draw) + np.uint64(1)))


@cached
def count_sources(key, n, counts):
    """Deal `n` synapses to the sources at random."""
    counts[:] = 0
    for i in range(n):
        counts[below(bits(key, 0, i), counts.size)] += np.uint32(1)


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
            counts[source, looked_up(bits(key, 0, i) >> np.uint64(11), thresholds, guide)] += np.uint32(1)


@cached
def draw_rows_in_order(key, n_post, skip_self, row_first, targets, chances):
    """All targets in order of source and draw, and 16 random bits beside each."""
    for source in range(row_first.size - 1):
        inner = row_key(key, source)
        for i in range(row_first[source], row_first[source + 1]):
            word = row_word(inner, i - row_first[source])
            targets[i] = chosen(word, n_post, skip_self, source)
            chances[i] = np.uint16(word & np.uint64(0xFFFF))


@cached
def count_drawn(key, n_post, skip_self, lag_counts, low, high, columns, counts):
    """Count the synapses with targets in [low, high)."""
    for source in range(lag_counts.shape[0]):
        inner, draw = row_key(key, source), 0
        for lag in range(lag_counts.shape[1]):
            inside = 0
            for _ in range(lag_counts[source, lag]):
                target = chosen(row_word(inner, draw), n_post, skip_self, source)
                inside += low <= target < high
                draw += 1
            counts[source, columns[lag]] += np.uint32(inside)


@cached
def fill_drawn(key, n_post, skip_self, lag_counts, low, high, columns, place, shift, code, mask, cursor, words):
    """Write the words of drawn synapses."""
    whole = low <= 0 and high >= n_post
    for source in range(lag_counts.shape[0]):
        inner, draw = row_key(key, source), 0
        for lag in range(lag_counts.shape[1]):
            at = np.int64(cursor[source, columns[lag]])
            for _ in range(lag_counts[source, lag]):
                word = row_word(inner, draw)
                draw += 1
                target = chosen(word, n_post, skip_self, source)
                if whole or low <= target < high:
                    words[at] = (place + target) << shift | (code + np.int64(word & np.uint64(mask)))
                    at += 1
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
def fill_listed(first, n_lags, targets, codes, weights, low, high, columns, place, shift, code, cursor, words, values):
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
