"""Signals, the typed arrays of a compiled network, and the memory they live in."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError, UnsupportedError

# each one contiguous block; "fixed" arrays stand alone
REGIONS = (
    "state",
    "flow",
    "store",
    "scratch",
    "sums",
)
ALIGNMENT = 64  # bytes: a cache line
# The processor fetches in advance within a page. So threads that write to the same page disturb
# each other even where they share no cache line (a fifth of the time of deliveries). Long arrays
# begin at a page.
PAGE = 4096  # bytes
SAVED = ("state", "flow", "store")  # regions of memory that a snapshot holds
MOST_COUNT = (1 << 62) - 1  # the greatest cursor or number of steps in a saved state
# `most` of whole numbers that no kernel uses as an index or a count, such as sums and hashes
ANY = (1 << 64) - 1


@dataclass(frozen=True, eq=False)
class Signal:
    """A named array of the simulation's memory.

    It has the `region` of memory it lives in, dtype ("float" is the simulation's precision), shape,
    unit. initial: a number or an array of that shape; a `fixed` signal keeps that array without a
    copy where possible. most: the greatest value of whole numbers that kernels use as indices or
    counts (the least is 0), one for all entries or one for each; ANY for other whole numbers.
    finite: floats must be neither infinite nor NaN. Both are checked when a saved state is loaded.
    layout: the order of this fixed signal depends on the number of threads, so it is not compared
    with a saved state.
    """

    name: str
    region: str
    dtype: str
    shape: tuple[int, ...]
    initial: Any = 0
    unit: str = ""
    most: int | NDArray[np.int64] | None = None
    layout: bool = False
    finite: bool = True

    def check(self, values: NDArray[Any]) -> None:
        """Raise DataError for saved values that cannot be right.

        They are not finite or would lead a kernel outside of its arrays.
        """
        if values.dtype.kind == "f":
            if self.finite and not np.isfinite(values).all():
                raise DataError(f"the saved {self.name} must be finite")
        elif self.most is None:
            raise DataError(f"the saved {self.name} has no bound that it could be checked against")
        elif np.ndim(self.most) or self.most != ANY:
            wrong = (values < 0) | (values > self.most)
            if wrong.any():
                worst, most = (
                    values[wrong].flat[0],
                    np.broadcast_to(self.most, values.shape)[wrong].flat[0],
                )
                raise DataError(
                    f"the saved {self.name} must lie between 0 and {most} (got {worst})"
                )


class Memory:
    """Every signal of one network as a view into one contiguous block per region.

    `replicate` makes the memory of a batch sample: `state`, `flow`, `scratch` and `sums` of its
    own, everything else shared. `renewed` makes one in which regions stand as at the beginning.
    """

    def __init__(self, signals: Iterable[Signal], precision: str) -> None:
        self.precision = precision
        self.signals = list(signals)
        self.blocks: dict[str, NDArray[np.uint8]] = {}
        self.views: dict[str, NDArray[Any]] = {}
        for region in REGIONS:
            self._allocate(region)
        for signal in self.signals:
            if signal.region == "fixed":
                self._fix(signal)
            elif signal.region != "scratch" and np.any(signal.initial):
                self.views[signal.name][...] = signal.initial

    def __getitem__(self, signal: Signal | str) -> NDArray[Any]:
        return self.views[signal if isinstance(signal, str) else signal.name]

    def __reduce__(self) -> Any:
        raise UnsupportedError(
            "Memory: cannot be copied or pickled, since it holds addresses; copy the Simulator"
        )

    def dtype(self, signal: Signal) -> np.dtype[Any]:
        """The signal's dtype, with "float" replaced by the precision."""
        return definite(signal, self.precision)

    def place(self, signal: Signal) -> int:
        """The index of a float signal's first entry in the array of all floats of its region."""
        view = self[signal]
        return int(view.ctypes.data - self[block_name(signal.region)].ctypes.data) // view.itemsize

    def replicate(
        self, more: Iterable[str] = (), signals: Sequence[Signal] | None = None
    ) -> Memory:
        """A copy with its own state, flow, scratch and sums.

        Weights, devices and constants are shared.

        more: further regions of its own, as "store" for weights and devices. signals: in place of
        the present ones, from which they differ in those that are fixed and in initial values.
        """
        copy = object.__new__(Memory)
        copy.precision, copy.signals = (
            self.precision,
            self.signals if signals is None else list(signals),
        )
        copy.blocks, copy.views = dict(self.blocks), dict(self.views)
        own = ("state", "flow", *more)
        for region in (*own, "scratch", "sums"):
            copy._allocate(region)
        copy.restore(self.snapshot(own))
        if signals is not None:
            present, wanted = set(self.signals), set(copy.signals)
            for signal in present - wanted:
                if signal.region == "fixed":
                    del copy.views[signal.name]
            for signal in copy.signals:
                if signal.region == "fixed" and signal not in present:
                    copy._fix(signal)
        return copy

    def renewed(self, regions: Collection[str]) -> Memory:
        """A copy in which `regions` stand as at the beginning, and scratch and sums are empty.

        The rest is shared.
        """
        copy = object.__new__(Memory)
        copy.precision, copy.signals = self.precision, self.signals
        copy.blocks, copy.views = dict(self.blocks), dict(self.views)
        for region in (*regions, "scratch", "sums"):
            copy._allocate(region)
        for signal in self.signals:
            if signal.region in regions and np.any(signal.initial):
                copy.views[signal.name][...] = signal.initial
        return copy

    def snapshot(
        self, regions: Iterable[str] = ("state", "flow", "store")
    ) -> dict[str, NDArray[np.uint8]]:
        """Copies of the blocks of `regions`."""
        return {region: self.blocks[region].copy() for region in regions}

    def restore(self, blocks: Mapping[str, NDArray[np.uint8]]) -> None:
        """Write blocks from `snapshot` back in place."""
        for region, block in blocks.items():
            self.blocks[region][...] = block

    def clear(self, regions: Iterable[str]) -> None:
        """Fill `regions` with zeros."""
        for region in regions:
            self.blocks[region][...] = 0

    def _fix(self, signal: Signal) -> None:
        """Give a fixed signal its array."""
        array = np.broadcast_to(np.asarray(signal.initial, self.dtype(signal)), signal.shape)
        self.views[signal.name] = np.ascontiguousarray(array)

    def _allocate(self, region: str) -> None:
        layout = Layout(self.precision)
        for signal in self.signals:
            if signal.region == region:
                layout.add(signal)
        raw = np.zeros(layout.size + PAGE, np.uint8)
        start = -raw.ctypes.data % PAGE
        block = raw[start : start + layout.size]
        self.blocks[region] = block
        self.views[block_name(region)] = block.view(whole_dtype(region, self.precision))
        for signal in self.signals:
            if signal.region == region:
                room = None if 0 in signal.shape else block[layout.starts[signal.name] :]
                self.views[signal.name] = np.ndarray(
                    signal.shape, definite(signal, self.precision), room
                )


def definite(signal: Signal, precision: str) -> np.dtype[Any]:
    """A signal's dtype, with "float" replaced by `precision`."""
    return np.dtype(precision if signal.dtype == "float" else signal.dtype)


def whole_dtype(region: str, precision: str) -> str:
    """The dtype of a region of memory seen as one array: floats, but int64 counts in "sums"."""
    return "int64" if region == "sums" else precision


def block_name(region: str) -> str:
    """The name under which a whole region of memory is found in `Memory`.

    No signal has such a name.
    """
    return f"{region}.*"


class Layout:
    """The offset [bytes] of each signal in one region of memory.

    Adding a signal moves none of the earlier ones.
    """

    def __init__(self, precision: str) -> None:
        self.precision, self.size = precision, 0
        self.starts: dict[str, int] = {}

    def add(self, signal: Signal) -> None:
        """Put a signal behind the others.

        A long one begins at the next page, any other at the next cache line.
        """
        nbytes = math.prod(signal.shape) * definite(signal, self.precision).itemsize
        border = PAGE if nbytes > PAGE else ALIGNMENT
        self.starts[signal.name] = -(-self.size // border) * border
        self.size = self.starts[signal.name] + -(-nbytes // ALIGNMENT) * ALIGNMENT


def match_names(expected: Mapping[str, Any], got: Mapping[str, Any]) -> None:
    """Raise DataError unless a saved state has exactly the arrays with the names expected."""
    for name in sorted(expected.keys() ^ got.keys()):
        where = "lacks" if name in expected else "has the unknown"
        raise DataError(
            f"the saved state {where} array {name!r:.100}: it is of another network or version"
        )


def match(
    expected: Mapping[str, tuple[tuple[int, ...], np.dtype[Any]]], got: Mapping[str, NDArray[Any]]
) -> None:
    """Raise DataError unless `got` has exactly the arrays `expected` (name -> shape, dtype)."""
    match_names(expected, got)
    for name, (shape, dtype) in expected.items():
        array = got[name]
        if array.shape != shape or array.dtype != dtype:
            raise DataError(
                f"the saved {name} must be {dtype}{list(shape)} (got {array.dtype}{list(array.shape)})"
            )
