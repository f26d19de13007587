"""The currents of a crossbar with resistive wires.

Conjugate gradients on the nodes of the bit lines find them. Word lines are eliminated exactly,
which leaves S b = r on the bit nodes with S = B - G W^-1 G: W and B are the tridiagonal matrices of
the word and bit lines, cells included, and G holds the cells. B itself is the preconditioner. What
it misses, B^-1 S - 1 = -B^-1 G W^-1 G, smooths along both directions, so that a handful of
iterations is enough, and a coarse crossbar takes care of the smoothest part in arrays that lose
most of their current: P = B^-1 + Phi C Phi^T (see `coarse.py`).

One iteration is two sweeps over the array. Down the bit lines: residual and currents J. Up again,
eight rows at a time: z = P r, the direction p = z + beta p with y = B p beside it, and the word
lines for S p = y - G W^-1 G p.
"""

import numpy as np

from .coarse import correct, gather_row
from .ladders import (
    drive_words,
    factor_bits,
    factor_words,
    solve_words,
    sweep,
    turn_lines,
    turn_rows,
)
from .vectors import WIDTH, fused, load, plus, splat, store, times, total

ENOUGH = 1e-2  # share of the tolerance squared at which the power of the residual is as good as the residual itself


@sweep
def inject(g, share, left, right_end, voltages, cells, rows, lines, r):
    """Set r to the currents that enter the bit nodes while the bit lines are held at 0 V.

    r (rows, columns) [A]. cells (rows, columns), or (0, 0) for none: extra current that every cell
    drives from its word to its bit line [A].
    """
    columns = g.shape[1]
    minus = splat(-1.0)
    for first in range(0, g.shape[0], WIDTH):
        begin = first * columns
        lines[:] = 0.0
        if cells.size:
            for j in range(0, WIDTH * columns, WIDTH):
                store(rows, j, times(minus, load(cells, begin + j)))
            turn_rows(rows, 0, columns, lines)
        drive_words(share, first, left, right_end, voltages, lines)
        turn_lines(lines, columns, rows)
        for j in range(0, WIDTH * columns, WIDTH):
            store(r, begin + j, times(load(g, begin + j), load(rows, j)))
            if cells.size:
                store(r, begin + j, plus(load(r, begin + j), load(cells, begin + j)))


@sweep
def descend(alpha, share, below, q, r, current, line):
    """Down the bit lines: r -= alpha q, current (rows, columns) := J; return r.r and r B^-1 r.

    line (columns,) ends as the currents that reach the ground at the foot [A]. Where a segment has
    no resistance its two nodes are one, and what is left of r moves to the lower: only their sum
    counts, and nothing would hold the rest.
    """
    rows, columns = r.shape
    line[:] = 0.0
    back, square, energy = splat(-alpha), splat(0.0), splat(0.0)
    for i in range(rows):
        resistance = splat(below[i])
        if below[i] == 0.0 and i + 1 < rows:
            for j in range(0, columns, WIDTH):
                at = i * columns + j
                store(
                    r,
                    at + columns,
                    plus(load(r, at + columns), fused(back, load(q, at), load(r, at))),
                )
                store(r, at, splat(0.0))
                store(current, at, load(line, j))
            continue
        for j in range(0, columns, WIDTH):
            at = i * columns + j
            left_over = fused(back, load(q, at), load(r, at))
            store(r, at, left_over)
            square = fused(left_over, left_over, square)
            arrived = plus(left_over, load(line, j))
            store(current, at, arrived)
            passed = times(load(share, at), arrived)
            energy = fused(times(resistance, passed), arrived, energy)
            store(line, j, passed)
    return total(square), total(energy)


@sweep
def climb_row(i, beta, g, share, below, state, line, rows, row):
    """One row of the way up. Returns p.y.

    z comes from the potentials `line` of the row below, then p, y and rows[row] = G p.

    Returns p.y.
    """
    current, r, p, y = state
    columns = line.size
    b, resistance, power = splat(beta), splat(below[i]), splat(0.0)
    for j in range(0, columns, WIDTH):
        at = i * columns + j
        z = times(load(share, at), fused(resistance, load(current, at), load(line, j)))
        store(line, j, z)
        direction = fused(b, load(p, at), z)
        store(p, at, direction)
        through = fused(b, load(y, at), load(r, at))
        store(y, at, through)
        power = fused(direction, through, power)
        store(rows, row * columns + j, times(load(g, at), direction))
    return total(power)


@sweep
def climb_row_coarse(i, beta, g, share, below, state, line, rows, row, coarse, levels, bend):
    """`climb_row` with the interpolated potentials added to z.

    levels (m + 1, columns): those potentials; bend (columns,): scratch.
    """
    current, r, p, y = state
    columns = line.size
    low, high, node = (
        splat(coarse.weights[i, 0]),
        splat(coarse.weights[i, 1]),
        coarse.near[i] * columns,
    )
    bend[:] = 0.0
    if coarse.bends[i]:
        for k in range(levels.shape[0] - 1):
            for j in range(columns):
                bend[j] += coarse.by[i, k] * levels[k, j]
    b, resistance, power = splat(beta), splat(below[i]), splat(0.0)
    for j in range(0, columns, WIDTH):
        at = i * columns + j
        z = times(load(share, at), fused(resistance, load(current, at), load(line, j)))
        store(line, j, z)
        smooth = fused(low, load(levels, node + j), times(high, load(levels, node + columns + j)))
        direction = fused(b, load(p, at), plus(z, smooth))
        store(p, at, direction)
        cell = load(g, at)
        through = plus(fused(cell, smooth, load(bend, j)), fused(b, load(y, at), load(r, at)))
        store(y, at, through)
        power = fused(direction, through, power)
        store(rows, row * columns + j, times(cell, direction))
    return total(power)


@sweep
def climb(beta, g, bits, words, below, left, state, q, scratch, coarse, levels):
    """Up the bit lines: p := P r + beta p, y := B p, q := S p; return p.q.

    state: current, r, p, y, each (rows, columns). levels (m + 1, columns): coarse potentials, or
    none.
    """
    line, bend, rows, lines = scratch
    columns = g.shape[1]
    power = 0.0
    line[:] = 0.0
    minus = splat(-1.0)
    for first in range(g.shape[0] - WIDTH, -1, -WIDTH):
        for row in range(WIDTH - 1, -1, -1):
            if levels.size:
                power += climb_row_coarse(
                    first + row, beta, g, bits, below, state, line, rows, row, coarse, levels, bend
                )
            else:
                power += climb_row(first + row, beta, g, bits, below, state, line, rows, row)
        turn_rows(rows, 0, columns, lines)
        power -= solve_words(words, first, left, lines)
        turn_lines(lines, columns, rows)
        begin = first * columns
        for j in range(0, WIDTH * columns, WIDTH):
            passed = times(minus, load(g, begin + j))
            store(q, begin + j, fused(passed, load(rows, j), load(state[3], begin + j)))
    return power


@sweep
def ground_currents(line, top, levels, coarse, top_end, currents):
    """Set currents (columns,) to what z sends to ground [A].

    line: its part at the foot; top: its potentials at the top.
    """
    for j in range(currents.size):
        current = line[j] + top_end * top[j]
        for k in range(levels.shape[0] - 1):
            current += coarse.foot[k] * levels[k, j]
        currents[j] = current
    if top_end > 0.0 and levels.size:
        for side in range(2):
            for j in range(currents.size):
                currents[j] += top_end * coarse.weights[0, side] * levels[coarse.near[0] + side, j]


@sweep
def iterate(
    g,
    bits,
    words,
    below,
    left,
    top_end,
    state,
    q,
    scratch,
    coarse,
    tolerance,
    limit,
    currents,
    kept,
):
    """Conjugate gradients from b = 0, the residual in state; return iterations and residual.

    currents (columns,) := what reaches the ground; kept (rows, columns) := b, if it is not empty.
    """
    current, r, p, _ = state
    columns = g.shape[1]
    nodes = coarse.foot.size
    levels = np.zeros((nodes + (nodes > 0), columns))
    foot, sent, total_sent = np.zeros(columns), np.zeros(columns), np.zeros(columns)
    currents[:] = 0.0
    kept[:] = 0.0
    alpha, before, first, start, square, energy, done = 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0
    for done in range(limit + 1):
        square, energy = descend(alpha, bits, below, r if done == 0 else q, r, current, scratch[0])
        if done == 0:
            start = square
        if not square > tolerance * tolerance * start or energy == 0.0 or done == limit:
            break  # also where it is no number any more
        foot[:] = scratch[0]
        if nodes:
            levels[:] = 0.0
            for i in range(g.shape[0]):
                gather_row(i, coarse.near, coarse.weights, r, levels)
            energy += correct(coarse.correction, coarse.across, levels)
        if done == 0:
            first = energy
        elif energy <= ENOUGH * tolerance * tolerance * first:
            square = min(square, tolerance * tolerance * start)
            break
        beta = energy / before if done else 0.0
        power = climb(beta, g, bits, words, below, left, state, q, scratch, coarse, levels)
        alpha, before = energy / power, energy
        ground_currents(foot, scratch[0], levels, coarse, top_end, sent)
        for j in range(columns):
            total_sent[j] = sent[j] + beta * total_sent[j]
            currents[j] += alpha * total_sent[j]
        for i in range(kept.shape[0]):
            for j in range(columns):
                kept[i, j] += alpha * p[i, j]
    # the last residual went down the bit lines already: what B^-1 makes of it is at hand
    if top_end == 0.0:
        for j in range(columns):
            currents[j] += scratch[0][j]
    return done, 0.0 if start == 0.0 or energy == 0.0 else np.sqrt(square / start)


def relax(
    g,
    left,
    right_end,
    below,
    top_end,
    voltages,
    cells,
    coarse,
    tolerance,
    limit,
    shares,
    work,
    currents,
    potentials,
):
    """Solve for every row of voltages (batch, rows) [V].

    Returns the most iterations and the largest residual. g (rows, columns) [S], left (columns,),
    right_end, below (rows,), top_end: as in `ladders.py`. cells: as in `inject`. currents (batch,
    columns) := what reaches the ground [A]; potentials (batch, rows, columns) := those of the bit
    nodes [V], or empty. The residual is |r| / |r at b = 0|. shares: two arrays like g for factors;
    work: five for scratch.
    """
    columns = g.shape[1]
    words, bits = shares
    q = work[4]
    scratch = (
        np.zeros(columns),
        np.zeros(columns),
        np.zeros((WIDTH, columns)),
        np.zeros((columns, WIDTH)),
    )
    factor_words(g, left, right_end, words, scratch[3])
    factor_bits(g, below, top_end, bits, scratch[0])
    most, worst = 0, 0.0
    for sample in range(voltages.shape[0]):
        inject(g, words, left, right_end, voltages[sample], cells, scratch[2], scratch[3], work[1])
        work[2][:] = 0.0  # p and y, which begin with a factor 0
        work[3][:] = 0.0
        kept = potentials[sample] if potentials.size else q[:0]
        found = iterate(
            g,
            bits,
            words,
            below,
            left,
            top_end,
            work[:4],
            q,
            scratch,
            coarse,
            tolerance,
            limit,
            currents[sample],
            kept,
        )
        most = max(most, found[0])
        if not np.isnan(worst) and not found[1] <= worst:  # what is no number stays the worst
            worst = found[1]
    return most, worst


def settle_words(g, left, right_end, voltages, cells, bits, share, words):
    """Set words to the potentials of the word nodes [V] for given bit nodes.

    words (rows, columns); the bit nodes have bits (rows, columns) [V]. voltages (rows,) [V]; cells
    (rows, columns): extra current from word to bit node [A]. share: an array like g.
    """
    columns = g.shape[1]
    rows, lines = np.zeros((WIDTH, columns)), np.zeros((columns, WIDTH))
    factor_words(g, left, right_end, share, lines)
    for first in range(0, g.shape[0], WIDTH):
        for k in range(WIDTH):
            for j in range(columns):
                rows[k, j] = g[first + k, j] * bits[first + k, j] - cells[first + k, j]
        turn_rows(rows, 0, columns, lines)
        drive_words(share, first, left, right_end, voltages, lines)
        turn_lines(lines, columns, rows)
        words[first : first + WIDTH] = rows


def settle_bits(g, below, top_end, arriving, share, bits, currents):
    """Set bits to the potentials of the bit nodes [V] that the arriving currents make.

    bits (rows, columns); arriving (rows, columns) [A]. currents (columns,) := what reaches the
    ground [A]. share: an array like g. Uses up `arriving`.
    """
    rows, columns = g.shape
    line = np.zeros(columns)
    factor_bits(g, below, top_end, share, line)
    descend(0.0, share, below, arriving, arriving, bits, line)
    currents[:] = line
    line[:] = 0.0
    for i in range(rows - 1, -1, -1):
        for j in range(columns):
            line[j] = share[i, j] * (line[j] + below[i] * bits[i, j])
            bits[i, j] = line[j]
    for j in range(columns):
        currents[j] += top_end * line[j]
