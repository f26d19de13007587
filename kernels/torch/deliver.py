"""Delivery over synapses stored in (source, delay) order, for whole spans of time and batches.

`deliver` adds in the order of `deliver_step` of the other rooms, so sums are theirs bit for bit.
`Delivered` is the same as a function that torch differentiates.
"""

from __future__ import annotations

import numpy as np
import torch
from torch.autograd.function import once_differentiable

from ..cpu.caching import cached


def _deliver(sent, depth, lags, first, targets, weights, receiving):
    """Add to receiving (time, batch, n_post) weight * number of all that arrives.

    sent (depth + time, batch, n_pre): what sources sent, from `depth` steps before the first step
    on; lags (n_lags,) distinct delays [steps]; first (n_pre * n_lags + 1,) where the synapses of
    each (source, lag) begin; targets (n_synapses,); weights (1 or batch, n_synapses).
    """
    n_lags, n_pre = lags.size, sent.shape[2]
    for t in range(receiving.shape[0]):
        for b in range(receiving.shape[1]):
            own = weights[b % weights.shape[0]]
            for g in range(n_lags):
                row = depth + t - lags[g]
                for source in range(n_pre):
                    number = sent[row, b, source]
                    if number != 0:
                        segment = source * n_lags + g
                        for k in range(first[segment], first[segment + 1]):
                            receiving[t, b, targets[k]] += own[k] * number


def _pull(sent, depth, lags, first, targets, weights, gradient, of_sent, of_weights):
    """The gradients of `_deliver`, added to of_sent and of_weights, whose shapes are theirs."""
    n_lags, n_pre = lags.size, sent.shape[2]
    for t in range(gradient.shape[0]):
        for b in range(gradient.shape[1]):
            for g in range(n_lags):
                row = depth + t - lags[g]
                for source in range(n_pre):
                    number, total = sent[row, b, source], gradient.dtype.type(0)
                    segment = source * n_lags + g
                    for k in range(first[segment], first[segment + 1]):
                        arriving = gradient[t, b, targets[k]]
                        total += weights[k] * arriving
                        of_weights[k] += number * arriving
                    of_sent[row, b, source] += total


def _multiply(sent, depth, lags, first_post, source, lag, synapse, weights, receiving):
    """Add to each target the sum of weight * number over its synapses, which is in float64.

    It is `product_step` of the other rooms. first_post (n_post + 1,): where the synapses of each
    target begin in source, lag (its place in `lags`) and synapse (n_synapses,), its place in
    weights (1 or batch, n_synapses).
    """
    for t in range(receiving.shape[0]):
        for b in range(receiving.shape[1]):
            own = weights[b % weights.shape[0]]
            for target in range(first_post.size - 1):
                total = 0.0
                for k in range(first_post[target], first_post[target + 1]):
                    number = np.float64(sent[depth + t - lags[lag[k]], b, source[k]])
                    total += np.float64(own[synapse[k]]) * number
                receiving[t, b, target] = receiving[t, b, target] + total


def deliver(sent, depth, lags, first, targets, weights, receiving):
    """`_deliver` on tensors of the processor; receiving is changed in place.

    weights (n_synapses,), or (batch, n_synapses) where every sample has its own.
    """
    cached(_deliver)(sent.numpy(), depth, lags, first, targets, _rows(weights), receiving.numpy())


def multiply(sent, depth, lags, incoming, weights, receiving):
    """`_multiply` on tensors; incoming: first_post, source, lag, synapse; in place."""
    cached(_multiply)(sent.numpy(), depth, lags, *incoming, _rows(weights), receiving.numpy())


def _rows(weights):
    """Weights as an array with a row for all samples, or for each."""
    return np.atleast_2d(weights.detach().numpy())


class Delivered(torch.autograd.Function):
    """What arrives (time, batch, n_post), differentiable with respect to sent and weights."""

    @staticmethod
    def forward(ctx, sent, weights, depth, lags, first, targets, n_post):
        sent, weights = sent.contiguous(), weights.contiguous()
        ctx.save_for_backward(sent, weights)
        ctx.wiring = depth, lags, first, targets
        shape = (sent.shape[0] - depth, sent.shape[1], n_post)
        arrived = sent.new_zeros(shape)
        deliver(sent, depth, lags, first, targets, weights, arrived)
        return arrived

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient):
        sent, weights = ctx.saved_tensors
        depth, lags, first, targets = ctx.wiring
        of_sent, of_weights = torch.zeros_like(sent), torch.zeros_like(weights)
        cached(_pull)(
            sent.numpy(),
            depth,
            lags,
            first,
            targets,
            weights.detach().numpy(),
            gradient.contiguous().numpy(),
            of_sent.numpy(),
            of_weights.numpy(),
        )
        return of_sent, of_weights, None, None, None, None, None
