"""What a crossbar is from outside.

Its nodes are taken out one by one, then block by block, until only its ports are left. A network of
resistors between nodes is its conductances c_ij > 0. A node s that nobody looks at goes by the
star-mesh transform, c_ij += c_is c_sj / sum_k c_sk, which never subtracts, so that wires of a
billionth of an ohm do no harm. A block of m x n cells is known by its ports: m at its left, m at
its right, n above and n below; two neighbours become one block when the ports between them go.
Tiles are made of cells that way, eight at a time; they are put together by halves with Cholesky
factors of the nodes that go (nested dissection: George 1973, doi:10.1137/0710032), so that N x N
cells take about N^3 steps.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .caching import cached
from .ladders import sweep
from .vectors import WIDTH, fused, load, over, plus, splat, store, times

TILE = 16  # cells along the side of a tile
LEFT, RIGHT, TOP, BOTTOM = range(4)
# how two blocks meet: the side of the first, that of the second, and the order in which the other
# sides stay
BESIDE = RIGHT, LEFT, [(0, LEFT), (0, TOP), (1, TOP), (0, BOTTOM), (1, BOTTOM), (1, RIGHT)]
ABOVE = BOTTOM, TOP, [(0, LEFT), (1, LEFT), (0, TOP), (1, BOTTOM), (0, RIGHT), (1, RIGHT)]


class Block(NamedTuple):
    """Conductances (ports, ports) [S] between the ports of a block.

    Every side of the block has a run of its own. Sides are numbered left, right, top, bottom. The
    diagonal means nothing.
    """

    between: np.ndarray
    sides: tuple[slice, ...]

    def part(self, one, other):
        """The conductances between two sides."""
        return self.between[self.sides[one], self.sides[other]]


def seams():
    """How two neighbours are put together on the way from one cell to a tile.

    For each join: the place of every port of the first and of the second in the whole, shape
    (joins, 2, ports), with the ports that go last; how many ports each of the two has, the whole
    keeps, and go (joins, 3).
    """
    places, counts = [], []
    m = n = 1
    while m < TILE:
        beside = n == m  # first two squares side by side, then two such one upon the other
        wide, high = (2 * n, m) if beside else (n, 2 * m)
        kept, gone = 2 * (wide + high), m if beside else n
        left, right, top, bottom = np.split(np.arange(kept), np.cumsum([high, high, wide]))
        seam = np.arange(kept, kept + gone)
        if beside:
            pair = [left, seam, top[:n], bottom[:n]], [seam, right, top[n:], bottom[n:]]
        else:  # the first lies above
            pair = [left[:m], right[:m], top, seam], [left[m:], right[m:], seam, bottom]
        both = np.zeros((2, 4 * TILE + 2 * TILE), np.int64)
        for side in range(2):
            order = np.concatenate(pair[side])
            both[side, : order.size] = order
        places.append(both)
        counts.append((2 * (m + n), kept, gone))
        m, n = high, wide
    return np.array(places), np.array(counts)


@sweep
def join(first, second, places, ports, kept, gone, work, whole):
    """Write two blocks as one to `whole`.

    whole (kept, kept, 8) := two blocks (ports, ports, 8); of all only what lies below the diagonal.
    places (2, ports): where each port stands in the whole, the `gone` ones that go last. work:
    (kept + gone)^2 x 8.
    """
    n = kept + gone  # nodes
    zero = splat(0.0)
    for k in range(n * n):
        store(work, k * WIDTH, zero)
    for side in range(2):
        part = second if side else first
        for i in range(ports):
            for j in range(i):
                a, b = places[side, i], places[side, j]
                at = (max(a, b) * n + min(a, b)) * WIDTH
                store(work, at, plus(load(work, at), load(part, (i * ports + j) * WIDTH)))
    for s in range(n - 1, kept - 1, -1):
        seen = splat(0.0)
        for j in range(s):
            seen = plus(seen, load(work, (s * n + j) * WIDTH))
        inverse = over(splat(1.0), seen)
        for i in range(1, s):
            share = times(inverse, load(work, (s * n + i) * WIDTH))
            for j in range(i):
                at = (i * n + j) * WIDTH
                store(work, at, fused(share, load(work, (s * n + j) * WIDTH), load(work, at)))
    for i in range(kept):
        for j in range(i):
            store(whole, (i * kept + j) * WIDTH, load(work, (i * n + j) * WIDTH))


@sweep
def cell(g, i, j, left, below, element, block):
    """Write cell (i, j) as a block of four ports.

    One element of each vector of block (4, 4, 8); the cell's nodes are the ports to the right and
    above.
    """
    flat = block.reshape(-1)
    flat[(1 * 4 + 0) * WIDTH + element] = 1.0 / left[j]
    flat[(2 * 4 + 1) * WIDTH + element] = g[i, j]
    flat[(3 * 4 + 2) * WIDTH + element] = 1.0 / below[i]
    for k in (2 * 4 + 0, 3 * 4 + 0, 3 * 4 + 1):
        flat[k * WIDTH + element] = 0.0


def tiles(g, left, below, places, counts, whole):
    """whole (tiles, ports, ports) := the conductances between the ports of every tile, symmetric.

    g (rows, columns) [S] in tiles numbered along the rows first; left (columns,), below (rows,)
    [ohm], all > 0.
    """
    across = g.shape[1] // TILE
    joins = counts.shape[0]
    most = 4 * TILE
    work = np.zeros(36 * TILE * TILE * WIDTH)
    # one block waits for its neighbour at every level; the one above it is made in `fresh`
    waiting = np.zeros((joins + 1, most * most * WIDTH))
    fresh = np.zeros((joins + 1, most * most * WIDTH))
    for group in range(0, whole.shape[0], WIDTH):
        for k in range(TILE * TILE):
            row, column = _spread(k)
            for element in range(WIDTH):
                tile = min(group + element, whole.shape[0] - 1)
                i, j = tile // across * TILE + row, tile % across * TILE + column
                cell(g, i, j, left, below, element, (fresh if k & 1 else waiting)[0])
            level, bits = 0, k
            while bits & 1:
                bits >>= 1
                ports, kept, gone = counts[level]
                target = fresh if bits & 1 or level + 1 == joins else waiting
                join(
                    waiting[level],
                    fresh[level],
                    places[level],
                    ports,
                    kept,
                    gone,
                    work,
                    target[level + 1],
                )
                level += 1
        _scatter(fresh[joins], most, group, whole)


@sweep
def _spread(k):
    """Row and column of the cell that comes k-th: even bits count columns, odd bits rows."""
    row = column = 0
    for bit in range(8):
        column |= (k >> (2 * bit) & 1) << bit
        row |= (k >> (2 * bit + 1) & 1) << bit
    return row, column


@sweep
def _scatter(vector, ports, group, whole):
    for element in range(min(WIDTH, whole.shape[0] - group)):
        for i in range(ports):
            for j in range(i):
                value = vector[(i * ports + j) * WIDTH + element]
                whole[group + element, i, j] = value
                whole[group + element, j, i] = value


def assemble(parts, across, keep_right, keep_top):
    """One block of tiles (tiles, ports, ports), numbered along the rows first.

    Open ports go unless they are kept. They go tile by tile: nodes that a short segment ties to
    each other must not go together, or rounding would hide what else they are tied to.
    """
    sides = tuple(slice(k * TILE, (k + 1) * TILE) for k in range(4))
    high = parts.shape[0] // across

    def block(top, bottom, left, right):
        if (bottom - top, right - left) == (1, 1):
            tile = Block(parts[top * across + left], sides)
            return without(tile, right == across and not keep_right, top == 0 and not keep_top)
        if right - left >= bottom - top:
            middle = (left + right) // 2
            return _joined(
                block(top, bottom, left, middle), block(top, bottom, middle, right), BESIDE
            )
        middle = (top + bottom) // 2
        return _joined(block(top, middle, left, right), block(middle, bottom, left, right), ABOVE)

    return block(0, high, 0, across)


def without(block, right, top):
    """A block whose ports to the right, above, or both are left open for good and go."""
    gone = [
        side
        for side, drop in ((RIGHT, right), (TOP, top))
        if drop and block.between[block.sides[side]].size
    ]
    if not gone:
        return block
    kept = [(0, side) for side in range(4) if side not in gone]
    outward = np.concatenate(
        [np.concatenate([block.part(a, b) for b in gone], axis=1) for _, a in kept]
    )
    among = np.concatenate([np.concatenate([block.part(a, b) for b in gone], axis=1) for a in gone])
    return _meshed((block,), kept, star_mesh(among, outward))


def _joined(first, second, seam):
    """Two blocks as one without the ports of the seam.

    Given are the seam's side of the first, its side of the second, the rest.
    """
    blocks, (last, begin, kept) = (first, second), seam
    outward = np.concatenate([blocks[k].part(side, begin if k else last) for k, side in kept])
    return _meshed(
        blocks, kept, star_mesh(first.part(last, last) + second.part(begin, begin), outward)
    )


def _meshed(blocks, kept, between):
    """The block of the sides `kept`, with its own conductances on top of `between`.

    The sides are pairs of a block's number and a side.
    """
    sizes = [blocks[k].between[blocks[k].sides[side]].shape[0] for k, side in kept]
    ends = np.cumsum(sizes)
    runs = [slice(end - size, end) for end, size in zip(ends, sizes, strict=True)]
    for (k, one), rows in zip(kept, runs, strict=True):
        for (h, other), columns in zip(kept, runs, strict=True):
            if k == h:
                between[rows, columns] += blocks[k].part(one, other)
    sides = [
        [run for (_, side), run in zip(kept, runs, strict=True) if side == k] for k in range(4)
    ]
    return Block(
        between, tuple(slice(own[0].start, own[-1].stop) if own else slice(0, 0) for own in sides)
    )


def star_mesh(among, outward):
    """What nodes that go leave between the others, (kept, kept) [S].

    among (gone, gone), outward (kept, gone): their conductances with each other and with the others
    [S].
    """
    from scipy.linalg.blas import dtrsm
    from scipy.linalg.lapack import dpotrf

    np.fill_diagonal(among, 0.0)
    pivots = np.diag(among.sum(axis=1) + outward.sum(axis=0)) - among
    factor, _ = dpotrf(pivots.T, lower=1)
    half = dtrsm(1.0, factor, outward.T, lower=1, overwrite_b=1)
    return half.T @ half


def effective(g, left, right_end, below, top_end):
    """H (rows, columns) [S]: currents at the foot are voltages @ H.

    Arguments as in `ladders.py`; every segment > 0.
    """
    places, counts = seams()
    parts = np.zeros(((g.shape[0] // TILE) * (g.shape[1] // TILE), 4 * TILE, 4 * TILE))
    cached(tiles)(g, left, below, places, counts, parts)
    block = assemble(parts, g.shape[1] // TILE, right_end > 0, top_end > 0)
    # both ends are tied to the same
    for far, near, end in (
        (RIGHT, LEFT, right_end),
        (TOP, BOTTOM, top_end),
    ):
        for part in (block.part(far, near), block.part(near, far)):
            part[np.diag_indices(min(part.shape))] += end
    return without(block, right_end > 0, top_end > 0).part(LEFT, BOTTOM)
