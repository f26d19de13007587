"""Products of spikes with weights: sums of the rows of those that fired, where few did.

Few spikes are a sparse matrix. Adding up the rows of weights that they choose takes as many
operations as there are spikes, a product of matrices as many as there are units. From a share of
`BUSY` on the product is faster.
"""

from __future__ import annotations

import numpy as np
import torch
from torch.autograd.function import once_differentiable

from ..cpu.caching import cached
from .buffers import fresh

BUSY = 0.3  # share of numbers that are not 0
OVERHEAD = 16  # columns that take as long as finding a row
NARROW = 32  # columns below which finding the rows takes longer than the product
BLOCK = 256  # columns that are added up at a time, so that they stay near the processor


def _list(sent, first, units, numbers):
    """List in each row of sent (rows, n) the units whose number is not 0, and these numbers.

    first (rows + 1,) int64: where each list begins in units and numbers, which have room for all
    and one more.
    """
    k = 0
    for r in range(sent.shape[0]):
        first[r] = k
        for i in range(sent.shape[1]):
            units[k] = i
            k += sent[r, i] != 0
        for j in range(first[r], k):
            numbers[j] = sent[r, units[j]]
    first[sent.shape[0]] = k


def _turn(first, units, numbers, first_of, rows, numbers_of):
    """The same lists the other way: for each unit the rows in which it is listed, ascending.

    first_of (n + 1,) int64, zeros; rows, numbers_of: as many as are listed.
    """
    n = first_of.size - 1
    for k in range(first[-1]):
        first_of[units[k] + 1] += 1
    for i in range(n):
        first_of[i + 1] += first_of[i]
    place = first_of[:-1].copy()
    for r in range(first.size - 1):
        for k in range(first[r], first[r + 1]):
            at = place[units[k]]
            rows[at] = r
            numbers_of[at] = numbers[k]
            place[units[k]] += 1


def _add_rows(first, chosen, numbers, table, out):
    """out[r] = the sum of number * table[i] over the i that are listed for r."""
    width = table.shape[1]
    for low in range(0, width, BLOCK):
        high = min(low + BLOCK, width)
        for r in range(out.shape[0]):
            own = out[r, low:high]
            own[:] = 0
            k, end = first[r], first[r + 1]
            while k + 3 < end:
                one, two = table[chosen[k], low:high], table[chosen[k + 1], low:high]
                three, four = table[chosen[k + 2], low:high], table[chosen[k + 3], low:high]
                a, b, c, d = numbers[k], numbers[k + 1], numbers[k + 2], numbers[k + 3]
                for j in range(high - low):
                    own[j] += (a * one[j] + b * two[j]) + (c * three[j] + d * four[j])
                k += 4
            while k < end:
                one, a = table[chosen[k], low:high], numbers[k]
                for j in range(high - low):
                    own[j] += a * one[j]
                k += 1


def times(sent, matrix, early=0):
    """sent (rows, n_pre) times matrix (n_pre, n_post), moved down by `early` rows of zeros.

    As many of the last rows of sent are left out.
    """
    return Times.apply(sent, matrix, early)


class Times(torch.autograd.Function):
    """The product, differentiable with respect to both."""

    @staticmethod
    def forward(ctx, sent, matrix, early):
        sent, matrix = sent.contiguous(), matrix.contiguous()
        ctx.early, used = early, sent[: sent.shape[0] - early]
        ctx.lists = _lists(used, matrix.shape[1])
        ctx.save_for_backward(sent, matrix)
        made = fresh((sent.shape[0], matrix.shape[1]), sent)
        made[:early] = 0
        if ctx.lists is None:
            _dense(used, matrix, made[early:])
        else:
            cached(_add_rows)(*ctx.lists, matrix.numpy(), made[early:].numpy())
        return made

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient):
        sent, matrix = ctx.saved_tensors
        used, gradient = sent[: sent.shape[0] - ctx.early], gradient[ctx.early :]
        of_sent = None
        if ctx.needs_input_grad[0]:
            of_sent = fresh(sent.shape, sent)
            torch.mm(gradient, matrix.T, out=of_sent[: used.shape[0]])
            of_sent[used.shape[0] :] = 0
        if not ctx.needs_input_grad[1]:
            return of_sent, None, None
        if ctx.lists is None:
            of_matrix = fresh(matrix.shape, matrix)
            return of_sent, _dense(used.T, gradient, of_matrix), None
        first, units, numbers = ctx.lists
        first_of = np.zeros(sent.shape[1] + 1, np.int64)
        rows, numbers_of = np.empty(first[-1], np.uint32), np.empty(first[-1], numbers.dtype)
        cached(_turn)(first, units, numbers, first_of, rows, numbers_of)
        of_matrix = fresh(matrix.shape, matrix)
        lists = first_of, rows, numbers_of
        cached(_add_rows)(*lists, gradient.contiguous().numpy(), of_matrix.numpy())
        return of_sent, of_matrix, None


def _dense(left, right, out):
    """left @ right in `out`; of few columns as a product of few rows, which takes a fourth of it."""
    if right.shape[1] < NARROW:
        return out.copy_((right.T @ left.T).T)
    return torch.mm(left, right, out=out)


def _lists(sent, n_post):
    """For each row of sent the units whose number is not 0: where each list begins, all, numbers.

    None where a product of matrices is faster.
    """
    if sent.device.type != "cpu" or n_post < NARROW:
        return None
    first = np.empty(sent.shape[0] + 1, np.int64)
    units = np.empty(sent.numel() + 1, np.uint32)
    array = sent.numpy()
    numbers = np.empty(units.size, array.dtype)
    cached(_list)(array, first, units, numbers)
    few = first[-1] * (n_post + OVERHEAD) < BUSY * sent.numel() * n_post
    return (first, units, numbers) if few else None
