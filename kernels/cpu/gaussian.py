"""Normal numbers in pairs, to the precision of float32.

The draws are defined in `kernels/reference/gaussian.py`. Logarithm, sine and cosine are Taylor's
series, so that the loop over columns vectorises.
"""

import math

import numpy as np
from numba import njit

from .caching import cached
from .exponential import fma
from .random import GOLDEN_WORD, mix, row_key

F = np.float32
LN2 = F(math.log(2))
EIGHTH = F(math.pi / 4 * 2.0**-29)  # of a turn, in 2**29 parts
ROOT_BITS = np.int32(0x3F3504F3)  # of sqrt(1/2)
SIGN = np.uint32(1)


@njit
def log_half(x):
    """-2 ln(x 2**-32) for x >= 0.5 (float32).

    x = m 2**k, sqrt(1/2) <= m < sqrt(2), and 2 artanh((m-1)/(m+1)).
    """
    word = np.float32(x).view(np.int32)
    k = np.int32((word - ROOT_BITS) >> 23)
    m = np.int32(word - (k << 23)).view(np.float32)
    s = (m - F(1)) / (m + F(1))
    q = s * s
    series = fma(fma(fma(fma(F(1 / 9), q, F(1 / 7)), q, F(1 / 5)), q, F(1 / 3)), q, F(1))
    value = F(-4) * s * series - F(2) * LN2 * F(k - 32)
    return max(value, F(0))


@njit
def normal_pair(row, j):
    """Two independent standard normals (float32) from the word of (row, j); row: see `row_key`."""
    word = mix(row + GOLDEN_WORD * (np.uint64(j) + np.uint64(1)))
    radius = np.sqrt(log_half(F(np.uint32(word >> np.uint64(32))) + F(0.5)))
    low = np.uint32(word)
    a = F(np.int32(low >> np.uint32(3))) * EIGHTH
    q = a * a
    sine = a * fma(
        fma(fma(fma(F(1 / 362880), q, F(-1 / 5040)), q, F(1 / 120)), q, F(-1 / 6)), q, F(1)
    )
    cosine = fma(fma(fma(fma(F(1 / 40320), q, F(-1 / 720)), q, F(1 / 24)), q, F(-0.5)), q, F(1))
    swap = low & SIGN
    near, far = (sine, cosine) if swap else (cosine, sine)
    near = -near if low & np.uint32(2) else near
    far = -far if low & np.uint32(4) else far
    return radius * near, radius * far


@njit
def normal_row(row, values):
    """Fill `values` (n,) with standard normals; row: see `row_key`."""
    n = values.size
    half = (n + 1) // 2
    left, right = values[: n - half], values[half:]
    for j in range(right.size):
        one, other = normal_pair(row, j)
        left[j] = one
        right[j] = other
    if half > n - half:
        values[half - 1] = normal_pair(row, half - 1)[0]


@cached
def normal_rows(key, first, values):
    """Fill `values` (n_rows, n) with standard normals.

    Row b is that of the counter ``first + b``.
    """
    for b in range(values.shape[0]):
        normal_row(row_key(key, first + b), values[b])
