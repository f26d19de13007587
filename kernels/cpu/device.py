"""What writing, faults, time and reading do to devices.

The random part of device i depends on (key, parameters, i). Random numbers are drawn block by
block, in loops without branches, so that the compiler vectorises them.
"""

import math

import numpy as np
from numba import njit

from ..reference.device import BEFORE, LEFT, MOST
from .caching import cached
from .exponential import exponential
from .random import GOLDEN_WORD, fill_normal, fill_normal_at, mix, row_key, uniform, unit

BLOCK = 1024  # devices at a time: the arrays between two loops stay in the first-level cache


@cached
def form(key, chance, median, sigma, conductances):
    """Send a forming pulse to the devices of `conductances` (n,) [S]; return how many broke down.

    Each breaks down with probability `chance` and is then lognormal(median [S], sigma); the others
    keep what they had.
    """
    z, row, broken = np.empty(BLOCK), row_key(key, 0), 0
    for begin in range(0, conductances.size, BLOCK):
        block = conductances[begin : begin + BLOCK]
        fill_normal(key, 1, begin, z[: block.size])
        for i in range(block.size):
            hit = unit(mix(row + GOLDEN_WORD * np.uint64(begin + i + 1))) < chance
            formed = median * exponential(sigma * z[i])
            block[i] = formed if hit else block[i]
            broken += hit
    return broken


@cached
def vary(key, sigma, floor, conductances):
    """Multiply the part of conductances (n,) [S] above `floor` [S] by lognormal(1, sigma).

    The factor is fixed for each device.
    """
    z = np.empty(BLOCK)
    for begin in range(0, conductances.size, BLOCK):
        block = conductances[begin : begin + BLOCK]
        fill_normal(key, 0, begin, z[: block.size])
        for i in range(block.size):
            block[i] = floor + (block[i] - floor) * exponential(sigma * z[i])


@cached
def program(key, cycle, c0, c1, c2, c3, c4, per, low, high, conductances):
    """Add to targets (n,) [S] the normal error of this `cycle` of writing, inside [low, high].

    Its standard deviation is c0 + c1 x + c2 x**2 + c3 x**3 + c4 x**4 [S], or 0 where that is
    negative, x = g / per.
    """
    z = np.empty(BLOCK)
    for begin in range(0, conductances.size, BLOCK):
        block = conductances[begin : begin + BLOCK]
        fill_normal(key, cycle, begin, z[: block.size])
        for i in range(block.size):
            x = block[i] / per
            sd = max(c0 + x * (c1 + x * (c2 + x * (c3 + x * c4))), 0.0)
            block[i] = min(max(block[i] + sd * z[i], low), high)


@cached
def stick(key, low, high, rest, full, conductances):
    """Set a share `low` of conductances (n,) [S] to `rest` and a share `high` to `full` [S]."""
    row, above = row_key(key, 0), 1.0 - high
    for i in range(conductances.size):
        u = unit(mix(row + GOLDEN_WORD * np.uint64(i + 1)))
        free = full if u > above else conductances[i]
        conductances[i] = rest if u < low else free


@cached
def read(key, errors, conductances):
    """Add a normal error of standard deviation errors (n,) [S] to conductances (n,) [S]."""
    z = np.empty(BLOCK)
    for begin in range(0, conductances.size, BLOCK):
        block = conductances[begin : begin + BLOCK]
        fill_normal(key, 0, begin, z[: block.size])
        for i in range(block.size):
            block[i] += errors[begin + i] * z[i]


@cached
def flip(key, occupancy, amplitudes, conductances):
    """Put every device of conductances (n,) [S] on one of two levels.

    It is the lower one with probability `occupancy`. The levels differ by amplitudes (n,), relative
    to the conductance, and their mean is the conductance.
    """
    row = row_key(key, 0)
    for i in range(conductances.size):
        trapped = unit(mix(row + GOLDEN_WORD * np.uint64(i + 1))) < occupancy
        conductances[i] *= 1.0 + amplitudes[i] * (occupancy - (1.0 if trapped else 0.0))


@cached
def fluctuate(key, weights, ages, values):
    """Fill values (n,) with sums of normal numbers that are correlated over time.

    Each is sum_k weights[k] z_k, z_k standard normal and correlated like exp(-ages[k]).
    """
    renewals, z = np.empty(BLOCK, np.int64), np.empty(BLOCK)
    for begin in range(0, values.size, BLOCK):
        block = values[begin : begin + BLOCK]
        block[:] = 0.0
        for k in range(weights.size):
            own = row_key(key, k)
            last_renewals(own, ages[k], begin, renewals[: block.size])
            fill_normal_at(mix(own + GOLDEN_WORD), renewals, begin, z[: block.size])
            for i in range(block.size):
                block[i] += weights[k] * z[i]


@njit(error_model="numpy")
def last_renewals(key, age, begin, found):
    """`last_renewal` of the cells from `begin` on.

    Likely cases are vectorised, others are looked up one by one.
    """
    whole = math.floor(age)
    first, reached = (np.int64(whole) + BEFORE) * MOST, exponential(age - whole - 1.0)
    r0, r1, r2 = row_key(key, first), row_key(key, first + 1), row_key(key, first + 2)
    b1, b2, b3 = (
        row_key(key, first - MOST),
        row_key(key, first - 2 * MOST),
        row_key(key, first - 3 * MOST),
    )
    for i in range(found.size):
        cell = GOLDEN_WORD * np.uint64(begin + i + 1)
        one = unit(mix(r0 + cell))
        two = one * unit(mix(r1 + cell))
        three = two * unit(mix(r2 + cell))
        before = first - 3 * MOST if unit(mix(b3 + cell)) >= LEFT else -1
        before = first - 2 * MOST if unit(mix(b2 + cell)) >= LEFT else before
        before = first - MOST if unit(mix(b1 + cell)) >= LEFT else before
        now = first + 2 if three >= LEFT else before
        now = now if three <= reached else -1
        later = first + 1 if two >= LEFT else before
        now = later if two <= reached else now
        latest = first if one >= LEFT else before
        found[i] = latest if one <= reached else now
    for i in range(found.size):
        if found[i] < 0:
            found[i] = last_renewal(key, first, reached, begin + i)


@njit(error_model="numpy")
def last_renewal(key, first, reached, cell):
    """The number of the last event.

    first: that of event 0 of this unit of time; reached: exp(age - end).
    """
    product = 1.0
    for j in range(MOST):
        product *= uniform(key, first + j, cell)
        if product <= reached:
            if product >= LEFT:
                return first + j
            break
    first -= MOST
    while uniform(key, first, cell) < LEFT:
        first -= MOST
    return first
