"""Resistor ladders: the word and bit lines of a crossbar.

Each is solved exactly by one sweep in and one sweep out. A line is a chain of segments of r [ohm]
from its source (or its ground) outwards. Seen from a node outwards it is one conductance D = g + D'
a' and one current J = f + J' a', where a = 1 / (1 + r D) is the share that a segment leaves of what
lies behind it and primes mark the next node outwards. On the way back w' = a' (w + r' J'). Nothing
is ever subtracted or divided by r, so that segments of no resistance and cells of no conductance
are exact too.

Rows come in blocks of eight, whose word lines are swept side by side; bit lines are swept all
together. Both sides of every array are padded to multiples of eight.
"""

from numba import njit

from .vectors import WIDTH, fused, load, over, plus, splat, store, times, total, turn

sweep = njit(error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)


@sweep
def turn_rows(rows, first, columns, lines):
    """lines (columns, 8) := the transpose of eight rows, (rows, columns) from row `first` on."""
    for j in range(0, columns, WIDTH):
        turn(rows, first * columns + j, columns, lines, j * WIDTH, WIDTH)


@sweep
def turn_lines(lines, columns, rows):
    """rows (8, columns) := the transpose of lines (columns, 8)."""
    for j in range(0, columns, WIDTH):
        turn(lines, j * WIDTH, WIDTH, rows, j, columns)


@sweep
def factor_words(g, left, right_end, share, lines):
    """share (blocks, columns, 8) := a of every word segment. g (rows, columns) [S]; left (columns,)
    [ohm].

    right_end [S]: what ties the far end of every line to its source. lines (columns, 8) is scratch.
    """
    rows, columns = g.shape
    one = splat(1.0)
    for first in range(0, rows, WIDTH):
        turn_rows(g, first, columns, lines)
        seen = splat(right_end)
        for j in range(columns - 1, -1, -1):
            seen = plus(seen, load(lines, j * WIDTH))
            a = over(one, fused(splat(left[j]), seen, one))
            store(share, first * columns + j * WIDTH, a)
            seen = times(seen, a)


@sweep
def solve_words(share, first, left, lines):
    """Replace the currents into eight grounded word lines by their potentials.

    lines (columns, 8): currents f into the nodes, replaced by the nodes' potentials w [V]. Rows
    from `first` on. Returns the sum of f w over all nodes [W].
    """
    columns = left.size
    begin = first * columns
    current, power, w = splat(0.0), splat(0.0), splat(0.0)
    for j in range(columns - 1, -1, -1):
        current = plus(current, load(lines, j * WIDTH))
        store(lines, j * WIDTH, current)
        current = times(current, load(share, begin + j * WIDTH))
    for j in range(columns):
        current, a = load(lines, j * WIDTH), load(share, begin + j * WIDTH)
        gain = times(times(a, splat(left[j])), current)
        power = fused(gain, current, power)
        w = fused(a, w, gain)
        store(lines, j * WIDTH, w)
    return total(power)


@sweep
def drive_words(share, first, left, right_end, voltages, lines):
    """As `solve_words`, for lines held at voltages (rows,) [V]."""
    columns = left.size
    begin = first * columns
    w = load(voltages, first)
    current = times(w, splat(right_end))
    for j in range(columns - 1, -1, -1):
        current = plus(current, load(lines, j * WIDTH))
        store(lines, j * WIDTH, current)
        current = times(current, load(share, begin + j * WIDTH))
    for j in range(columns):
        w = times(load(share, begin + j * WIDTH), fused(splat(left[j]), load(lines, j * WIDTH), w))
        store(lines, j * WIDTH, w)


@sweep
def factor_bits(g, below, top_end, share, line):
    """share (rows, columns) := a of every bit segment. g (rows, columns) [S]; below (rows,) [ohm].

    top_end [S]: what ties the far end of every line to ground. line (columns,) is scratch.
    """
    rows, columns = g.shape
    one = splat(1.0)
    for j in range(columns):
        line[j] = top_end
    for i in range(rows):
        r = splat(below[i])
        for j in range(0, columns, WIDTH):
            seen = plus(load(line, j), load(g, i * columns + j))
            a = over(one, fused(r, seen, one))
            store(share, i * columns + j, a)
            store(line, j, times(seen, a))
