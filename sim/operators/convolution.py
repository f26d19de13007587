"""The synapses of a convolution: a kernel that slides over an image."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...kernels.cpu import convolution as kernels
from ...kernels.reference.convolution import BEFORE, NEAR, Taps, axis_table, reach, taps
from .edges import Edges

MOST_OFFSET: Final = 2**32 - 1
Pair = tuple[int, int]
Shape = tuple[int, int, int]


def extent_out(extent: int, size: int, stride: int, padding: Pair, dilation: int = 1) -> int:
    """Rows of the output; less than 1 where `size` rows of a kernel do not fit.

    padding: rows of zeros before and behind the `extent` rows of the image.
    """
    return (extent + sum(padding) - dilation * (size - 1) - 1) // stride + 1


@dataclass(frozen=True, eq=False)
class Convolution:
    """A kernel and the image over which it slides, as in ``torch.nn.functional.conv2d``.

    kernel (C_out, C_in / groups, kh, kw) float64, a view of one number where all weights are equal;
    input_shape (C_in, H, W); stride, dilation: of
    rows and columns; padding: zeros above and below, left and right. Units are numbered channel by
    channel, row by row, column by column.
    """

    kernel: NDArray[np.float64]
    input_shape: Shape
    stride: Pair = (1, 1)
    padding: tuple[Pair, Pair] = ((0, 0), (0, 0))
    dilation: Pair = (1, 1)
    groups: int = 1

    @property
    def output_shape(self) -> Shape:
        """Channels, rows and columns of the output; less than 1 where the kernel does not fit."""
        rows, columns = (self._extent_out(axis) for axis in (0, 1))
        return self.kernel.shape[0], rows, columns

    @property
    def n_pre(self) -> int:
        """Units of the input."""
        return math.prod(self.input_shape)

    @property
    def n_post(self) -> int:
        """Units of the output."""
        return math.prod(self.output_shape)

    @cached_property
    def n(self) -> int:
        """The number of synapses."""
        return math.prod((*self.meetings, *self.kernel.shape[:2]))

    @cached_property
    def meetings(self) -> Pair:
        """How often a row of the kernel meets one of the image, and a column one."""
        rows, columns = (int(np.diff(reached).sum()) for reached in self._reached)
        return rows, columns

    @cached_property
    def taps(self) -> tuple[Taps, Taps]:
        """What rows and columns of the input meet."""
        return self._taps(0), self._taps(1)

    @property
    def occurring(self) -> NDArray[np.float64]:
        """The weights of the kernel that meet the image anywhere."""
        rows, columns = (reached[:, 0] < reached[:, 1] for reached in self._reached)
        return self.kernel[:, :, rows][:, :, :, columns].reshape(-1)

    def outgoing(self) -> NDArray[np.int64]:
        """The number of synapses of each source (n_pre,)."""
        rows, columns = (np.diff(own.first.astype(np.int64)) for own in self.taps)
        each = np.outer(rows, columns).reshape(-1) * (self.kernel.shape[0] // self.groups)
        return np.tile(each, self.input_shape[0])

    def mark(self) -> tuple[NDArray[Any], ...]:
        """Arrays that differ from those of any other convolution."""
        how = (*self.stride, *self.padding[0], *self.padding[1], *self.dilation, self.groups)
        numbers = np.array((*self.input_shape, *self.kernel.shape, *how), np.int64)
        return numbers, self.kernel

    def scaled(self, factor: float) -> Convolution:
        """The same with every weight multiplied."""
        kernel = self.kernel * factor if any(self.kernel.strides) else self.kernel.flat[0] * factor
        return replace(self, kernel=np.broadcast_to(kernel, self.kernel.shape))

    def edges(self) -> Edges:
        """All synapses, listed one by one."""
        sources, targets = np.empty(self.n, np.uint32), np.empty(self.n, np.uint32)
        weights = np.empty(self.n)
        rows, columns = self.taps
        shape = self.output_shape[1:]
        kernels.list_convolution(
            np.ascontiguousarray(self.kernel),
            self.groups,
            *shape,
            *rows,
            *columns,
            sources,
            targets,
            weights,
        )
        return Edges(sources, targets, weights)

    def multiplied(
        self, x: NDArray[np.float64], *, precision: str = "float64", transpose: bool = False
    ) -> NDArray[np.float64]:
        """The product with numbers: x (batch, n_pre) -> (batch, n_post), or backwards.

        precision: to which the kernel is rounded.
        """
        (channels, *image), own_in = self.output_shape, self.kernel.shape[1]
        outputs = (len(x), self.groups, channels // self.groups, *image)
        inputs = (len(x), self.groups, own_in, *self.input_shape[1:])
        given = x.reshape(outputs if transpose else inputs)
        made = np.zeros(inputs if transpose else outputs)
        kernel = self.kernel.astype(precision).astype(np.float64)
        kernel = kernel.reshape(*outputs[1:3], *self.kernel.shape[1:])
        for i, j in np.ndindex(*self.kernel.shape[2:]):
            out, into = self._slices(i, j)
            source, target = (out, into) if transpose else (into, out)
            each = kernel[:, :, :, i, j]
            patch = given[..., source[0], source[1]]
            flat = (np.swapaxes(each, 1, 2) if transpose else each) @ patch.reshape(
                *patch.shape[:3], -1
            )
            made[..., target[0], target[1]] += flat.reshape(*made.shape[:3], *patch.shape[3:])
        return made.reshape(len(x), -1)

    def _slices(self, i: int, j: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
        """The output pixels that an entry of the kernel joins to the image, and the input pixels."""
        out, into = [], []
        for axis, tap in enumerate((i, j)):
            _, stride, padding, dilation = self._axis(axis)
            low, high = self._reached[axis][tap].tolist()
            shift = tap * dilation - padding
            out.append(slice(low, high))
            into.append(
                slice(low * stride + shift, max((high - 1) * stride + shift + 1, 0), stride)
            )
        return (out[0], out[1]), (into[0], into[1])

    def delivery(self) -> dict[str, NDArray[Any]]:
        """The arrays of `deliver_convolved_step`, by the names of its parameters."""
        channels, _, columns_out = self.output_shape
        own_out, own_in = channels // self.groups, self.kernel.shape[1]
        (rows, row_met, row_classes), (columns, column_met, column_classes) = map(
            self._table, (0, 1)
        )
        # by channel of the source, then by channel of the target
        kernel = self.kernel.reshape(self.groups, own_out, own_in, *self.kernel.shape[2:])
        kernel = np.swapaxes(kernel, 1, 2).reshape(-1, own_out, *self.kernel.shape[2:])
        weights, offsets = [], []
        for i in row_classes:
            for j in column_classes:
                weights.append(kernel[:, :, i[:, None], j].reshape(len(kernel), -1))
                offsets.append(self._offsets(i, j).reshape(-1))
        rows[:, BEFORE] *= own_out * sum(map(len, column_classes))
        columns[:, BEFORE] *= own_out
        row_met[:, 0] *= columns_out
        rows[:, NEAR] *= columns_out
        return {
            "weights": np.concatenate(weights, axis=1),
            "offsets": np.concatenate(offsets).astype(np.uint32),
            "row_taps": rows,
            "row_met": row_met,
            "column_taps": columns,
            "column_met": column_met,
        }

    def product(self) -> dict[str, NDArray[Any]]:
        """The arrays of `convolved_product_step`, by the names of its parameters."""
        tables = []
        for axis, ranges in enumerate(self._reached):
            _, _, padding, dilation = self._axis(axis)
            shift = np.arange(len(ranges)) * dilation - padding
            tables.append(np.column_stack([ranges, shift]))
        weights = self.kernel.reshape(len(self.kernel), -1)
        return {"weights": weights, "row_taps": tables[0], "column_taps": tables[1]}

    def _table(self, axis: int) -> tuple[NDArray[Any], NDArray[Any], list[NDArray[Any]]]:
        _, *how = self._axis(axis)
        return axis_table(self.taps[axis], self.kernel.shape[2 + axis], *how)

    def _offsets(self, i: NDArray[Any], j: NDArray[Any]) -> NDArray[np.int64]:
        """How far the targets of a pixel that meets rows i and columns j of the kernel lie behind
        the first: (C_out / groups, rows, columns).
        """
        channels, rows, columns = self.output_shape
        down, right = (
            (one[:1] - one) * step // stride
            for one, step, stride in zip((i, j), self.dilation, self.stride, strict=True)
        )
        outputs = np.arange(channels // self.groups) * (rows * columns)
        # where no pixel meets all of them these lie anywhere, and are not used
        behind: NDArray[np.int64] = outputs[:, None, None] + down[:, None] * columns + right
        return behind.clip(max=MOST_OFFSET)

    def _axis(self, axis: int) -> tuple[int, int, int, int]:
        """Rows of the input, stride, padding in front and dilation; for axis 1 of columns."""
        extent, stride = self.input_shape[1 + axis], self.stride[axis]
        return extent, stride, self.padding[axis][0], self.dilation[axis]

    def _extent_out(self, axis: int) -> int:
        extent, stride, _, dilation = self._axis(axis)
        size = self.kernel.shape[2 + axis]
        return extent_out(extent, size, stride, self.padding[axis], dilation)

    @cached_property
    def _reached(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """For each row of the kernel, and each column, what it joins to the image; see `reach`."""
        rows, columns = (reach(self.kernel.shape[2 + k], *self._sliding(k)) for k in (0, 1))
        return rows, columns

    def _sliding(self, axis: int) -> tuple[int, int, int, int, int]:
        """Rows of the input and of the output, stride, padding in front, dilation; or columns."""
        extent, stride, padding, dilation = self._axis(axis)
        return extent, self.output_shape[1 + axis], stride, padding, dilation

    def _taps(self, axis: int) -> Taps:
        extent, out, *how = self._sliding(axis)
        return taps(extent, out, self.kernel.shape[2 + axis], *how)
