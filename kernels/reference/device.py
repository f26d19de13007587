"""What becomes of devices when they are written, get stuck and are read: device i depends on (key, parameters, i)."""

from __future__ import annotations

import numpy as np

from .exponential import exponential
from .random import normal, uniform


def form(key, chance, median, sigma, conductances):
    """Send a forming pulse to the devices of `conductances` (n,) [S]; return how many broke down."""
    i = np.arange(conductances.size)
    broken = uniform(key, 0, i) < chance
    conductances[broken] = median * exponential(sigma * normal(key, 1, i[broken]))
    return int(broken.sum())


def vary(key, sigma, floor, conductances):
    """Multiply what conductances (n,) [S] have above `floor` [S] by lognormal(1, sigma), fixed for each device."""
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
    """Put every device of conductances (n,) [S] on one of two levels, the lower one with probability `occupancy`."""
    trapped = uniform(key, 0, np.arange(conductances.size)) < occupancy
    conductances *= 1.0 + amplitudes * (occupancy - trapped)
