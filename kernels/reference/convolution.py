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
    size: int, extent: int, out: int, stride: int, padding: int, dilation: int
) -> NDArray[np.int64]:
    """The output rows that each row of a kernel of `size` rows joins to the image (size, 2).

    The first, and the one behind the last. extent, out: rows of the input and of the output;
    padding: rows of zeros above the image.
    """
    least = padding - np.arange(size) * dilation  # of output row * stride, for an input row >= 0
    first = np.maximum(-(-least // stride), 0)
    behind = np.minimum((extent - 1 + least) // stride + 1, out)
    return np.stack([first, np.maximum(behind, first)], axis=1)


def taps(extent: int, out: int, size: int, stride: int, padding: int, dilation: int) -> Taps:
    """The table of one axis, for a kernel of `size` rows; see `reach`."""
    begin, behind = reach(size, extent, out, stride, padding, dilation).T
    counts = behind - begin
    tap = np.repeat(np.arange(size), counts)
    place = np.arange(tap.size) + np.repeat(begin - np.cumsum(counts) + counts, counts)
    row = place * stride - padding + tap * dilation
    order = np.lexsort((place, row))
    first = np.zeros(extent + 1, np.int32)
    np.cumsum(np.bincount(row, minlength=extent), out=first[1:])
    return Taps(first, place[order].astype(np.int32), tap[order].astype(np.int32))


BEGIN, END, NEAR, ALL, SIZE, BEFORE = range(6)  # columns of the table of an axis


def axis_table(
    own: Taps, size: int, stride: int, padding: int, dilation: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], list[NDArray[np.int64]]]:
    """The table of one axis for the delivery of spikes, and the rows of the kernel by class.

    Input rows a stride apart meet the same rows of the kernel, but at the border: they are a class.
    met (n, 2): what the input rows meet, for each entry the output row and the place of the row of
    the kernel in its class. table (extent, 6): for each input row where its entries begin and end,
    its first output row, whether it meets all of its class, how many rows of the kernel that are,
    and how many the classes before it have. Last the rows of the kernel in each class that has any,
    from the last to the first.
    """
    extent, counts = own.first.size - 1, np.diff(own.first)
    n = min(stride, extent)
    of = (np.arange(size) * dilation - padding) % stride  # the class of each row of the kernel
    listed = np.lexsort((-np.arange(size), of))
    listed = listed[: np.searchsorted(of[listed], n)]
    sizes, number = np.bincount(of[listed], minlength=n), np.arange(extent) % n
    before = np.cumsum(sizes) - sizes
    place = np.zeros(size, np.int64)
    place[listed] = np.arange(listed.size) - before[of[listed]]
    met = np.stack([own.place, place[own.tap]], axis=1)
    table = np.zeros((extent, 6), np.int64)
    table[:, BEGIN], table[:, END] = own.first[:-1], own.first[1:]
    table[counts > 0, NEAR] = own.place[own.first[:-1][counts > 0]]
    table[:, ALL], table[:, SIZE] = counts == sizes[number], sizes[number]
    table[:, BEFORE] = before[number]
    return table, met.astype(np.int64), np.split(listed, before[sizes > 0][1:])


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


def deliver_convolved_step(
    step,
    history,
    history_count,
    lags,
    groups,
    plane,
    weights,
    offsets,
    row_taps,
    row_met,
    column_taps,
    column_met,
    low,
    high,
    met,
    drowsy,
    place,
    woken,
    receiving,
):
    """`deliver_step` for a convolution, whose synapses follow from the kernel.

    Only targets from `low` to `high` - 1 are reached. lags (1,): the delay [steps]; plane: pixels
    of an output channel. weights (C_in, C_out / groups * taps): what a source of each channel
    brings, class of rows by class of columns, in each by output channel, then row and column of the
    target. row_taps, row_met, column_taps, column_met: see `axis_table`, but that output rows are
    given by their first pixel, and the taps of earlier classes by where their weights end. offsets,
    met, drowsy, place and woken serve the cpu only.
    """
    slot = (step - lags[0]) % len(history)
    sources = history[slot, : history_count[slot]].astype(np.int64)
    image = len(weights), len(row_taps), len(column_taps)
    own_in, own_out = len(weights) // groups, receiving.size // (plane * groups)
    for source in sources:
        c, y, x = np.unravel_index(source, image)
        row, column = row_taps[y], column_taps[x]
        i, j = row_met[row[BEGIN] : row[END]], column_met[column[BEGIN] : column[END]]
        outputs = np.arange(own_out)[:, None, None]
        target = (c // own_in * own_out + outputs) * plane + i[:, :1] + j[:, 0]
        tap = outputs * row[SIZE] * column[SIZE] + i[:, 1:] * column[SIZE] + j[:, 1]
        own = row[BEFORE] + row[SIZE] * column[BEFORE] + tap
        mine = (low <= target) & (target < high)
        receiving[target[mine]] += weights[c, own[mine]]
    return sources.size


def convolved_product_step(
    step,
    sent,
    lags,
    groups,
    columns_out,
    width,
    row_stride,
    column_stride,
    weights,
    row_taps,
    column_taps,
    low,
    high,
    line,
    receiving,
):
    """`product_step` for a convolution, whose synapses follow from the kernel; summed in order of
    their sources.

    lags (1,): the delay [steps]; columns_out, width: columns of the output and of the input;
    weights (C_out, C_in / groups * kh * kw); row_taps (kh, 3), column_taps (kw, 3): of each row of the
    kernel the first output row that it joins to the image, the one behind the last, and the input
    row that belongs to output row 0. line serves the cpu only.
    """
    kh, kw, n_in = len(row_taps), len(column_taps), sent.shape[1]
    own_in, own_out = weights.shape[1] // (kh * kw), len(weights) // groups
    numbers = sent[(step - lags[0]) % len(sent)].astype(np.float64)
    image = numbers.reshape(own_in * groups, n_in // (own_in * groups * width), width)
    output = np.zeros((len(weights), receiving.size // (len(weights) * columns_out), columns_out))
    kernel = weights.astype(np.float64).reshape(groups, own_out, own_in, kh, kw)
    for c, i, j in np.ndindex(own_in, kh, kw):
        met = image[c::own_in]  # (groups, height, width)
        y = slice(*(row_taps[i, :2] * row_stride + row_taps[i, 2]), row_stride)
        x = slice(*(column_taps[j, :2] * column_stride + column_taps[j, 2]), column_stride)
        brought = np.repeat(met[:, y, x], own_out, axis=0)
        each = kernel[:, :, c, i, j].reshape(-1, 1, 1)
        output[:, row_taps[i, 0] : row_taps[i, 1], column_taps[j, 0] : column_taps[j, 1]] += (
            each * brought
        )
    receiving[low:high] = receiving[low:high] + output.reshape(-1)[low:high]
