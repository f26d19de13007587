"""Drawing values from a distribution: value i depends on (key, parameters, i) only."""

from __future__ import annotations

import numpy as np

from .random import normal, uniform


def draw_normal(key, mean, sd, low, high, values):
    """Fill `values` (n,) with normal values inside [low, high].

    What falls outside is drawn again.
    """
    pending, attempt = np.arange(values.size), 0
    while pending.size:
        values[pending] = mean + sd * normal(key, attempt, pending)
        pending = pending[(values[pending] < low) | (values[pending] > high)]
        attempt += 1


def draw_lognormal(key, median, sigma, values):
    """Fill `values` (n,) with median * exp(sigma * z), z standard normal."""
    values[:] = median * np.exp(sigma * normal(key, 0, np.arange(values.size)))


def draw_uniform(key, low, high, values):
    """Fill `values` (n,) with uniform values in [low, high]."""
    values[:] = low + (high - low) * uniform(key, 0, np.arange(values.size))
