"""Convolutions for whole spans of time and batches.

`deliver` and `multiply` call the kernels of the processor in every step, so sums are theirs bit for
bit. `convolve` is a product of torch, which differentiates it.
"""

from __future__ import annotations

from torch.nn import functional

from ..cpu.caching import cached
from ..cpu.convolution import convolved_product_step, deliver_convolved_step
from .send import list_fired


def _deliver(
    sent,
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
    met,
    drowsy,
    woken,
    receiving,
):
    """Add to receiving (time, batch, n_post) the weights of all spikes that arrive.

    sent (time, batch, n_pre): what arrives in each step, 1 for a spike; history (1, n_pre) uint32,
    history_count (1,), lags (1,), which is 0, drowsy (1,), which is 0, and woken: room. The others:
    see `deliver_convolved_step`.
    """
    for t in range(sent.shape[0]):
        for b in range(sent.shape[1]):
            history_count[0] = list_fired(sent[t, b], history[0])
            deliver_convolved_step(
                0,
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
                0,
                receiving.shape[2],
                met,
                drowsy,
                0,
                woken,
                receiving[t, b],
            )


def _multiply(
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
    line,
    receiving,
):
    """Add to receiving (time, batch, n_post) the sums of weight * number.

    sent (time, batch, n_pre): what arrives in each step; lags (1,), which is 0. The others: see
    `convolved_product_step`.
    """
    for t in range(sent.shape[0]):
        for b in range(sent.shape[1]):
            convolved_product_step(
                0,
                sent[t, b : b + 1],
                lags,
                groups,
                columns_out,
                width,
                row_stride,
                column_stride,
                weights,
                row_taps,
                column_taps,
                0,
                receiving.shape[2],
                line,
                receiving[t, b],
            )


def deliver(sent, tables, receiving):
    """`_deliver` on tensors of the processor; receiving is changed in place."""
    cached(_deliver)(sent.contiguous().numpy(), *tables, receiving.numpy())


def multiply(sent, tables, receiving):
    """`_multiply` on tensors of the processor; receiving is changed in place."""
    cached(_multiply)(sent.contiguous().numpy(), *tables, receiving.numpy())


def convolve(sent, kernel, image, stride, padding, dilation, groups):
    """What arrives (rows, n_post) of numbers (rows, n_pre), differentiable by both.

    kernel (C_out, C_in / groups, kh, kw); image (C_in, H, W); stride, dilation: of rows and
    columns; padding: zeros above and below, left and right.
    """
    images = sent.reshape(-1, *image)
    (above, below), (left, right) = padding
    even = above == below and left == right
    if not even:
        images = functional.pad(images, (left, right, above, below))
    zeros = (above, left) if even else 0
    return functional.conv2d(images, kernel, None, stride, zeros, dilation, groups).flatten(1)
