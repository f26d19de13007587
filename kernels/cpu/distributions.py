"""Drawing values from a distribution: value i depends on (key, parameters, i) only."""

import math

from .caching import cached
from .random import normal, uniform


@cached
def draw_normal(key, mean, sd, low, high, values):
    """Fill `values` (n,) with normal values inside [low, high].

    What falls outside is drawn again.
    """
    for i in range(values.size):
        attempt = 0
        value = mean + sd * normal(key, attempt, i)
        while value < low or value > high:
            attempt += 1
            value = mean + sd * normal(key, attempt, i)
        values[i] = value


@cached
def draw_lognormal(key, median, sigma, values):
    """Fill `values` (n,) with median * exp(sigma * z), z standard normal."""
    for i in range(values.size):
        values[i] = median * math.exp(sigma * normal(key, 0, i))


@cached
def draw_uniform(key, low, high, values):
    """Fill `values` (n,) with uniform values in [low, high]."""
    for i in range(values.size):
        values[i] = low + (high - low) * uniform(key, 0, i)
