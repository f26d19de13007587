"""Reading a whole array of cells for a batch of vectors.

Here is the arithmetic before and after the matrix products. Inputs are integer codes. Conductances
are integer multiples of a unit of their column, written in three digits of seven bits. So all
products are integers, without rounding.
"""

from __future__ import annotations

import numpy as np

from .gaussian import normal_rows

DIGIT = 128  # the base in which conductances are written
# times the smallest normal number: smaller vectors count as 0, so that 1 / lsb is finite
LEAST = 1e4
TINY = np.float32(LEAST * np.finfo(np.float32).tiny)


def encode_rows(values, full_scale, levels, codes, squares, lsb):
    """Turn each row of `values` (batch, rows) into codes.

    codes (batch, rows) int8 lie within [-levels, levels]. One code of row b is worth lsb[b] =
    full_scale / levels. Where full_scale is 0, each row has a scale of its own: its largest
    magnitude / levels, or 0 if that magnitude is below TINY. squares (batch, rows) uint16: codes**2
    as the bits of bfloat16. Returns the largest magnitude of all rows, NaN if there is one.
    """
    magnitudes = np.abs(values).max(axis=1, initial=np.float32(0))
    automatic = np.where(magnitudes < TINY, np.float32(0), magnitudes)
    lsb[:] = (automatic if full_scale == 0 else np.float32(full_scale)) / np.float32(levels)
    inverse = np.divide(1, lsb, out=np.zeros_like(lsb), where=lsb > 0)
    codes[:] = np.clip(np.rint(values * inverse[:, None]), -levels, levels)
    words = (codes.astype(np.float32) ** 2).view(np.uint32)
    squares[:] = (
        words + np.uint32(0x7FFF) + ((words >> np.uint32(16)) & np.uint32(1))
    ) >> np.uint32(16)
    return magnitudes.max(initial=np.float32(0))


def convert_columns(key, first, digits, unit, variance, lowest, highest, drive, weight, out):
    """Add up the digits, add read noise, convert, and add the result to out (batch, columns).

    digits (batch, 3 * columns) int32: products with the high, middle and low digits. unit
    (columns,): one of the lowest digit, in steps of the converter. variance (batch, columns)
    uint16: of the noise, in steps squared, as bits of bfloat16; noise comes from `normal_rows`.
    Codes are clipped to [lowest, highest]; where both are equal the converter neither rounds nor
    clips. One step is worth drive[b] * weight[j] in `out`.
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
    """Set codes to `lowest` plus the number of edges that are not above each value.

    codes, values (batch, columns). edges (converters, steps), ascending, in the unit of the values.
    Column j is read by converter sharing[j].
    """
    for j in range(values.shape[1]):
        codes[:, j] = lowest + np.searchsorted(edges[sharing[j]], values[:, j], side="right")
