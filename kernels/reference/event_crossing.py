"""The first threshold crossing by looking everywhere: slow, and easy to believe."""

from __future__ import annotations

import numpy as np


def potential(neuron, t):
    """v at the times t (n,) of a neuron, by the textbook sum.

    Its numbers: see `kernels/cpu/event_crossing.py`.
    """
    v, first, second, drive, tau, tau_first, tau_second = neuron
    value = drive + (v - drive) * np.exp(-t / tau)
    for current, own in ((first, tau_first), (second, tau_second)):
        if own == tau:
            value = value + current * t / tau * np.exp(-t / tau)
        else:
            value = value + current * (np.exp(-t / own) - np.exp(-t / tau)) / (1 - tau / own)
    return value


def first_crossing(neuron, threshold, horizon, samples=200_000):
    """The first sample in [0, horizon] at or above threshold, refined by bisection.

    inf if there is none. Samples lie densely near 0. A crossing that comes and goes between two
    samples is missed.
    """
    times = horizon * np.linspace(0, 1, samples) ** 3
    above = np.flatnonzero(potential(neuron, times) >= threshold)
    if not above.size:
        return np.inf
    if above[0] == 0:
        return 0.0
    low, high = times[above[0] - 1], times[above[0]]
    while low < (middle := 0.5 * (low + high)) < high:
        low, high = (low, middle) if potential(neuron, middle) >= threshold else (middle, high)
    return high
