"""What becomes of devices when they are written, get stuck and are read: device i depends on (key, parameters, i).

Draws are made block by block, in loops without branches, so that the compiler turns them into vectors.
"""

import math

import numpy as np
from numba import njit

from ..reference.device import BEFORE, MOST, RENEWALS
from .caching import cached
from .exponential import exponential
from .random import GOLDEN_WORD, fill_normal, mix, normal, row_key, uniform, unit

BLOCK = 1024  # devices at a time: what is between two loops stays in the innermost cache


@cached
def form(key, chance, median, sigma, conductances):
    """Send a forming pulse to the devices of `conductances` (n,) [S]; return how many broke down.

    Each breaks down with probability `chance` and is then lognormal(median [S], sigma); the others keep what
    they had.
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
    """Multiply what conductances (n,) [S] have above `floor` [S] by lognormal(1, sigma), fixed for each device."""
    z = np.empty(BLOCK)
    for begin in range(0, conductances.size, BLOCK):
        block = conductances[begin : begin + BLOCK]
        fill_normal(key, 0, begin, z[: block.size])
        for i in range(block.size):
            block[i] = floor + (block[i] - floor) * exponential(sigma * z[i])


@cached
def program(key, cycle, c0, c1, c2, c3, c4, per, low, high, conductances):
    """Add to targets (n,) [S] the normal error of this `cycle` of writing, inside [low, high].

    Its standard deviation is c0 + c1 x + c2 x**2 + c3 x**3 + c4 x**4 [S], or 0 where that is negative, x = g / per.
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
    """Put every device of conductances (n,) [S] on one of two levels, the lower one with probability `occupancy`.

    The levels differ by amplitudes (n,), relative to the conductance, and their mean is the conductance.
    """
    row = row_key(key, 0)
    for i in range(conductances.size):
        trapped = unit(mix(row + GOLDEN_WORD * np.uint64(i + 1))) < occupancy
        conductances[i] *= 1.0 + amplitudes[i] * (occupancy - (1.0 if trapped else 0.0))


@cached
def fluctuate(key, weights, ages, values):
    """Fill values (n,) with sum_k weights[k] z_k, z_k standard normal and correlated over time like exp(-ages[k])."""
    values[:] = 0.0
    for k in range(weights.size):
        own = row_key(key, k)
        drawn = mix(own + GOLDEN_WORD)
        for i in range(values.size):
            values[i] += weights[k] * normal(drawn, last_renewal(own, ages[k], i), i)


@njit(error_model="numpy")
def last_renewal(key, age, cell):
    """The number of the renewal that holds at `age`."""
    whole = math.floor(age)
    block, limit = np.int64(whole) + BEFORE, age - whole
    while True:
        first, u = block * (MOST + 1), uniform(key, block * (MOST + 1), cell)
        count, latest, found = 0, -1.0, np.int64(0)
        while count < MOST and u >= RENEWALS[count]:
            count += 1
        for j in range(count):
            place = uniform(key, first + 1 + j, cell)
            if latest < place <= limit:
                latest, found = place, first + 1 + j
        if latest >= 0.0:
            return found
        block, limit = block - 1, 1.0
