"""A coarse crossbar of a few word and bit lines.

It knows the smooth part of the potentials of a large one. Along a line potentials are interpolated
between nodes at equal steps of resistance, down to 0 at its source or ground: b = Phi c. The
Galerkin matrices of the whole crossbar on these functions, W_c, B_c and G_c, give what the
preconditioner B^-1 misses, C = S_c^-1 - B_c^-1 = B_c^-1 G_c (W_c - G_c B_c^-1 G_c)^-1 G_c B_c^-1,
never negative.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .ladders import sweep
from .vectors import WIDTH, fused, load, splat, store, total

WEAK = 2.5  # lines as many decay lengths long as this, or less, need no help
NODES = 1.2  # per decay length
MOST = 16  # nodes along a line
CLOSE = 0.1  # of a step: nodes nearer to each other than this would make hats too steep for double precision


class Coarse(NamedTuple):
    """Arrays of a coarse crossbar with (m, n) nodes for bit nodes (rows, columns).

    m = 0 stands for none. near (rows,): the first of the two nodes next to a row; weights (rows, 2)
    of both. bends (rows,): whether the interpolant along a bit line bends there, and by (rows, m)
    the current [1/ohm] that this takes per node. foot (m,) [1/ohm]: current to ground per node.
    across (n, columns): interpolation along word lines. correction (m n, m n): C [ohm].
    """

    near: np.ndarray
    weights: np.ndarray
    bends: np.ndarray
    by: np.ndarray
    foot: np.ndarray
    across: np.ndarray
    correction: np.ndarray


def none(columns):
    """No coarse crossbar."""
    real = np.zeros((0, 0))
    return Coarse(
        np.zeros(0, np.int64),
        real,
        np.zeros(0, np.bool_),
        real,
        np.zeros(0),
        np.zeros((0, columns)),
        real,
    )


def build(g, left, right_end, below, top_end):
    """The coarse crossbar for cells g (rows, columns) [S], if it pays.

    The cells stand between lines as in `ladders.py`.
    """
    rows, columns = g.shape
    total = g.sum()
    # lengths / decay lengths
    along = (
        np.sqrt(left.sum() * total / rows),
        np.sqrt(below.sum() * total / columns),
    )
    if not WEAK < min(along) < np.inf:
        return none(columns)
    n, m = (min(int(np.ceil(NODES * length)), MOST) for length in along)
    across, across_currents = hats(left, right_end, n)
    down, down_currents = (part[::-1] for part in hats(below[::-1], top_end, m))
    correction = _correction(g, down, down_currents, across, across_currents)
    near = np.argmax(down != 0, axis=1)
    reach = np.minimum(near + 1, down.shape[1] - 1)
    here = np.arange(rows)
    weights = np.stack([down[here, near], np.where(reach > near, down[here, reach], 0.0)], axis=1)
    bends = np.abs(down_currents).max(axis=1) > 1e-9 * np.abs(down_currents).max()
    foot = down[-1] / below[-1]
    contiguous = np.ascontiguousarray
    return Coarse(
        near,
        weights,
        bends,
        contiguous(down_currents),
        foot,
        contiguous(across.T),
        contiguous(correction),
    )


def hats(segments, end, count):
    """Hat functions (n, count) along a line and the currents [1/ohm] that hold each.

    segments (n,) [ohm] from the source outwards; end [S] ties the far end to the source. Fewer
    functions where the line has no nodes at equal steps.
    """
    distance = np.cumsum(segments)
    whole = distance[-1] + (1.0 / end if end > 0 else 0.0)
    targets = whole * (np.arange(count) + 0.75) / count
    nodes = np.unique(distance[np.minimum(np.searchsorted(distance, targets), distance.size - 1)])
    apart = np.diff(nodes, prepend=0.0) > CLOSE * whole / count
    nodes = nodes[apart] if apart.any() else distance[-1:]
    places = np.concatenate([[0.0], nodes, [whole] * int(end > 0)])
    values = np.eye(places.size)[1 : nodes.size + 1]
    functions = np.stack([np.interp(distance, places, value) for value in values], axis=1)
    steps = np.diff(functions, axis=0, prepend=0.0)
    flow = np.divide(
        steps, segments[:, None], out=np.zeros_like(steps), where=segments[:, None] > 0
    )
    last = np.zeros_like(flow[:1])
    currents = flow - np.concatenate([flow[1:], last])
    currents[-1] += end * functions[-1]
    return functions, currents


def _correction(g, down, down_currents, across, across_currents):
    n = down.shape[1] * across.shape[1]
    products_down, a, c, at_down = _overlaps(down)
    products_across, b, d, at_across = _overlaps(across)
    overlaps = products_down.T @ (g @ products_across)
    cells = np.zeros((down.shape[1], across.shape[1]) * 2)
    cells[a[:, None], b, c[:, None], d] = overlaps[at_down[:, None], at_across]
    cells = cells.reshape(n, n)
    words = np.kron(down.T @ down, across.T @ across_currents) + cells
    bits = np.kron(down.T @ down_currents, across.T @ across) + cells
    through = np.linalg.solve(bits, cells)
    correction = through @ np.linalg.solve(words - cells @ through, through.T)
    return 0.5 * (correction + correction.T)


def _overlaps(functions):
    """Products of hat functions (n, count) that overlap: each with itself, then each with the next.

    Returns them as columns, and for every ordered pair (a, c) of functions that overlap: a, c and
    the column.
    """
    count = functions.shape[1]
    products = np.concatenate([functions**2, functions[:, :-1] * functions[:, 1:]], axis=1)
    own, next_ = np.arange(count), np.arange(count - 1)
    a, c = np.concatenate([own, next_, next_ + 1]), np.concatenate([own, next_ + 1, next_])
    return products, a, c, np.concatenate([own, count + next_, count + next_])


@sweep
def gather_row(i, near, weights, r, sums):
    """sums (m + 1, columns) += the restriction of row i of r to the two nodes next to it."""
    columns = r.shape[1]
    low, high = splat(weights[i, 0]), splat(weights[i, 1])
    at, to = i * columns, near[i] * columns
    for j in range(0, columns, WIDTH):
        value = load(r, at + j)
        store(sums, to + j, fused(low, value, load(sums, to + j)))
        store(sums, to + columns + j, fused(high, value, load(sums, to + columns + j)))


@sweep
def correct(correction, across, sums):
    """Replace sums of residuals by the coarse potentials along each node's word line.

    sums (m + 1, columns). Returns their product.
    """
    nodes, columns = sums.shape[0] - 1, sums.shape[1]
    n = across.shape[0]
    residual, answer = np.zeros(nodes * n), np.zeros(nodes * n)
    for k in range(nodes * n):
        product = splat(0.0)
        for j in range(0, columns, WIDTH):
            product = fused(
                load(sums, k // n * columns + j), load(across, k % n * columns + j), product
            )
        residual[k] = total(product)
    for k in range(nodes * n):
        for h in range(nodes * n):
            answer[h] += correction[k, h] * residual[k]
    sums[:] = 0.0
    for k in range(nodes * n):
        share = splat(answer[k])
        for j in range(0, columns, WIDTH):
            at = k // n * columns + j
            store(sums, at, fused(share, load(across, k % n * columns + j), load(sums, at)))
    return np.dot(answer, residual)
