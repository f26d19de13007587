"""Counter-based random numbers; the bits are defined in `kernels/reference/random.py`."""

import numpy as np
from numba import njit

from ..reference.random import GOLDEN, MIX_1, MIX_2
from .quantile import quantile

_GOLDEN, _MIX_1, _MIX_2 = np.uint64(GOLDEN), np.uint64(MIX_1), np.uint64(MIX_2)


@njit(inline="always")
def mix(x):
    """The 64-bit finaliser Mix13, a bijection of uint64."""
    x = (x ^ (x >> np.uint64(30))) * _MIX_1
    x = (x ^ (x >> np.uint64(27))) * _MIX_2
    return x ^ (x >> np.uint64(31))


@njit(inline="always")
def bits(key, step, index):
    """64 random bits for (key, step, index), all integers."""
    inner = mix(np.uint64(key) + _GOLDEN * (np.uint64(step) + np.uint64(1)))
    return mix(inner + _GOLDEN * (np.uint64(index) + np.uint64(1)))


@njit(inline="always")
def uniform(key, step, index):
    """A float64 in the open interval (0, 1)."""
    return (np.float64(bits(key, step, index) >> np.uint64(12)) + 0.5) * 2.0**-52


@njit(inline="always")
def normal(key, step, index):
    """A standard normal float64."""
    whole = np.int64(bits(key, step, index) >> np.uint64(11)) - 2**52
    return quantile((whole + 0.5) * 2.0**-53)
