"""Products of spikes with weights: sums of the rows of those that fired, where few did.

Few spikes are a sparse matrix. Adding up the rows of weights that they choose takes as many
operations as there are spikes, a product of matrices as many as there are units. From a share of
`BUSY` on the product is faster.
"""

from __future__ import annotations

import numpy as np
import torch

from ..cpu.caching import cached

BUSY = 0.3  # share of numbers that are not 0
WIDE = 64  # targets from which on rows are worth adding up
BLOCK = 256  # columns that are added up at a time, so that they stay near the processor


def _list(sent, first, units):
    """List in each row of sent (rows, n) the units whose number is not 0.

    first (rows + 1,) int64: where each list begins in units (rows * n,) uint32.
    """
    k = 0
    for r in range(sent.shape[0]):
        first[r] = k
        for i in range(sent.shape[1]):
            units[k] = i
            k += sent[r, i] != 0
    first[sent.shape[0]] = k


def _turn(first, units, first_of, rows):
    """The same lists the other way: for each unit the rows in which it is listed, ascending.

    first_of (n + 1,) int64, zeros; rows as long as units.
    """
    n = first_of.size - 1
    for k in range(first[-1]):
        first_of[units[k] + 1] += 1
    for i in range(n):
        first_of[i + 1] += first_of[i]
    place = first_of[:-1].copy()
    for r in range(first.size - 1):
        for k in range(first[r], first[r + 1]):
            rows[place[units[k]]] = r
            place[units[k]] += 1


def _add_rows(first, chosen, factors, by_row, table, out):
    """out[r] = the sum of factor * table[i] over the i chosen for r.

    The factor of row r and choice i is factors[r, i] if `by_row`, else factors[i, r].
    """
    width = table.shape[1]
    for low in range(0, width, BLOCK):
        high = min(low + BLOCK, width)
        for r in range(out.shape[0]):
            own = out[r, low:high]
            own[:] = 0
            k, end = first[r], first[r + 1]
            while k + 3 < end:
                a, b, c, d = chosen[k], chosen[k + 1], chosen[k + 2], chosen[k + 3]
                fa = factors[r, a] if by_row else factors[a, r]
                fb = factors[r, b] if by_row else factors[b, r]
                fc = factors[r, c] if by_row else factors[c, r]
                fd = factors[r, d] if by_row else factors[d, r]
                one, two, three, four = (
                    table[a, low:high],
                    table[b, low:high],
                    table[c, low:high],
                    table[d, low:high],
                )
                for j in range(high - low):
                    own[j] += (fa * one[j] + fb * two[j]) + (fc * three[j] + fd * four[j])
                k += 4
            while k < end:
                a = chosen[k]
                fa = factors[r, a] if by_row else factors[a, r]
                one = table[a, low:high]
                for j in range(high - low):
                    own[j] += fa * one[j]
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
        ctx.lists = _lists(used) if matrix.shape[1] >= WIDE else None
        ctx.save_for_backward(sent, matrix)
        made = sent.new_empty((sent.shape[0], matrix.shape[1]))
        made[:early] = 0
        if ctx.lists is None:
            torch.mm(used, matrix, out=made[early:])
        else:
            own = made[early:].numpy()
            cached(_add_rows)(*ctx.lists, used.numpy(), True, matrix.numpy(), own)
        return made

    @staticmethod
    def backward(ctx, gradient):
        sent, matrix = ctx.saved_tensors
        used, gradient = sent[: sent.shape[0] - ctx.early], gradient[ctx.early :]
        of_sent = None
        if ctx.needs_input_grad[0]:
            of_sent = torch.empty_like(sent)
            torch.mm(gradient, matrix.T, out=of_sent[: used.shape[0]])
            of_sent[used.shape[0] :] = 0
        if not ctx.needs_input_grad[1]:
            return of_sent, None, None
        if ctx.lists is None:
            return of_sent, used.T @ gradient, None
        first, units = ctx.lists
        first_of = np.zeros(sent.shape[1] + 1, np.int64)
        rows = np.empty(first[-1], np.uint32)
        cached(_turn)(first, units, first_of, rows)
        of_matrix = torch.empty_like(matrix)
        numbers = used.numpy(), gradient.contiguous().numpy()
        cached(_add_rows)(first_of, rows, numbers[0], False, numbers[1], of_matrix.numpy())
        return of_sent, of_matrix, None


def _lists(sent):
    """For each row of sent the units whose number is not 0: where each list begins, and all.

    None where a product of matrices is faster.
    """
    if sent.device.type != "cpu":
        return None
    first = np.empty(sent.shape[0] + 1, np.int64)
    units = np.empty(sent.numel() + 1, np.uint32)
    cached(_list)(sent.numpy(), first, units)
    return (first, units) if first[-1] < BUSY * sent.numel() else None
