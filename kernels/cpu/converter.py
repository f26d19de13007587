"""From column currents to numbers: read noise, then the analogue-to-digital converter."""

import math

import numpy as np
from numba import njit

from .analogue import edges_reached
from .random import mix, normal


@njit(error_model="numpy")
def convert_step(
    step,
    key,
    sample,
    column_plus,
    column_minus,
    variance,
    listed,
    touched,
    touched_count,
    lsb,
    lowest,
    highest,
    edges,
    sharing,
    scale,
    receiving,
    conversions,
    clipped,
    reads,
    conducted,
):
    """Convert the columns that were read in this step.

    Adds the results to `receiving` and sets the columns to 0. column_plus ... touched_count: see
    `crossbar_read_step`. The devices' independent errors add up to one normal error per column.
    lsb: conductance of one code [S], 0 for a converter that does not round; codes run from lowest
    to highest. edges (n_converters, highest - lowest), ascending: where each converter changes to
    the next code, in units of lsb; (0, 0) for ideal converters; sharing (n_columns,) uint32, the
    converter of each column. scale: weight per siemens. receiving (n_post,): where several arrays
    lie below each other, each has n_post columns, and the results of all arrays for one target are
    added up. Totals (1,): conversions, how many of them were clipped, and reads, steps in which
    there was anything to convert. conducted: the sum of all conductances read [S], (1,) or
    (n_columns,) that of each column.
    """
    n_post = receiving.size
    if column_plus.size > n_post:
        # sums do not depend on the order in which rows were driven
        touched[: touched_count[0]].sort()
    stream = mix(key + np.uint64(sample[0]))
    count = touched_count[0]
    total = 0.0
    for k in range(count):
        j = touched[k]
        value = np.float64(column_plus[j] - column_minus[j])
        amount = column_plus[j] + column_minus[j]
        total += amount
        if conducted.size > 1:
            conducted[j] += amount
        if variance[j] > 0:
            value += math.sqrt(variance[j]) * normal(stream, step, j)
        if lsb > 0:
            code = np.rint(value / lsb)
            clipped[0] += code < lowest or code > highest
            code = min(max(code, lowest), highest)
            if edges.shape[0] > 0:
                code = lowest + edges_reached(edges[sharing[j]], value / lsb, lowest)
            value = code * lsb
        receiving[j % n_post] += scale * value
        column_plus[j] = 0
        column_minus[j] = 0
        variance[j] = 0
        listed[j] = 0
    conversions[0] += count
    reads[0] += count > 0
    if conducted.size == 1:
        conducted[0] += total
    touched_count[0] = 0
