"""Reading a crossbar over whole spans of time, and what readings draw.

`read_span` and `multiply_span` call the very kernels of the processor, so what they add and what
they count is theirs bit for bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..cpu.caching import cached
from ..cpu.converter import convert_step
from ..cpu.crossbar import crossbar_product_step, crossbar_read_step, drive_step, rescale_step
from ..cpu.random import mix, normal
from .send import list_fired


def _read(
    step,
    key,
    sample,
    sent,
    depth,
    history,
    history_count,
    lags,
    first,
    targets,
    plus,
    minus,
    excess,
    noise,
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
    activations,
    events,
    conversions,
    clipped,
    reads,
    conducted,
):
    """`crossbar_read_step` and `convert_step` in every step of a span, for one sample.

    sent (depth + time, n_pre): what sources sent, from `depth` steps before `step` on; history
    (depth + time, n_pre) uint32 and history_count: room for the lists of those that fired.
    receiving (time, n_post).
    """
    for row in range(sent.shape[0]):
        history_count[row] = list_fired(sent[row], history[row])
    for t in range(receiving.shape[0]):
        crossbar_read_step(
            depth + t,
            history,
            history_count,
            lags,
            first[:-1],
            first[1:],
            first,
            targets,
            plus,
            minus,
            excess,
            noise,
            column_plus,
            column_minus,
            variance,
            listed,
            touched,
            touched_count,
            activations,
            events,
        )
        convert_step(
            step + t,
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
            receiving[t],
            conversions,
            clipped,
            reads,
            conducted,
        )


def _multiply(
    step,
    key,
    sample,
    sent,
    depth,
    lags,
    first,
    targets,
    plus,
    minus,
    excess,
    noise,
    full_scale,
    lowest_level,
    highest_level,
    errors,
    strips,
    full,
    shares,
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
    product,
    summed,
    receiving,
    activations,
    events,
    conversions,
    clipped,
    reads,
    conducted,
):
    """The kernels that drive all rows with numbers, in every step of a span, for one sample.

    sent (depth + time, n_pre), receiving (time, n_post); summed (1,): room for a total that nobody
    reads.
    """
    for t in range(receiving.shape[0]):
        drive_step(
            depth + t,
            sent,
            lags,
            first,
            full_scale,
            lowest_level,
            highest_level,
            errors,
            full,
            shares,
        )
        crossbar_product_step(
            first,
            targets,
            plus,
            minus,
            excess,
            noise,
            shares,
            strips,
            column_plus,
            column_minus,
            variance,
            listed,
            touched,
            touched_count,
            activations,
            events,
            conducted,
        )
        convert_step(
            step + t,
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
            product,
            conversions,
            clipped,
            reads,
            summed,
        )
        rescale_step(full, product, receiving[t])


def _normals(step, key, samples, variance, values):
    """Fill values (time, batch, n_columns) with the normal numbers of `convert_step`.

    Where nothing varies, variance (time, batch, n_columns) being 0, nothing is drawn.
    """
    for b in range(values.shape[1]):
        stream = mix(key + np.uint64(samples[b]))
        for t in range(values.shape[0]):
            for j in range(values.shape[2]):
                if variance[t, b, j] > 0:
                    values[t, b, j] = normal(stream, step + t, j)


def read_span(**arguments: Any) -> None:
    """`_read` with arguments by name; receiving and the totals are changed in place."""
    _called(_read, arguments)


def multiply_span(**arguments: Any) -> None:
    """`_multiply` with arguments by name; receiving and the totals are changed in place."""
    _called(_multiply, arguments)


def normals(step, key, samples, variance):
    """The errors (time, batch, n_columns) of readings, each of standard deviation 1; or 0."""
    values = np.zeros(variance.shape)
    cached(_normals)(step, np.uint64(key), np.asarray(samples, np.int64), variance, values)
    return values


def _called(kernel: Any, arguments: dict[str, Any]) -> None:
    names = kernel.__code__.co_varnames[: kernel.__code__.co_argcount]
    cached(kernel)(*(arguments[name] for name in names))
