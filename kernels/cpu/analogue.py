"""Reading a whole array of cells for a batch of vectors.

Here is the arithmetic before and after the matrix products; `kernels/reference/analogue.py`
explains the arguments.
"""

import numpy as np
from numba import njit

from ..reference.analogue import DIGIT, TINY
from .caching import cached
from .gaussian import F, normal_row
from .random import row_key

BASE = F(DIGIT)


@njit
def rounded_bits(x):
    """The bits of a float32 >= 0 rounded to bfloat16."""
    word = np.float32(x).view(np.uint32)
    return np.uint16(np.uint32(word + np.uint32(0x7FFF) + ((word >> 16) & 1)) >> 16)


@njit
def from_bits(word):
    """The float32 that the bits of a bfloat16 stand for."""
    return np.uint32(np.uint32(word) << 16).view(np.float32)


@njit
def largest_bits(row):
    """The bits of the largest magnitude of a row of float32.

    As integers they sort like the numbers, NaN above all.
    """
    top = np.int32(0)
    for i in range(row.size):
        top = max(top, np.int32(np.float32(row[i]).view(np.int32) & 0x7FFFFFFF))
    return top


@cached
def encode_rows(values, full_scale, levels, codes, squares, lsb):
    """Turn rows of `values` into codes and their squares.

    Returns the largest magnitude, NaN if there is one.
    """
    top, most = F(levels), np.int32(0)
    for b in range(values.shape[0]):
        row, code, square = values[b], codes[b], squares[b]
        largest = largest_bits(row)
        most = max(most, largest)
        automatic = np.int32(largest).view(np.float32)
        lsb[b] = (
            (F(0) if automatic < TINY else automatic) if full_scale == 0 else F(full_scale)
        ) / top
        inverse = F(1) / lsb[b] if lsb[b] > 0 else F(0)
        for i in range(row.size):
            x = min(max(np.rint(row[i] * inverse), -top), top)
            code[i] = np.int8(np.int32(x))
            square[i] = rounded_bits(x * x)
    return np.int32(most).view(np.float32)


@cached
def convert_columns(key, first, digits, unit, variance, lowest, highest, drive, weight, out):
    """Add up the digits, add read noise, convert, and add the result to out (batch, columns)."""
    batch, n = out.shape
    bottom, top = F(lowest), F(highest)
    noise = np.empty(n, np.float32)
    for b in range(batch):
        normal_row(row_key(key, first + b), noise)
        high, middle, low = digits[b, :n], digits[b, n : 2 * n], digits[b, 2 * n :]
        spread, worth = variance[b], drive[b]
        for j in range(n):
            value = ((F(high[j]) * BASE + F(middle[j])) * BASE + F(low[j])) * unit[j]
            noise[j] = value + np.sqrt(from_bits(spread[j])) * noise[j]
        if lowest < highest:
            for j in range(n):
                noise[j] = min(max(np.rint(noise[j]), bottom), top)
        for j in range(n):
            out[b, j] += noise[j] * worth * weight[j]


@njit(error_model="numpy")
def edges_reached(edges, value, lowest):
    """How many of the ascending edges (n,) are not above `value`.

    The search begins at value - lowest, which is the number for ideal edges.
    """
    n = edges.size
    k = np.int64(min(max(np.rint(value) - lowest, 0.0), float(n)))
    while k < n and edges[k] <= value:
        k += 1
    while k > 0 and edges[k - 1] > value:
        k -= 1
    return k


@cached
def count_edges(values, edges, sharing, lowest, codes):
    """Set codes to `lowest` plus the number of edges that are not above each value."""
    for b in range(values.shape[0]):
        for j in range(values.shape[1]):
            codes[b, j] = lowest + edges_reached(edges[sharing[j]], values[b, j], lowest)
