"""The quantile of the standard normal law; the coefficients are in `kernels/reference/quantile.py`."""

import math

from numba import njit

from ..reference.quantile import MIDDLE, SHOULDER, TAIL


@njit
def ratio(x, coefficients):
    """A rational function of x."""
    above, below = coefficients[0][7], coefficients[1][7]
    for power in range(6, -1, -1):
        above = above * x + coefficients[0][power]
        below = below * x + coefficients[1][power]
    return above / below


@njit
def quantile(q):
    """The standard normal value below which lies the probability 1/2 + q, -1/2 < q < 1/2."""
    if abs(q) <= 0.425:
        return q * ratio(0.180625 - q * q, MIDDLE)
    depth = math.sqrt(-math.log(0.5 - abs(q)))
    outside = ratio(depth - 1.6, SHOULDER) if depth <= 5.0 else ratio(depth - 5.0, TAIL)
    return math.copysign(outside, q)
