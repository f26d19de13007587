"""From column currents to numbers: read noise, then the analogue-to-digital converter."""

import math

import numpy as np
from numba import njit

from .random import mix, normal


@njit(error_model="numpy")
def convert_step(
    step, key, sample, column_plus, column_minus, square, listed, touched, touched_count,
    noise, lsb, lowest, highest, scale, receiving, conversions, clipped, conducted,
):  # fmt: skip
    """Convert the columns that were read in this step, add them to `receiving`, leave them empty.

    column_plus ... touched_count: see `crossbar_read_step`. noise: relative standard deviation of one
    device's reading; the devices' independent errors add up to one normal error per column of variance
    noise**2 * square. lsb: what one code stands for [S], 0 for a converter without steps; codes run from
    lowest to highest. scale: weight per siemens. Totals (1,): conversions, how many of them were clipped,
    and the sum of all conductances read [S].
    """
    stream = mix(key + np.uint64(sample[0]))
    count = touched_count[0]
    total = 0.0
    for k in range(count):
        j = touched[k]
        value = np.float64(column_plus[j] - column_minus[j])
        total += column_plus[j] + column_minus[j]
        if noise > 0:
            value += noise * math.sqrt(square[j]) * normal(stream, step, j)
        if lsb > 0:
            code = np.rint(value / lsb)
            clipped[0] += code < lowest or code > highest
            value = min(max(code, lowest), highest) * lsb
        receiving[j] += scale * value
        column_plus[j] = 0
        column_minus[j] = 0
        square[j] = 0
        listed[j] = 0
    conversions[0] += count
    conducted[0] += total
    touched_count[0] = 0
