"""Synapses drawn source by source, so that any source's can be drawn again when its spikes arrive.

A random word of 32 bits belongs to synapse j of a source: its upper bits choose the target, its low
bits the level of the weight. Where these bits would overlap, a second word chooses the level. The
order of a source's targets means nothing, so its delays are given to them in ascending order: the
synapses of one source and delay are a range of j. Functions whose names begin with `fill` keep
targets in [low, high) and write ``(place + target) << shift | code``.
"""

from __future__ import annotations

import numpy as np

from .connectivity import below
from .random import again, bits, row_key, uniform

# odd; the two multipliers mix 32 bits with least bias
STEP, FIRST, SECOND = (
    0x9E3779B9,
    0x21F0AAAD,
    0xD35A2D97,
)
# bits left unused between target and level: they keep the error of `own_bits` below 2**-10
EVEN = 7


def count_sources(key, n, counts):
    """Deal `n` synapses to the sources at random: counts (n_pre,) uint32."""
    picks = below(bits(key, 0, np.arange(n)), counts.size).astype(np.int64)
    counts[:] = np.bincount(picks, minlength=counts.size)


def lag_table(probabilities):
    """Tables to draw an index from 53 random bits.

    thresholds (n,) uint64, and a guide (256,) for the top 8 bits.
    """
    thresholds = (np.minimum(np.cumsum(probabilities), 1.0) * 2**53).astype(np.uint64)
    thresholds[-1] = 1 << 53
    starts = np.arange(256, dtype=np.uint64) << np.uint64(45)
    return thresholds, np.searchsorted(thresholds, starts, side="right").astype(np.uint32)


def draw_indices(key, thresholds, guide, begin, indices):
    """Fill indices (n,) uint32 with draws `begin` to ``begin + n`` from a `lag_table`."""
    words = bits(key, 0, begin + np.arange(indices.size)) >> np.uint64(11)
    indices[:] = np.searchsorted(thresholds, words, side="right")


def deal_lags(key, thresholds, guide, row_first, counts):
    """Draw the delays of every source's synapses and count them.

    counts (n_pre, n_lags) uint32; row_first (n_pre + 1,) int64, where the synapses of each source
    begin.
    """
    for source in range(counts.shape[0]):
        indices = np.empty(row_first[source + 1] - row_first[source], np.uint32)
        draw_indices(key, thresholds, guide, row_first[source], indices)
        counts[source] = np.bincount(indices, minlength=counts.shape[1])


def row_words(key, source, draws, n_post, skip_self):
    """Targets of the synapses `draws` of one source, and the random words (uint32) that chose them.

    a and b are the halves of 64 random bits for (key, source). The word of draw j is a + j STEP,
    mixed by two multiplications, with b xored in between. Multipliers and shifts: C. Wellons,
    hash-prospector, for 32 bits.
    """
    word = _row_word(row_key(key, source), draws)
    targets = (word.astype(np.uint64) * np.uint64(n_post - skip_self) >> np.uint64(32)).astype(
        np.int64
    )
    return targets + (skip_self & (targets >= source)), word


def own_bits(choices):
    """The number of low bits of a word that are independent of the target.

    The word chooses the target among `choices`. There are 16 at most. For a power of two they are
    exactly independent. Else each target has about L = 2**32 / choices successive words, and some
    values of their b low bits occur once more than others. That moves the mean of these bits by at
    most 2**b / (8 L) of their range, which `EVEN` keeps below 1 / 1024.
    """
    uneven = choices & (choices - 1) != 0
    return max(min(32 - (choices - 1).bit_length() - EVEN * uneven, 16), 0)


def row_chances(key, source, draws, choices):
    """16 random bits (uint16) for the weight of each of the synapses `draws` of one source.

    The low bits of its word, as far as they are independent of its target; the others come from a
    second word.
    """
    inner, low = row_key(key, source), np.uint32((1 << own_bits(choices)) - 1)
    word, other = _row_word(inner, draws), _row_word(again(inner), draws)
    return (word & low | other & ~low).astype(np.uint16)


def _row_word(inner, draws):
    with np.errstate(over="ignore"):
        a, b = np.uint32(inner & np.uint64(0xFFFFFFFF)), np.uint32(inner >> np.uint64(32))
        word = a + np.asarray(draws).astype(np.uint32) * np.uint32(STEP)
        word = (word ^ (word >> np.uint32(16))) * np.uint32(FIRST) ^ b
        word = (word ^ (word >> np.uint32(15))) * np.uint32(SECOND)
        return word ^ (word >> np.uint32(15))


def row_begin(size, share, offset):
    """The first draw of a (source, lag).

    That is how many of the source's `size` draws have a shorter delay. share: how many of 65,536
    draws have one, on average over all sources; offset: the difference of this source from that
    average, a small number that needs few bytes.
    """
    return (np.int64(size) * np.int64(share) >> 16) + np.int64(offset)


def draw_rows_in_order(key, n_post, skip_self, row_first, targets, chances):
    """All targets in order of source and draw, and random bits for each.

    targets (n,) uint32; 16 random bits of each, chances (n,) uint16.
    """
    for source in range(row_first.size - 1):
        begin, end = row_first[source], row_first[source + 1]
        draws = np.arange(end - begin)
        targets[begin:end], _ = row_words(key, source, draws, n_post, skip_self)
        chances[begin:end] = row_chances(key, source, draws, int(n_post - skip_self))


def count_drawn(key, n_post, skip_self, lag_counts, low, high, columns, counts):
    """Add to counts (n_pre, n_lags_bundle) the synapses with targets in [low, high).

    lag_counts (n_pre, n_lags): synapses of each source and lag; columns (n_lags,): the column of
    each lag in counts.
    """
    for source in range(lag_counts.shape[0]):
        targets, _ = row_words(key, source, np.arange(lag_counts[source].sum()), n_post, skip_self)
        inside = (targets >= low) & (targets < high)
        lags = np.repeat(np.arange(lag_counts.shape[1]), lag_counts[source])
        np.add.at(counts[source], columns[lags[inside]], 1)


def fill_drawn(
    key, n_post, skip_self, lag_counts, low, high, columns, place, shift, code, mask, cursor, words
):
    """Write the words of drawn synapses.

    cursor (n_pre, n_lags_bundle) uint32: where to write next in each segment. code: of level 0;
    mask: number of levels - 1, where the number is a power of two.
    """
    for source in range(lag_counts.shape[0]):
        begin = 0
        for lag, count in enumerate(lag_counts[source]):
            targets, chances = row_words(key, source, begin + np.arange(count), n_post, skip_self)
            inside = (targets >= low) & (targets < high)
            codes = code + (chances[inside] & np.uint32(mask)).astype(np.int64)
            at = cursor[source, columns[lag]]
            words[at : at + codes.size] = (place + targets[inside]) << shift | codes
            cursor[source, columns[lag]] += codes.size
            begin += int(count)


def count_listed(first, n_lags, targets, low, high, columns, counts):
    """`count_drawn` for synapses listed by (source, lag).

    first (n_pre * n_lags + 1,), targets (n,).
    """
    for segment in range(first.size - 1):
        part = targets[first[segment] : first[segment + 1]]
        counts[segment // n_lags, columns[segment % n_lags]] += np.count_nonzero(
            (part >= low) & (part < high)
        )


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
    """`fill_drawn` for listed synapses.

    codes (n,) uint16, or weights (n,), copied to values; or none.
    """
    for segment in range(first.size - 1):
        own = np.arange(first[segment], first[segment + 1])
        own = own[(targets[own] >= low) & (targets[own] < high)]
        row, column = segment // n_lags, columns[segment % n_lags]
        span = slice(cursor[row, column], cursor[row, column] + own.size)
        own_codes = code + (codes[own].astype(np.int64) if codes.size else 0)
        words[span] = (place + targets[own].astype(np.int64)) << shift | own_codes
        if weights.size:
            values[span] = weights[own]
        cursor[row, column] += own.size


def draw_chances(key, chances):
    """Fill chances (n,) uint16 with 16 random bits each."""
    chances[:] = bits(key, 0, np.arange(chances.size)) & np.uint64(0xFFFF)


def draw_shares(key, shares):
    """Fill shares (n,) float64 with uniform numbers from the bits that `draw_indices` looks at."""
    shares[:] = uniform(key, 0, np.arange(shares.size))
