"""Counter-based random numbers; the bits are defined in `kernels/reference/random.py`."""

import math

import numpy as np
from numba import njit

from ..reference.random import GOLDEN, MIX_1, MIX_2
from ..reference.ziggurat import EDGE, HEIGHT, LAYERS, TAIL

GOLDEN_WORD, _MIX_1, _MIX_2 = np.uint64(GOLDEN), np.uint64(MIX_1), np.uint64(MIX_2)


@njit(inline="always")
def mix(x):
    """The 64-bit finaliser Mix13, a bijection of uint64."""
    x = (x ^ (x >> np.uint64(30))) * _MIX_1
    x = (x ^ (x >> np.uint64(27))) * _MIX_2
    return x ^ (x >> np.uint64(31))


@njit(inline="always")
def of_sample(key, sample):
    """The key of one sample of a batch; in a run, and in sample 0, it is `key` itself."""
    return np.uint64(key) if sample == 0 else mix(np.uint64(key) + np.uint64(sample))


@njit(inline="always")
def row_key(key, step):
    """What (key, step) contribute to `bits`."""
    return mix(np.uint64(key) + GOLDEN_WORD * (np.uint64(step) + np.uint64(1)))


@njit(inline="always")
def bits(key, step, index):
    """64 random bits for (key, step, index), all integers."""
    return mix(row_key(key, step) + GOLDEN_WORD * (np.uint64(index) + np.uint64(1)))


@njit(inline="always")
def unit(word):
    """The float64 in the open interval (0, 1) that the upper 52 bits of `word` stand for."""
    return (np.float64(word >> np.uint64(12)) + 0.5) * 2.0**-52


@njit(inline="always")
def uniform(key, step, index):
    """A float64 in the open interval (0, 1)."""
    return unit(bits(key, step, index))


@njit
def outside(word, layer, x):
    """A normal draw outside the inner part of its layer.

    Returns the value, or -1 if it was rejected, and the next word.
    """
    word = mix(word + GOLDEN_WORD)
    if layer > 0:
        height = HEIGHT[layer] + unit(word) * (HEIGHT[layer + 1] - HEIGHT[layer])
        return (x if height < math.exp(-0.5 * x * x) else -1.0), mix(word + GOLDEN_WORD)
    while True:
        beyond = -math.log(unit(word)) / TAIL
        word = mix(word + GOLDEN_WORD)
        if -2.0 * math.log(unit(word)) > beyond * beyond:
            return TAIL + beyond, word
        word = mix(word + GOLDEN_WORD)


@njit(inline="always")
def normal(key, step, index):
    """A standard normal float64, by the ziggurat."""
    word = bits(key, step, index)
    while True:
        layer = np.int64(word & np.uint64(LAYERS - 1))
        x = unit(word) * EDGE[layer]
        sign = -1.0 if word & np.uint64(LAYERS) else 1.0
        if x < EDGE[layer + 1]:
            return sign * x
        x, word = outside(word, layer, x)
        if x >= 0.0:
            return sign * x


@njit(error_model="numpy")
def inside(word):
    """The normal number of a word that falls into the inner part of its layer.

    NaN for any other.
    """
    layer = word & np.uint64(LAYERS - 1)
    x = unit(word) * EDGE[layer]
    signed = -x if word & np.uint64(LAYERS) else x
    return signed if x < EDGE[layer + np.uint64(1)] else np.nan


@njit(error_model="numpy")
def fill_normal(key, step, begin, values):
    """Fill `values` (n,) with normal(key, step, begin + i).

    It is vectorised but for those outside the inner parts.
    """
    row = row_key(key, step)
    for i in range(values.size):
        values[i] = inside(mix(row + GOLDEN_WORD * np.uint64(begin + i + 1)))
    for i in range(values.size):
        if values[i] != values[i]:
            values[i] = normal(key, step, begin + i)


@njit(error_model="numpy")
def fill_normal_at(key, steps, begin, values):
    """`fill_normal` with a step of its own for each value: steps (n,) int64 or more."""
    for i in range(values.size):
        values[i] = inside(mix(row_key(key, steps[i]) + GOLDEN_WORD * np.uint64(begin + i + 1)))
    for i in range(values.size):
        if values[i] != values[i]:
            values[i] = normal(key, steps[i], begin + i)
