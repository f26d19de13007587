"""Drawing values from a law: value i depends on (key, parameters, i) only."""

import math

import numpy as np
from numba import njit

from ..reference.distributions import MIDDLE, SHOULDER, TAIL
from .random import bits, uniform


@njit(cache=True, nogil=True)
def ratio(x, coefficients):
    """A rational function of x."""
    above, below = coefficients[0][7], coefficients[1][7]
    for power in range(6, -1, -1):
        above = above * x + coefficients[0][power]
        below = below * x + coefficients[1][power]
    return above / below


@njit(cache=True, nogil=True)
def quantile(q):
    """The standard normal value below which lies the probability 1/2 + q, -1/2 < q < 1/2."""
    if abs(q) <= 0.425:
        return q * ratio(0.180625 - q * q, MIDDLE)
    depth = math.sqrt(-math.log(0.5 - abs(q)))
    outside = ratio(depth - 1.6, SHOULDER) if depth <= 5.0 else ratio(depth - 5.0, TAIL)
    return math.copysign(outside, q)


@njit(cache=True, nogil=True)
def standard_normal(key, step, index):
    """A standard normal float64 from one draw."""
    whole = np.int64(bits(key, step, index) >> np.uint64(11)) - 2**52
    return quantile((whole + 0.5) * 2.0**-53)


@njit(cache=True, nogil=True)
def draw_normal(key, mean, sd, low, high, values):
    """Fill `values` (n,) with normal values inside [low, high]; what falls outside is drawn again."""
    for i in range(values.size):
        attempt = 0
        value = mean + sd * standard_normal(key, attempt, i)
        while value < low or value > high:
            attempt += 1
            value = mean + sd * standard_normal(key, attempt, i)
        values[i] = value


@njit(cache=True, nogil=True)
def draw_lognormal(key, median, sigma, values):
    """Fill `values` (n,) with median * exp(sigma * z), z standard normal."""
    for i in range(values.size):
        values[i] = median * math.exp(sigma * standard_normal(key, 0, i))


@njit(cache=True, nogil=True)
def draw_uniform(key, low, high, values):
    """Fill `values` (n,) with uniform values in [low, high]."""
    for i in range(values.size):
        values[i] = low + (high - low) * uniform(key, 0, i)
