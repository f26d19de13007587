"""From column currents to numbers: read noise, then the analogue-to-digital converter."""

from __future__ import annotations

import numpy as np

from .random import mix, normal


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

    Adds the results to `receiving` and sets the columns to 0.
    """
    with np.errstate(over="ignore"):
        stream = mix(key + np.uint64(sample[0]))
    j = touched[: touched_count[0]]
    value = (column_plus[j] - column_minus[j]).astype(np.float64)
    amounts = column_plus[j] + column_minus[j]
    if conducted.size > 1:
        conducted[j] += amounts
    else:
        conducted[0] += amounts.sum(dtype=np.float64)
    noisy = variance[j] > 0
    value[noisy] += np.sqrt(variance[j][noisy]) * normal(stream, step, j[noisy])
    if lsb > 0:
        code = np.rint(value / lsb)
        clipped[0] += np.count_nonzero((code < lowest) | (code > highest))
        if edges.size:
            pairs = zip(sharing[j], value / lsb, strict=True)
            code = np.array(
                [lowest + np.searchsorted(edges[c], x, side="right") for c, x in pairs], np.float64
            )
        value = np.clip(code, lowest, highest) * lsb
    np.add.at(receiving, j % receiving.size, scale * value)
    for array in (column_plus, column_minus, variance, listed):
        array[j] = 0
    conversions[0] += j.size
    reads[0] += j.size > 0
    touched_count[0] = 0
