"""Convolutions whose synapses are stored nowhere: the kernel and some tables are enough."""

from __future__ import annotations

from typing import Any

import numpy as np

from .projection import ProjectionScope


def deliver(projection: ProjectionScope) -> None:
    """Add the operators that deliver spikes over a convolution: one for each thread's targets."""
    own = projection.synapses.convolution
    assert own is not None
    arrays = own.delivery()
    arrays["weights"] = projection.counted(arrays["weights"])
    dtypes = {"weights": projection.sum_dtype}
    rows, columns = own.output_shape[1:]
    scope = _scope(projection, arrays, dtypes) | projection.build.waking(
        projection.names["receiving"]
    )
    scope["plane"] = rows * columns
    size = own.kernel.shape[2] * own.kernel.shape[3]
    for thread, (low, high) in enumerate(projection.owned):
        if low < high:
            met = projection.signal(f"met{thread or ''}", "scratch", "uint32", (2, size))
            ends = {"low": low, "high": high, "met": met}
            projection.operator(
                projection.phase, "deliver_convolved_step", scope | ends, thread=thread
            )


def multiply(projection: ProjectionScope) -> None:
    """Add the operators that bring numbers over a convolution in every step, likewise."""
    own = projection.synapses.convolution
    assert own is not None
    scope = _scope(projection, own.product(), {"weights": "float"})
    scope |= {"columns_out": own.output_shape[2], "width": own.input_shape[2]}
    scope |= {"row_stride": own.stride[0], "column_stride": own.stride[1]}
    for thread, (low, high) in enumerate(projection.owned):
        if low < high:
            columns = own.output_shape[2]
            line = projection.signal(f"line{thread or ''}", "scratch", "float64", (columns,))
            ends = {"low": low, "high": high, "line": line}
            projection.operator(
                projection.phase, "convolved_product_step", scope | ends, thread=thread
            )


def _scope(
    projection: ProjectionScope, arrays: dict[str, Any], dtypes: dict[str, str]
) -> dict[str, Any]:
    """Arrays of a convolution as signals, by the names under which kernels ask for them."""
    own = projection.synapses.convolution
    assert own is not None
    made = {
        name: projection.fixed(
            name, np.ascontiguousarray(array), dtype=dtypes.get(name), layout=True
        )
        for name, array in arrays.items()
    }
    return {**projection.spelled_lags(), **made, "groups": own.groups}
