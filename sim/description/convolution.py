"""Convolutions and poolings: a kernel that slides over an image joins its pixels."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import KW_ONLY, dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, Final, final

import numpy as np
from numpy.typing import ArrayLike

from .. import validation as check
from ..operators.convolution import Convolution, Pair, extent_out
from ..operators.edges import Edges
from .connectivity import MOST_UNITS, Connectivity
from .explicit import FromSparse

Both = int | tuple[int, int]  # of rows and columns
MOST_MET: Final = 2**22  # rows or columns of a window that meet the image


class Sliding(Connectivity):
    """A kernel that slides over an image; every place of it is one output pixel.

    Units are numbered channel by channel, row by row, column by column.
    """

    input_shape: tuple[int, ...]

    @cached_property
    def convolution(self) -> Convolution:
        """The kernel (C_out, C_in / groups, kh, kw) and how it slides."""
        return self._convolution()

    @property
    @abstractmethod
    def output_shape(self) -> tuple[int, ...]:
        """Channels and extent of the output, whose units the target population has."""

    @abstractmethod
    def _convolution(self) -> Convolution: ...

    @final
    def expected(self, n_pre: int, n_post: int) -> float:
        """The number of synapses; raises ParameterError for populations of another size."""
        own = self.convolution
        for name, n, units in (("pre", n_pre, own.n_pre), ("post", n_post, own.n_post)):
            if n != units:
                field = "input_shape" if name == "pre" else "output_shape"
                rule = f"{getattr(self, field)} needs a population of {units} units as {name}"
                raise check.fail(self, field, rule, n)
        return float(own.n)

    @final
    def _draw(self, n_pre: int, n_post: int, key: np.uint64, recurrent: bool) -> Edges:
        edges = self.convolution.edges()
        return edges if self.default_weight is None else replace(edges, weights=None)

    @final
    def reweighted(self, weights: ArrayLike) -> FromSparse:
        """The same synapses as a list, each with a weight of its own (n_synapses,).

        They are in the order of `Simulator.weights`: by source, then by target.
        """
        from scipy.sparse import csr_array

        values = check.finite_array(self, "weights", weights, ndim=1)
        own, edges = self.convolution, self.convolution.edges()
        if values.size != own.n:
            rule = f"must be as many as synapses ({own.n})"
            raise check.fail(self, "weights", rule, f"shape {values.shape}")
        first = np.searchsorted(edges.sources, np.arange(own.n_pre + 1))
        shape = (own.n_pre, own.n_post)
        return FromSparse(csr_array((values, edges.targets.astype(np.int64), first), shape=shape))

    def _fits(self) -> None:
        """Refuse a kernel larger than the image, and images of too many pixels."""
        self._check_shape("input_shape", self.convolution.input_shape)
        self._check_shape("output_shape", self.convolution.output_shape)

    def _check_shape(self, field: str, shape: tuple[int, ...]) -> None:
        if min(shape) < 1:
            rule = "the kernel must fit into the image with its padding"
            raise check.fail(self, field, rule, shape)
        if math.prod(shape) > MOST_UNITS:
            raise check.fail(self, field, f"must have at most {MOST_UNITS} pixels", shape)


@final
@dataclass(frozen=True, eq=False)
class Conv2d(Sliding):
    """A convolution of images, which means what it does in ``torch.nn.Conv2d``.

    kernel (C_out, C_in / groups, kh, kw): the weights; there is no bias, and nothing is flipped.
    input_shape: (C_in, H, W). stride, dilation: one whole number, or one for rows and one for
    columns; padding: likewise, zeros on either side, "valid" for none, or "same" for an output of
    the size of the input. groups: channels are joined only within as many groups.

    Units are numbered channel by channel, row by row, column by column; the source has C_in * H * W
    of them, the target as many as `output_shape` says. Wherever an entry of the kernel meets the
    image is a synapse, also one of weight 0. The `weight` of `Network.connect` is None or one
    number, which multiplies the kernel.
    """

    kernel: ArrayLike
    _: KW_ONLY
    input_shape: tuple[int, int, int]
    stride: Both = 1
    padding: Both | str = 0
    dilation: Both = 1
    groups: int = 1
    scales: ClassVar[bool] = True

    def __post_init__(self) -> None:
        _keep_kernel(self, 2)
        self._fits()

    def __repr__(self) -> str:
        return f"Conv2d({' x '.join(map(str, np.shape(self.kernel)))}, {self.input_shape})"

    @property
    def output_shape(self) -> tuple[int, int, int]:
        """(C_out, rows, columns) of the output."""
        return self.convolution.output_shape

    def _convolution(self) -> Convolution:
        kernel: Any = self.kernel
        stride, dilation = _pair(self.stride), _pair(self.dilation)
        rows, columns = _zeros(self.padding, kernel.shape[2:], dilation)
        return Convolution(kernel, self.input_shape, stride, (rows, columns), dilation, self.groups)


@final
@dataclass(frozen=True, eq=False)
class Conv1d(Sliding):
    """A convolution of sequences, which means what it does in ``torch.nn.Conv1d``.

    kernel (C_out, C_in / groups, k); input_shape: (C_in, L); stride, padding, dilation: one whole
    number each, padding also "valid" or "same". All else is as in `Conv2d`.
    """

    kernel: ArrayLike
    _: KW_ONLY
    input_shape: tuple[int, int]
    stride: int = 1
    padding: int | str = 0
    dilation: int = 1
    groups: int = 1
    scales: ClassVar[bool] = True

    def __post_init__(self) -> None:
        _keep_kernel(self, 1)
        self._fits()

    def __repr__(self) -> str:
        return f"Conv1d({' x '.join(map(str, np.shape(self.kernel)))}, {self.input_shape})"

    @property
    def output_shape(self) -> tuple[int, int]:
        """(C_out, length) of the output."""
        channels, _, length = self.convolution.output_shape
        return channels, length

    def _convolution(self) -> Convolution:
        kernel: Any = self.kernel
        (channels, length), stride, dilation = self.input_shape, self.stride, self.dilation
        zeros = self.padding if isinstance(self.padding, str) else (0, self.padding)
        padding = _zeros(zeros, (1, kernel.shape[2]), (1, dilation))
        return Convolution(
            kernel[:, :, None],
            (channels, 1, length),
            (1, stride),
            padding,
            (1, dilation),
            self.groups,
        )


@final
@dataclass(frozen=True, eq=False)
class SumPool2d(Sliding):
    """Every output pixel is joined to the pixels of a window of its own channel, each once.

    size: of the window, one whole number or rows and columns; input_shape: (C, H, W); stride: as
    in `Conv2d`, the size if None; padding: likewise. The weight is 1 unless `Network.connect` is
    given another: with 1 / (rows * columns) this is ``torch.nn.AvgPool2d``.
    """

    size: Both
    _: KW_ONLY
    input_shape: tuple[int, int, int]
    stride: Both | None = None
    padding: Both | str = 0
    default_weight: ClassVar[float | None] = 1.0

    def __post_init__(self) -> None:
        check.keep(self, "size", _extents, 2, least=1)
        if self.stride is None:
            object.__setattr__(self, "stride", self.size)
        check.keep(self, "stride", _extents, 2, least=1)
        check.keep(self, "padding", _padding, 2)
        _keep_shape(self, 2)
        self._fits()

    @property
    def output_shape(self) -> tuple[int, int, int]:
        """(C, rows, columns) of the output."""
        return self.convolution.output_shape

    @property
    def extents(self) -> tuple[int, int]:
        """Rows and columns of the window."""
        return _pair(self.size)

    @property
    def zeros(self) -> tuple[Pair, Pair]:
        """Zeros before and behind the rows of the image, and its columns."""
        return _zeros(self.padding, self.extents, (1, 1))

    def _convolution(self) -> Convolution:
        stride, channels = _pair(self.stride), self.input_shape[0]
        along = list(zip(self.input_shape[1:], self.extents, stride, self.zeros, strict=True))
        self._check_shape("output_shape", (channels, *(extent_out(*axis) for axis in along)))
        (rows, above), (columns, left) = (_met(*axis) for axis in along)
        if max(rows, columns) > MOST_MET:
            rule = f"at most {MOST_MET} rows and columns of the window may meet the image"
            raise check.fail(self, "size", rule, self.size)
        if channels * rows * columns > MOST_UNITS:
            rule = f"at most {MOST_UNITS} places of the window in all channels may meet the image"
            raise check.fail(self, "size", rule, self.size)
        kernel = np.broadcast_to(1.0, (channels, 1, rows, columns))
        return Convolution(kernel, self.input_shape, stride, (above, left), groups=channels)


def _keep_kernel(owner: Any, axes: int) -> None:
    """Check the fields of a convolution along so many axes, and let them hold checked values."""
    kernel = check.finite_array(owner, "kernel", owner.kernel, ndim=2 + axes)
    if not kernel.size:
        raise check.fail(owner, "kernel", "must not be empty", f"shape {kernel.shape}")
    kernel.flags.writeable = False
    object.__setattr__(owner, "kernel", kernel)
    groups = check.keep(owner, "groups", check.whole, least=1)
    if kernel.shape[0] % groups:
        rule = f"must divide the {kernel.shape[0]} output channels of the kernel"
        raise check.fail(owner, "groups", rule, groups)
    channels = _keep_shape(owner, axes)[0]
    if channels != kernel.shape[1] * groups:
        rule = (
            f"must have {kernel.shape[1] * groups} channels, those of the kernel in {groups} groups"
        )
        raise check.fail(owner, "input_shape", rule, owner.input_shape)
    for field in ("stride", "dilation"):
        check.keep(owner, field, _extents, axes, least=1)
    check.keep(owner, "padding", _padding, axes)
    if owner.padding == "same" and owner.stride not in (1, (1, 1)):
        raise check.fail(owner, "padding", "must be numbers where stride is not 1", "same")


def _keep_shape(owner: Any, axes: int) -> tuple[int, ...]:
    """Check the shape of the input: channels, and the extent along each axis."""
    shape, names = owner.input_shape, ("C_in", "H", "W") if axes == 2 else ("C_in", "L")
    if not isinstance(shape, (tuple, list)) or len(shape) != 1 + axes:
        rule = f"must be {1 + axes} whole numbers, ({', '.join(names)})"
        raise check.fail(owner, "input_shape", rule, shape)
    kept = tuple(
        check.whole(owner, f"input_shape[{k}]", n, least=1, most=MOST_UNITS)
        for k, n in enumerate(shape)
    )
    object.__setattr__(owner, "input_shape", kept)
    return kept


def _extents(owner: object, field: str, value: Any, axes: int, *, least: int) -> Any:
    """One whole number; along two axes also a pair of them."""
    if axes == 1 or not isinstance(value, (tuple, list)):
        return check.whole(owner, field, value, least=least, most=MOST_UNITS)
    if len(value) != axes:
        rule = "must be one whole number, or one for rows and one for columns"
        raise check.fail(owner, field, rule, value)
    return tuple(
        check.whole(owner, f"{field}[{k}]", n, least=least, most=MOST_UNITS)
        for k, n in enumerate(value)
    )


def _padding(owner: object, field: str, value: Any, axes: int) -> Any:
    """Zeros on either side, as numbers or by name."""
    if isinstance(value, str):
        return check.one_of(owner, field, value, ("same", "valid"))
    return _extents(owner, field, value, axes, least=0)


def _pair(value: Any) -> Pair:
    """The number for rows and that for columns."""
    return value if isinstance(value, tuple) else (value, value)


def _zeros(padding: Any, size: Pair, dilation: Pair) -> tuple[Pair, Pair]:
    """Zeros before and behind the rows, and the columns.

    Of an odd number of "same" the one more is behind, as in PyTorch.
    """
    if padding != "same":
        rows, columns = (0, 0) if padding == "valid" else _pair(padding)
        return (rows, rows), (columns, columns)
    rows, columns = (step * (extent - 1) for step, extent in zip(dilation, size, strict=True))
    return (rows // 2, rows - rows // 2), (columns // 2, columns - columns // 2)


def _met(extent: int, size: int, stride: int, zeros: Pair) -> tuple[int, Pair]:
    """The part of a window of `size` rows from the first that meets the image to the last.

    One row is left where none does. Returned are its rows, and the zeros before and behind the
    image with which it gives as many rows of output.
    """
    before, behind = zeros
    last_place = (extent_out(extent, size, stride, zeros) - 1) * stride
    first = min(max(before - last_place, 0), size - 1)
    last = max(min(before + extent, size) - 1, first)
    return last - first + 1, (before - first, behind - (size - 1 - last))
