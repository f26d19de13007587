"""What writing, faults, time and reading do to devices.

The random part of device i depends on (key, parameters, i).
"""

from __future__ import annotations

import numpy as np

from .exponential import exponential
from .random import again, normal, row_key, uniform

MOST = 15  # renewals in one time constant, at most; more have a probability of 1e-14
LEFT = float(exponential(np.array([-1.0]))[0])  # what remains after one time constant
BEFORE = 1024  # time constants before time 0 in which the last renewal may lie


def form(key, chance, median, sigma, conductances):
    """Send a forming pulse to the devices of `conductances` (n,) [S].

    Returns how many broke down.
    """
    i = np.arange(conductances.size)
    broken = uniform(key, 0, i) < chance
    conductances[broken] = median * exponential(sigma * normal(key, 1, i[broken]))
    return int(broken.sum())


def vary(key, sigma, floor, conductances):
    """Multiply the part of conductances (n,) [S] above `floor` [S] by lognormal(1, sigma).

    The factor is fixed for each device.
    """
    z = normal(key, 0, np.arange(conductances.size))
    conductances[:] = floor + (conductances - floor) * exponential(sigma * z)


def program(key, cycle, c0, c1, c2, c3, c4, per, low, high, conductances):
    """Add to targets (n,) [S] the normal error of this `cycle` of writing, inside [low, high]."""
    z, x = normal(key, cycle, np.arange(conductances.size)), conductances / per
    sd = np.maximum(c0 + x * (c1 + x * (c2 + x * (c3 + x * c4))), 0.0)
    conductances[:] = np.clip(conductances + sd * z, low, high)


def stick(key, low, high, rest, full, conductances):
    """Set a share `low` of conductances (n,) [S] to `rest` and a share `high` to `full` [S]."""
    u = uniform(key, 0, np.arange(conductances.size))
    conductances[u > 1.0 - high] = full
    conductances[u < low] = rest


def read(key, errors, conductances):
    """Add a normal error of standard deviation errors (n,) [S] to conductances (n,) [S]."""
    conductances += errors * normal(key, 0, np.arange(conductances.size))


def flip(key, occupancy, amplitudes, conductances):
    """Put every device of conductances (n,) [S] on one of two levels.

    It is the lower one with probability `occupancy`.
    """
    trapped = uniform(key, 0, np.arange(conductances.size)) < occupancy
    conductances *= 1.0 + amplitudes * (occupancy - trapped)


def fluctuate(key, weights, ages, values):
    """Fill values (n,) with sums of normal numbers that are correlated over time.

    Each is sum_k weights[k] z_k, z_k standard normal and correlated like exp(-ages[k]). weights
    (n_parts,); ages (n_parts,): the time in units of the time constant of each part. z_k is drawn
    anew at random moments, once in a time constant on average. So any time can be asked for, in any
    order: see `last_renewal`.
    """
    values[:] = 0.0
    cells = np.arange(values.size)
    for k in range(weights.size):
        own = row_key(key, k)
        values += weights[k] * normal(again(own), last_renewal(own, ages[k], cells), cells)


def last_renewal(key, age, cells):
    """The number (n,) int64 of the last event before `age` of a Poisson process.

    It has one event per unit of time on average. Events are numbered backwards from the end of each
    unit of time. The waits between them are exponential, -ln u, so event j lies -ln(u_0 ... u_j)
    before the end. It has happened by `age` where the product is at most exp(age - end), and it
    lies in this unit where the product is at least exp(-1). If no event of this unit has happened,
    the last one is event 0 of the nearest unit before that has an event.
    """
    found, pending = np.full(cells.size, -1), np.arange(cells.size)
    whole = np.floor(age)
    first, product = (int(whole) + BEFORE) * MOST, np.ones(cells.size)
    reached = exponential(np.array([age - whole - 1.0]))[0]
    for j in range(MOST):
        product[pending] *= uniform(key, first + j, cells[pending])
        happened = product[pending] <= reached
        found[pending[happened]] = first + j
        pending = pending[~happened]
    pending = np.flatnonzero((found < 0) | (product < LEFT))
    while pending.size:
        first -= MOST
        some = uniform(key, first, cells[pending]) >= LEFT
        found[pending[some]] = first
        pending = pending[~some]
    return found
