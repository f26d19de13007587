"""The synapses of a convolution: a kernel that slides over an image."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ...kernels.cpu import convolution as kernels
from ...kernels.reference.convolution import Taps, reach, taps
from .edges import Edges

Pair = tuple[int, int]
Shape = tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class Convolution:
    """A kernel and the image over which it slides, as in ``torch.nn.functional.conv2d``.

    kernel (C_out, C_in / groups, kh, kw) float64; input_shape (C_in, H, W); stride, dilation: of
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
        met = [sum(high - low for low, high in self._reached(axis)) for axis in (0, 1)]
        return int(met[0] * met[1] * self.kernel.shape[0] * self.kernel.shape[1])

    @cached_property
    def taps(self) -> tuple[Taps, Taps]:
        """What rows and columns of the input meet."""
        return self._taps(0), self._taps(1)

    def scaled(self, factor: float) -> Convolution:
        """The same with every weight multiplied."""
        return replace(self, kernel=self.kernel * factor)

    def edges(self) -> Edges:
        """All synapses, listed one by one."""
        sources, targets = np.empty(self.n, np.uint32), np.empty(self.n, np.uint32)
        weights = np.empty(self.n)
        rows, columns = self.taps
        shape = self.output_shape[1:]
        kernels.list_convolution(
            self.kernel, self.groups, *shape, *rows, *columns, sources, targets, weights
        )
        return Edges(sources, targets, weights)

    def _axis(self, axis: int) -> tuple[int, int, int, int]:
        """Rows of the input, stride, padding in front and dilation; for axis 1 of columns."""
        extent, stride = self.input_shape[1 + axis], self.stride[axis]
        return extent, stride, self.padding[axis][0], self.dilation[axis]

    def _extent_out(self, axis: int) -> int:
        extent, stride, _, dilation = self._axis(axis)
        covered = dilation * (self.kernel.shape[2 + axis] - 1) + 1
        return int((extent + sum(self.padding[axis]) - covered) // stride + 1)

    def _reached(self, axis: int) -> list[Pair]:
        """For each row of the kernel the range of output rows that it joins to the image."""
        extent, *how = self._axis(axis)
        out = self.output_shape[1 + axis]
        return [reach(tap, extent, out, *how) for tap in range(self.kernel.shape[2 + axis])]

    def _taps(self, axis: int) -> Taps:
        extent, *how = self._axis(axis)
        return taps(extent, self.output_shape[1 + axis], self.kernel.shape[2 + axis], *how)
