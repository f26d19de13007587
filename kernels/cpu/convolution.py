"""Convolutions; `kernels/reference/convolution.py` explains the arguments."""

import numpy as np
from numba import njit

from ..reference.convolution import ALL, BEFORE, BEGIN, END, NEAR, SIZE
from .caching import cached, kernel
from .marks import MARKED

CACHED = 8192  # numbers that stay in the first-level cache


@cached
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
    """List all synapses in order of (source, target)."""
    height, width = row_first.size - 1, column_first.size - 1
    own_out, own_in = kernel.shape[0] // groups, kernel.shape[1]
    n, source = 0, 0
    for c in range(groups * own_in):
        first_out = c // own_in * own_out
        for y in range(height):
            for x in range(width):
                for o in range(first_out, first_out + own_out):
                    for i in range(row_first[y], row_first[y + 1]):
                        begin = (o * rows_out + row_place[i]) * columns_out
                        for j in range(column_first[x], column_first[x + 1]):
                            sources[n] = source
                            targets[n] = begin + column_place[j]
                            weights[n] = kernel[o, c % own_in, row_tap[i], column_tap[j]]
                            n += 1
                source += 1


@njit(error_model="numpy", inline="always")
def add_all(weights, offsets, begin, end, first, receiving):
    """Add the weights `begin` to `end` - 1 of a pixel that meets all of its class; first: the
    target of the first of them all.
    """
    for s in range(begin, end):
        receiving[np.uint64(first) + np.uint64(offsets[s])] += weights[np.uint64(s)]


@njit(error_model="numpy", inline="always")
def add_met(weights, met, n_met, own, size, plane, begin, end, receiving):
    """Add what a pixel brings to output channels `begin` to `end` - 1 over the `n_met` taps that it
    meets; own + o * size: where the weights of channel o begin.
    """
    for o in range(begin, end):
        first, w = np.uint64(o * plane), np.uint64(own + o * size)
        for n in range(n_met):
            receiving[first + np.uint64(met[0, n])] += weights[w + np.uint64(met[1, n])]


@njit(error_model="numpy", inline="always")
def add_by_tap(weights, met, n_met, own, size, plane, begin, end, receiving):
    """`add_met`, tap by tap: faster where all of these channels stay in the first-level cache."""
    for n in range(n_met):
        target = np.uint64(begin * plane) + np.uint64(met[0, n])
        w = np.uint64(own + begin * size) + np.uint64(met[1, n])
        for _ in range(begin, end):
            receiving[target] += weights[w]
            target += np.uint64(plane)
            w += np.uint64(size)


@njit(error_model="numpy", inline="always")
def add_cut(weights, met, n_met, own, size, plane, begin, end, low, high, receiving):
    """`add_met` for the targets from `low` to `high` - 1 alone."""
    for o in range(begin, end):
        for n in range(n_met):
            target = o * plane + np.int64(met[0, n])
            if low <= target < high:
                receiving[target] += weights[own + o * size + np.int64(met[1, n])]


@njit(error_model="numpy", inline="always")
def list_met(row, column, row_met, column_met, met):
    """Write to met what a pixel meets: places behind the beginning of a channel, and taps; return
    how many.
    """
    n = 0
    for i in range(row[BEGIN], row[END]):
        for j in range(column[BEGIN], column[END]):
            met[0, n] = row_met[i, 0] + column_met[j, 0]
            met[1, n] = row_met[i, 1] * column[SIZE] + column_met[j, 1]
            n += 1
    return n


@njit(error_model="numpy", inline="always")
def mark(first, last, low, high, place, woken):
    """Mark the targets from `first` to `last` of which some are reached, if they are in [low, high)."""
    begin, end = max(first, low), min(last + 1, high)
    if begin < end:
        for k in range((place + begin) >> MARKED, ((place + end - 1) >> MARKED) + 1):
            woken[k] = 1


@kernel
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

    offsets (C_out / groups * taps,) uint32: how far the targets of a pixel that meets all of its
    class lie behind the first; met (2, kh * kw) uint32: room for what one meets that does not.
    """
    depth, width = history.shape[0], column_taps.shape[0]
    pixels = row_taps.shape[0] * width
    own_in, own_out = weights.shape[0] // groups, receiving.size // (plane * groups)
    alone = low == 0 and high == receiving.size
    # channels of which this thread owns some targets, and those of which it owns all
    some_low, some_high = low // plane, (high + plane - 1) // plane
    all_low, all_high = (low + plane - 1) // plane, high // plane
    now = step % depth
    slot = now - lags[0] if now >= lags[0] else now - lags[0] + depth
    c, c_begin, c_end, first = 0, 0, 0, 0
    for k in range(history_count[slot]):
        source = np.int64(history[slot, k])
        if source < c_begin or source >= c_end:  # not the channel of the spike before
            c = source // pixels
            c_begin, c_end = c * pixels, (c + 1) * pixels
            first = c // own_in * own_out
        y = np.uint64(source - c_begin) // np.uint64(width)
        x = np.uint64(source - c_begin) - y * np.uint64(width)
        row, column, brought = row_taps[y], column_taps[x], weights[c]
        size = row[SIZE] * column[SIZE]
        own = row[BEFORE] + row[SIZE] * column[BEFORE]
        target, whole = first * plane + row[NEAR] + column[NEAR], row[ALL] and column[ALL]
        if alone and whole and not drowsy[0]:
            add_all(brought, offsets, own, own + own_out * size, target, receiving)
            continue
        if row[BEGIN] == row[END] or column[BEGIN] == column[END]:
            continue
        begin, end = max(first, some_low), min(first + own_out, some_high)
        inner, outer = max(first, all_low), min(first + own_out, all_high)
        if inner >= outer:
            inner = outer = end
        if drowsy[0]:
            far = row_met[row[END] - 1, 0] + column_met[column[END] - 1, 0]
            for o in range(begin, end):
                mark(o * plane + row[NEAR] + column[NEAR], o * plane + far, low, high, place, woken)
        own -= first * size  # plus o * size: of channel o
        n = 0 if whole else list_met(row, column, row_met, column_met, met)
        if whole:
            add_all(brought, offsets, own + inner * size, own + outer * size, target, receiving)
        elif n < outer - inner and plane * own_out <= CACHED:
            add_by_tap(brought, met, n, own, size, plane, inner, outer, receiving)
        else:
            add_met(brought, met, n, own, size, plane, inner, outer, receiving)
        if begin < inner or outer < end:
            n = list_met(row, column, row_met, column_met, met)
            add_cut(brought, met, n, own, size, plane, begin, inner, low, high, receiving)
            add_cut(brought, met, n, own, size, plane, outer, end, low, high, receiving)
    return history_count[slot]


@kernel
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

    line (columns_out,) float64: room for a row of the output.
    """
    depth, kh, kw = sent.shape[0], row_taps.shape[0], column_taps.shape[0]
    own_in, own_out = weights.shape[1] // (kh * kw), weights.shape[0] // groups
    rows_out = receiving.size // (weights.shape[0] * columns_out)
    height = sent.shape[1] // (own_in * groups * width)
    now = step % depth
    slot = now - lags[0] if now >= lags[0] else now - lags[0] + depth
    for row in range(low // columns_out, (high + columns_out - 1) // columns_out):
        o, begin = row // rows_out, row * columns_out
        p = row - o * rows_out
        left, right = max(low - begin, 0), min(high - begin, columns_out)
        for q in range(left, right):
            line[q] = 0.0
        for c in range(own_in):
            for i in range(kh):
                if p < row_taps[i, 0] or p >= row_taps[i, 1]:
                    continue
                y = (o // own_out * own_in + c) * height + p * row_stride + row_taps[i, 2]
                for j in range(kw):
                    first, last = max(left, column_taps[j, 0]), min(right, column_taps[j, 1])
                    weight = np.float64(weights[o, (c * kh + i) * kw + j])
                    x = y * width + column_taps[j, 2]
                    if column_stride == 1:  # a loop that the compiler can vectorise
                        for q in range(first, last):
                            line[q] += weight * np.float64(sent[slot, x + q])
                    else:
                        for q in range(first, last):
                            line[q] += weight * np.float64(sent[slot, x + q * column_stride])
        for q in range(left, right):
            receiving[begin + q] += line[q]
    return 0
