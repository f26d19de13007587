"""Drawing synapses and putting them in order.

Every choice compares integers from counter-based random numbers, so all backends draw exactly the
same synapses. Kernels that fill `sources` and `targets` return how many synapses there are; they
write as many as there is room for.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from .random import bits

GUIDE_SHIFT = 53 - 12  # the top 12 of 53 random bits choose the entry of a guide
ONE = 1 << 53  # probability 1 as a threshold for 53 random bits


def below(word, n):
    """A whole number in [0, n) from 64 random bits, n < 2**32: the high half of their product.

    Off uniform by less than n / 2**64 (Lemire 2019, doi:10.1145/3230636).
    """
    with np.errstate(over="ignore"):
        word, n = np.asarray(word, np.uint64), np.uint64(n)
        high, low = word >> np.uint64(32), word & np.uint64(0xFFFFFFFF)
        return (high * n + (low * n >> np.uint64(32))) >> np.uint64(32)


def geometric_table(p: float) -> tuple[NDArray[np.uint64], NDArray[np.uint32]]:
    """Tables to draw the number of failures before the next success.

    It is drawn from 53 random bits; a success has the probability `p`. thresholds (length + 1,)
    uint64: 2**53 * P(failures <= i), and 2**53 at the end. The number of thresholds that are not
    above a draw is the number of failures. `length` means that many failures and no success yet:
    skip them and draw again, which is right because the geometric distribution has no memory. guide
    (4096,) uint32: for the top 12 bits of a draw, the least number of failures; the search begins
    there.
    """
    length = math.ceil(4 / max(p, 2.0**-14))
    failing = np.cumprod(np.full(length, 1.0 - p))  # plain products: the same bits on every machine
    thresholds = np.append(((1.0 - failing) * ONE).astype(np.uint64), np.uint64(ONE))
    starts = np.arange(ONE >> GUIDE_SHIFT, dtype=np.uint64) << np.uint64(GUIDE_SHIFT)
    return thresholds, np.searchsorted(thresholds[:-1], starts, side="right").astype(np.uint32)


def draw_bernoulli(key, n_pre, n_post, thresholds, guide, skip_self, sources, targets):
    """Join every pair independently, source by source, skipping from success to success.

    thresholds, guide: see `geometric_table`; skip_self: leave out pairs of equal index.
    """
    length, count = thresholds.size - 1, 0
    for source in range(n_pre):
        words = bits(key, source, np.arange(n_post)) >> np.uint64(11)
        failures = np.searchsorted(thresholds[:-1], words, side="right")
        success = failures < length
        target = np.cumsum(failures + success) - success
        target = target[success & (target < n_post)]
        if skip_self:
            target = target[target != source]
        count = _append(source, target, count, sources, targets)
    return count


def draw_grid(key, pre, post, thresholds, skip_self, sources, targets):
    """Join every pair independently with a probability that depends on their displacement.

    pre (n_pre, 3), post (n_post, 3) int64 grid coordinates; thresholds (nx, ny, nz) uint64, 2**53
    times the probability for each absolute displacement.
    """
    count = 0
    for source in range(len(pre)):
        x, y, z = np.abs(post - pre[source]).T
        words = bits(key, source, np.arange(len(post))) >> np.uint64(11)
        target = np.flatnonzero(words < thresholds[x, y, z])
        if skip_self:
            target = target[target != source]
        count = _append(source, target, count, sources, targets)
    return count


def _append(source, target, count, sources, targets):
    """Append the synapses of one source to the `count` so far.

    They are appended as far as there is room. Returns the new count.
    """
    room = target[: max(sources.size - count, 0)]
    sources[count : count + room.size] = source
    targets[count : count + room.size] = room
    return count + target.size


def draw_rows(key, n, skip_self, rows):
    """Fill each row of `rows` (n_rows, k) uint32 with independent uniform indices below `n`.

    skip_self: row r draws from n - 1 values, all but r.
    """
    row, draw = np.indices(rows.shape)
    picks = below(bits(key, row, draw), n - skip_self).astype(np.int64)
    rows[:] = picks + (skip_self & (picks >= row))


def draw_distinct_rows(key, n, skip_self, rows):
    """Fill each row of `rows` (n_rows, k) uint32 with a uniform subset of the indices below `n`.

    Floyd's algorithm (Bentley and Floyd 1987, doi:10.1145/30401.315746): one draw per element, none
    rejected. skip_self: row r draws from n - 1 values, all but r.
    """
    n_rows, k = rows.shape
    choices = n - skip_self
    for row in range(n_rows):
        taken = set()
        for draw in range(k):
            top = choices - k + draw
            pick = int(below(bits(key, row, draw), top + 1))
            pick = top if pick in taken else pick
            taken.add(pick)
            rows[row, draw] = pick + (skip_self and pick >= row)


def draw_small_world(key, threshold, rows):
    """Fill `rows` with the k nearest units on a ring, some of them moved elsewhere.

    rows (n, k) uint32. Each is moved with a probability. threshold: 2**53 times that probability.
    The new target is uniform among the units that the source does not reach yet, itself excluded.
    """
    n, k = rows.shape
    for source in range(n):
        near = [(source + (1 + j // 2) * (1 - 2 * (j % 2))) % n for j in range(k)]
        linked, draw = {source, *near}, k
        for j in range(k):
            if k < n - 1 and bits(key, source, j) >> np.uint64(11) < np.uint64(threshold):
                pick = source
                while pick in linked:
                    pick = int(below(bits(key, source, draw), n))
                    draw += 1
                linked.remove(near[j])
                linked.add(pick)
                near[j] = pick
        rows[source] = near


def draw_scale_free(key, links):
    """Fill `links` (n - m, m) uint32 with the m older units that each of the units m to n - 1 joins.

    Unit m joins all m before it. Every later one draws an end of a link that is there already, so
    that units are chosen in proportion to their links, and draws again where it has joined that
    unit (Barabasi and Albert 1999, doi:10.1126/science.286.5439.509). The list of ends is not kept
    (Batagelj and Brandes 2005, doi:10.1103/PhysRevE.71.036113): of the 2 m ends of a unit, the
    first m are those it joined, and the others are itself.
    """
    n_new, m = links.shape
    for new in range(n_new):
        joined, draw = [], 0
        while len(joined) < m:
            pick = len(joined)
            if new:
                end = int(below(bits(key, new, draw), 2 * m * new))
                owner, place = divmod(end, 2 * m)
                pick = int(links[owner, place]) if place < m else m + owner
                draw += 1
            if pick not in joined:
                joined.append(pick)
        links[new] = joined


def draw_pairs(key, n_pre, n_post, codes):
    """Fill `codes` (n,) uint64 with independent uniform pairs, the source in the upper 32 bits."""
    draw = np.uint64(2) * np.arange(codes.size, dtype=np.uint64)
    sources = below(bits(key, 0, draw), n_pre)
    codes[:] = sources << np.uint64(32) | below(bits(key, 0, draw + np.uint64(1)), n_post)


def sort_edges(sources, targets, n_pre, n_post):
    """Both arrays sorted by source, then target, and the order that sorts them.

    The order (n,) uint32 is stable.
    """
    order = np.lexsort((targets, sources)).astype(np.uint32)
    return sources[order], targets[order], order


def layout(sources, lags, n_pre, n_lags):
    """The order of synapses by (source, lag), by a counting sort; equal ones keep their order.

    sources (n,) < n_pre; lags (n,) index of each synapse's delay, < n_lags. Returns first
    (n_pre * n_lags + 1,) uint32, the start of segment source * n_lags + lag, and order (n,) uint32,
    the synapse that comes to each place.
    """
    segments = sources.astype(np.int64) * n_lags + lags.astype(np.int64)
    first = np.zeros(n_pre * n_lags + 1, np.uint32)
    first[1:] = np.cumsum(np.bincount(segments, minlength=n_pre * n_lags))
    return first, np.argsort(segments, kind="stable").astype(np.uint32)


def reverse_index(targets, n_post):
    """Where the synapses of each target begin, and the synapses of each.

    (n_post + 1,) uint32, and (n,) uint32, ascending.
    """
    return layout(targets, np.zeros(targets.size, np.uint8), n_post, 1)


def index_lags(lags):
    """The distinct values of `lags`, and the place of each lag among them.

    lags (n,) int64 >= 0; the values ascend; the places are (n,) uint32.
    """
    distinct, index = np.unique(lags, return_inverse=True)
    return distinct, index.astype(np.uint32)
