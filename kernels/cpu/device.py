"""Drawing what becomes of devices when they are written: device i depends on (key, parameters, i) only."""

import math

from .caching import cached
from .random import normal, uniform


@cached
def form(key, chance, median, sigma, conductances):
    """Send a forming pulse to the devices of `conductances` (n,) [S]; return how many broke down.

    Each breaks down with probability `chance` and is then lognormal(median [S], sigma); the others keep what
    they had.
    """
    broken = 0
    for i in range(conductances.size):
        if uniform(key, 0, i) < chance:
            conductances[i] = median * math.exp(sigma * normal(key, 1, i))
            broken += 1
    return broken


@cached
def write(key, error, g_min, g_max, conductances):
    """Add a normal error of standard deviation `error` [S] to targets (n,) [S], inside [g_min, g_max]."""
    for i in range(conductances.size):
        conductances[i] = min(max(conductances[i] + error * normal(key, 0, i), g_min), g_max)


@cached
def read(key, errors, conductances):
    """Add a normal error of standard deviation errors (n,) [S] to conductances (n,) [S], which stay >= 0."""
    for i in range(conductances.size):
        conductances[i] = max(conductances[i] + errors[i] * normal(key, 0, i), 0.0)
