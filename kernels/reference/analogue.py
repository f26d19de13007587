"""One reading of a whole array for a batch of vectors: what stands before and after its products.

Inputs are whole codes, and conductances whole multiples of a unit per column in three digits of seven bits; the
products of both are whole numbers, without rounding.
"""

from __future__ import annotations

import numpy as np

from .gaussian import normal_rows

DIGIT = 128  # the base in which conductances are written
LEAST = 1e4  # times the smallest normal number: vectors below it are 0, so that every step has an inverse
TINY = np.float32(LEAST * np.finfo(np.float32).tiny)


def encode_rows(values, full_scale, levels, codes, squares, lsb):
    """Turn each row of `values` (batch, rows) into codes (batch, rows) int8 within [-levels, levels].

    A code of row b stands for lsb[b]; it is full_scale / levels, or where full_scale is 0, what lets the largest
    magnitude of the row be `levels`, or 0 where that is next to nothing. squares (batch, rows) uint16 are the bits of
    codes**2 as bfloat16. Returns the largest magnitude of all, NaN if there is one.
    """
    magnitudes = np.abs(values).max(axis=1, initial=np.float32(0))
    automatic = np.where(magnitudes < TINY, np.float32(0), magnitudes)
    lsb[:] = (automatic if full_scale == 0 else np.float32(full_scale)) / np.float32(levels)
    inverse = np.divide(1, lsb, out=np.zeros_like(lsb), where=lsb > 0)
    codes[:] = np.clip(np.rint(values * inverse[:, None]), -levels, levels)
    words = (codes.astype(np.float32) ** 2).view(np.uint32)
    squares[:] = (words + np.uint32(0x7FFF) + ((words >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16)
    return magnitudes.max(initial=np.float32(0))


def convert_columns(key, first, digits, unit, variance, lowest, highest, drive, weight, out):
    """Add up the digits, add read noise, convert, and add the result to out (batch, columns).

    digits (batch, 3 * columns) int32: the products with the high, middle and low digits; unit (columns,): what
    one of the lowest stands for, in steps of the converter; variance (batch, columns) uint16: that of the noise in
    steps squared, bits of bfloat16. Codes end at lowest and highest; lowest == highest: no steps and no ends.
    One step is worth drive[b] * weight[j]. Noise: `normal_rows`.
    """
    high, middle, low = np.split(digits.astype(np.float32), 3, axis=1)
    value = ((high * np.float32(DIGIT) + middle) * np.float32(DIGIT) + low) * unit
    noise = np.empty_like(value)
    normal_rows(key, first, noise)
    value += np.sqrt((variance.astype(np.uint32) << np.uint32(16)).view(np.float32)) * noise
    if lowest < highest:
        value = np.clip(np.rint(value), lowest, highest)
    out += value * drive[:, None] * weight


def count_edges(values, edges, sharing, lowest, codes):
    """Read the code of every value (batch, columns): `lowest` and one more per edge that it has reached.

    edges (converters, steps), ascending, in the unit of the values; column j has the converter sharing[j].
    """
    for j in range(values.shape[1]):
        codes[:, j] = lowest + np.searchsorted(edges[sharing[j]], values[:, j], side="right")
