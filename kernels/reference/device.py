"""Drawing what becomes of devices when they are written: device i depends on (key, parameters, i) only."""

from __future__ import annotations

import numpy as np

from .random import normal, uniform


def form(key, chance, median, sigma, conductances):
    """Send a forming pulse to the devices of `conductances` (n,) [S]; return how many broke down."""
    i = np.arange(conductances.size)
    broken = uniform(key, 0, i) < chance
    conductances[broken] = median * np.exp(sigma * normal(key, 1, i[broken]))
    return int(broken.sum())


def write(key, error, g_min, g_max, conductances):
    """Add a normal error of standard deviation `error` [S] to targets (n,) [S], inside [g_min, g_max]."""
    i = np.arange(conductances.size)
    conductances[:] = np.clip(conductances + error * normal(key, 0, i), g_min, g_max)


def read(key, errors, conductances):
    """Add a normal error of standard deviation errors (n,) [S] to conductances (n,) [S], which stay >= 0."""
    conductances[:] = np.maximum(conductances + errors * normal(key, 0, np.arange(conductances.size)), 0.0)
