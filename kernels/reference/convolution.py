"""Convolutions: which pixels and which entries of the kernel a source pixel meets.

An image is a population whose units are numbered channel by channel, row by row, column by column. A
kernel (C_out, C_in / groups, kh, kw) slides over it. Output pixel (o, p, q) is joined to input
pixel (c, y, x) by entry (i, j) where ``y = p * stride - padding + i * dilation``, and likewise x.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Taps(NamedTuple):
    """What each input row (or column) meets, for one axis of an image.

    first (extent + 1,) int32: where the entries of each input row begin; place (n,) int32: the
    output row, ascending for each input row; tap (n,) int32: the row of the kernel.
    """

    first: NDArray[np.int32]
    place: NDArray[np.int32]
    tap: NDArray[np.int32]


def reach(
    tap: int, extent: int, out: int, stride: int, padding: int, dilation: int
) -> tuple[int, int]:
    """The output rows that one row of the kernel joins to the image.

    Returns the first, and the one behind the last. extent, out: rows of the input and of the
    output; padding: rows of zeros above the image.
    """
    least = padding - tap * dilation  # of output row * stride, for an input row >= 0
    first = max(-(-least // stride), 0)
    return first, max(min((extent - 1 + least) // stride + 1, out), first)


def taps(extent: int, out: int, size: int, stride: int, padding: int, dilation: int) -> Taps:
    """The table of one axis, for a kernel of `size` rows; see `reach`."""
    ranges = [np.arange(*reach(tap, extent, out, stride, padding, dilation)) for tap in range(size)]
    place = np.concatenate(ranges).astype(np.int64)
    tap = np.repeat(np.arange(size), [own.size for own in ranges])
    row = place * stride - padding + tap * dilation
    order = np.lexsort((place, row))
    first = np.zeros(extent + 1, np.int32)
    np.cumsum(np.bincount(row, minlength=extent), out=first[1:])
    return Taps(first, place[order].astype(np.int32), tap[order].astype(np.int32))


def list_convolution(
    kernel,
    groups,
    rows_out,
    columns_out,
    row_first,
    row_place,
    row_tap,
    column_first,
    column_place,
    column_tap,
    sources,
    targets,
    weights,
):
    """List all synapses in order of (source, target): sources, targets (n,) uint32, weights (n,).

    kernel (C_out, C_in / groups, kh, kw); row_ and column_: `Taps` of both axes.
    """
    height, width = row_first.size - 1, column_first.size - 1
    own_out, own_in = kernel.shape[0] // groups, kernel.shape[1]
    n = 0
    for source in range(groups * own_in * height * width):
        c, y, x = np.unravel_index(source, (groups * own_in, height, width))
        outputs = np.arange(own_out) + c // own_in * own_out
        i = np.arange(row_first[y], row_first[y + 1])
        j = np.arange(column_first[x], column_first[x + 1])
        o, i, j = (grid.reshape(-1) for grid in np.meshgrid(outputs, i, j, indexing="ij"))
        own = slice(n, n + o.size)
        sources[own] = source
        targets[own] = (o * rows_out + row_place[i]) * columns_out + column_place[j]
        weights[own] = kernel[o, c % own_in, row_tap[i], column_tap[j]]
        n += o.size
