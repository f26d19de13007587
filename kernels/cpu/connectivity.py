"""Drawing synapses and putting them in order.

`kernels/reference/connectivity.py` explains the arguments.
"""

import numpy as np
from numba import njit

from ..reference.connectivity import GUIDE_SHIFT
from .caching import cached
from .random import bits

_GUIDE_SHIFT, _HALF, _LOW = np.uint64(GUIDE_SHIFT), np.uint64(32), np.uint64(0xFFFFFFFF)


@njit(inline="always")
def below(word, n):
    """A whole number in [0, n) from 64 random bits, n < 2**32."""
    n = np.uint64(n)
    return np.int64(((word >> _HALF) * n + ((word & _LOW) * n >> _HALF)) >> _HALF)


@cached
def draw_bernoulli(key, n_pre, n_post, thresholds, guide, skip_self, sources, targets):
    """Join every pair independently, source by source, skipping from success to success."""
    length, count = thresholds.size - 1, 0
    for source in range(n_pre):
        target, draw = 0, 0
        while True:
            word = bits(key, source, draw) >> np.uint64(11)
            draw += 1
            failures = np.int64(guide[word >> _GUIDE_SHIFT])
            while word >= thresholds[failures]:
                failures += 1
            target += failures
            if target >= n_post:
                break
            if failures == length:
                continue
            if not (skip_self and target == source):
                if count < sources.size:
                    sources[count] = source
                    targets[count] = target
                count += 1
            target += 1
    return count


@cached
def draw_grid(key, pre, post, thresholds, skip_self, sources, targets):
    """Join every pair independently with a probability that depends on their displacement."""
    count, highest = 0, thresholds.max()
    for source in range(pre.shape[0]):
        for target in range(post.shape[0]):
            word = bits(key, source, target) >> np.uint64(11)
            if word >= highest:
                continue
            x = np.uint32(abs(post[target, 0] - pre[source, 0]))  # unsigned: no index from the end
            y = np.uint32(abs(post[target, 1] - pre[source, 1]))
            z = np.uint32(abs(post[target, 2] - pre[source, 2]))
            if word >= thresholds[x, y, z]:
                continue
            if skip_self and target == source:
                continue
            if count < sources.size:
                sources[count] = source
                targets[count] = target
            count += 1
    return count


@cached
def draw_rows(key, n, skip_self, rows):
    """Fill each row with independent uniform indices below `n`."""
    choices = n - skip_self
    for row in range(rows.shape[0]):
        for draw in range(rows.shape[1]):
            pick = below(bits(key, row, draw), choices)
            rows[row, draw] = pick + (skip_self and pick >= row)


@cached
def draw_distinct_rows(key, n, skip_self, rows):
    """Fill each row with a uniform subset of the indices below `n` by Floyd's algorithm."""
    n_rows, k = rows.shape
    choices = n - skip_self
    taken = np.full(choices, -1, np.int64)  # the last row that took each value
    for row in range(n_rows):
        for draw in range(k):
            top = choices - k + draw
            pick = below(bits(key, row, draw), top + 1)
            if taken[pick] == row:
                pick = top
            taken[pick] = row
            rows[row, draw] = pick + (skip_self and pick >= row)


@cached
def draw_small_world(key, threshold, rows):
    """Fill `rows` with the k nearest on a ring, each then moved elsewhere with a probability."""
    n, k = rows.shape
    linked = np.full(n, -1, np.int64)  # the last source that reached each unit
    for source in range(n):
        linked[source] = source
        for j in range(k):
            near = (source + (1 + j // 2) * (1 - 2 * (j % 2))) % n
            rows[source, j] = near
            linked[near] = source
        draw = k
        for j in range(k):
            if k == n - 1 or bits(key, source, j) >> np.uint64(11) >= threshold:
                continue
            pick = source
            while linked[pick] == source:
                pick = below(bits(key, source, draw), n)
                draw += 1
            linked[rows[source, j]] = -1
            linked[pick] = source
            rows[source, j] = pick


@cached
def draw_scale_free(key, links):
    """Fill `links` with the m older units that each new unit joins, in proportion to their links."""
    n_new, m = links.shape
    joined = np.full(m + n_new, -1, np.int64)  # the last new unit that joined each unit
    for new in range(n_new):
        count, draw = 0, 0
        while count < m:
            pick = count
            if new:
                end = below(bits(key, new, draw), 2 * m * new)
                owner, place = end // (2 * m), end % (2 * m)
                pick = np.int64(links[owner, place]) if place < m else m + owner
                draw += 1
            if joined[pick] != new:
                joined[pick] = new
                links[new, count] = pick
                count += 1


@cached
def draw_pairs(key, n_pre, n_post, codes):
    """Fill `codes` with independent uniform pairs, the source in the upper 32 bits."""
    for i in range(codes.size):
        source = below(bits(key, 0, 2 * i), n_pre)
        codes[i] = source << 32 | below(bits(key, 0, 2 * i + 1), n_post)


@cached
def sort_edges(sources, targets, n_pre, n_post):
    """Both arrays sorted by source, then target, and the order that sorts them.

    Two counting sorts do it.
    """
    by_target = np.empty(sources.size, np.uint64)  # source and place of each edge, packed
    first, place = _starts(targets, n_post)
    for s in range(sources.size):
        by_target[place[targets[s]]] = np.uint64(sources[s]) << _HALF | np.uint64(s)
        place[targets[s]] += np.uint32(1)
    sorted_sources, sorted_targets = np.empty_like(sources), np.empty_like(targets)
    order = np.empty(sources.size, np.uint32)
    place = _starts(sources, n_pre)[1]
    for target in range(n_post):
        for i in range(first[target], first[target + 1]):
            source = by_target[i] >> _HALF
            sorted_sources[place[source]] = source
            sorted_targets[place[source]] = target
            order[place[source]] = by_target[i] & _LOW
            place[source] += np.uint32(1)
    return sorted_sources, sorted_targets, order


@cached
def _starts(ids, n):
    """Where the entries of each id begin once sorted (n + 1,), and a copy.

    The copy is to be counted up while placing them.
    """
    first = np.zeros(n + 1, np.uint32)
    for s in range(ids.size):
        first[np.int64(ids[s]) + 1] += np.uint32(1)
    for i in range(n):
        first[i + 1] += first[i]
    return first, first[:-1].copy()


@cached
def layout(sources, lags, n_pre, n_lags):
    """The order of synapses by (source, lag), equal ones as they were: (first, order)."""
    first = np.zeros(n_pre * n_lags + 1, np.uint32)
    for s in range(sources.size):
        first[np.int64(sources[s]) * n_lags + np.int64(lags[s]) + 1] += np.uint32(1)
    for segment in range(n_pre * n_lags):
        first[segment + 1] += first[segment]
    place = first[:-1].copy()
    order = np.empty(sources.size, np.uint32)
    for s in range(sources.size):
        segment = np.int64(sources[s]) * n_lags + np.int64(lags[s])
        order[place[segment]] = s
        place[segment] += np.uint32(1)
    return first, order


@cached
def reverse_index(targets, n_post):
    """The synapses of each target, ascending: (first_post, synapses)."""
    first, place = _starts(targets, n_post)
    synapses = np.empty(targets.size, np.uint32)
    for s in range(targets.size):
        synapses[place[targets[s]]] = s
        place[targets[s]] += np.uint32(1)
    return first, synapses


@cached
def index_lags(lags):
    """The distinct values of `lags` >= 0, ascending, and the index of each among them."""
    seen = np.zeros(lags.max() + 1 if lags.size else 0, np.uint32)
    for s in range(lags.size):
        seen[lags[s]] = np.uint32(1)
    distinct = np.flatnonzero(seen)
    for i in range(distinct.size):
        seen[distinct[i]] = np.uint32(i)
    index = np.empty(lags.size, np.uint32)
    for s in range(lags.size):
        index[s] = seen[lags[s]]
    return distinct, index
