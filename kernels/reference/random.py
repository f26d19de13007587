"""Counter-based random numbers: a draw is a pure function of (key, step, index).

The bits are two rounds of the 64-bit finaliser "Mix13" (D. Stafford 2011; the one in SplitMix64,
Steele, Lea and Flood 2014, doi:10.1145/2660193.2660195) over a key and two counters. Integer
arithmetic only, so every backend draws the same bits.
"""

from __future__ import annotations

import numpy as np

from .quantile import quantile

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


def bits(key, step, index):
    """64 random bits for (key, step, index); any argument may be an array."""
    with np.errstate(over="ignore"):
        golden = np.uint64(GOLDEN)
        inner = mix(np.uint64(key) + golden * (np.asarray(step).astype(np.uint64) + np.uint64(1)))
        return mix(inner + golden * (np.asarray(index).astype(np.uint64) + np.uint64(1)))


def uniform(key, step, index):
    """A float64 in the open interval (0, 1): 52 random bits and a half."""
    return ((bits(key, step, index) >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52


def normal(key, step, index):
    """A standard normal float64 from one draw: the quantile of 53 random bits and a half."""
    whole = (bits(key, step, index) >> np.uint64(11)).astype(np.int64) - 2**52
    return quantile((whole + 0.5) * 2.0**-53)
