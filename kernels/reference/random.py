"""Counter-based random numbers: each is a pure function of (key, step, index).

The bits are two rounds of the 64-bit finaliser "Mix13" (D. Stafford 2011; the one in SplitMix64,
Steele, Lea and Flood 2014, doi:10.1145/2660193.2660195) over a key and two counters. Integer
arithmetic only, so every backend draws the same bits.
"""

from __future__ import annotations

import math

import numpy as np

from .ziggurat import EDGE, HEIGHT, LAYERS, TAIL

GOLDEN = 0x9E3779B97F4A7C15  # 2**64 / golden ratio, odd: spreads consecutive counters
MIX_1 = 0xBF58476D1CE4E5B9
MIX_2 = 0x94D049BB133111EB


def mix(x):
    """The finaliser: a bijection of uint64 in which every input bit moves every output bit."""
    with np.errstate(over="ignore"):
        x = np.uint64(x)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(MIX_1)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(MIX_2)
        return x ^ (x >> np.uint64(31))


def of_sample(key, sample):
    """The key of one sample of a batch; in a run, and in sample 0, it is `key` itself."""
    with np.errstate(over="ignore"):
        return np.uint64(key) if sample == 0 else mix(np.uint64(key) + np.uint64(sample))


def bits(key, step, index):
    """64 random bits for (key, step, index); any argument may be an array."""
    with np.errstate(over="ignore"):
        return mix(
            row_key(key, step)
            + np.uint64(GOLDEN) * (np.asarray(index).astype(np.uint64) + np.uint64(1))
        )


def row_key(key, step):
    """What (key, step) contribute to `bits`."""
    with np.errstate(over="ignore"):
        return mix(
            np.uint64(key) + np.uint64(GOLDEN) * (np.asarray(step).astype(np.uint64) + np.uint64(1))
        )


def uniform(key, step, index):
    """A float64 in the open interval (0, 1): 52 random bits and a half."""
    return unit(bits(key, step, index))


def unit(word):
    """The float64 in the open interval (0, 1) that the upper 52 bits of `word` stand for."""
    return ((word >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52


def again(word):
    """The next word of a draw that needs several."""
    with np.errstate(over="ignore"):
        return mix(word + np.uint64(GOLDEN))


def normal(key, step, index):
    """A standard normal float64, by the ziggurat of `kernels/reference/ziggurat.py`.

    Eight bits of a word choose the layer, one the sign, 52 the position in the layer. One draw in a
    hundred falls outside the inner part of its layer and needs more words.
    """
    word = np.asarray(bits(key, step, index))
    flat = word.ravel()
    values, pending = np.empty(flat.size), np.arange(flat.size)
    while pending.size:
        now = flat[pending]
        layer = (now & np.uint64(LAYERS - 1)).astype(np.int64)
        x = unit(now) * EDGE[layer]
        inside = x < EDGE[layer + 1]
        more = again(now)
        height = HEIGHT[layer] + unit(more) * (HEIGHT[layer + 1] - HEIGHT[layer])
        inside |= (layer > 0) & (height < np.exp(-0.5 * x**2))
        for k in np.flatnonzero(~inside & (layer == 0)):
            x[k], inside[k] = _tail(more[k]), True
        sign = np.where(now & np.uint64(LAYERS), -1.0, 1.0)
        values[pending[inside]] = (sign * x)[inside]
        flat[pending] = again(more)
        pending = pending[~inside]
    return values.reshape(word.shape) if word.ndim else values[0]


def _tail(word):
    """A value beyond TAIL (Marsaglia 1964, doi:10.1080/00401706.1964.10490150), from `word` on."""
    while True:
        beyond = -math.log(unit(word)) / TAIL
        word = again(word)
        if -2.0 * math.log(unit(word)) > beyond**2:
            return TAIL + beyond
        word = again(word)
