"""The callers' arrays and their copies on a device."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .device import Buffer, Device

ALIGNMENT = 64  # bytes


class Use(IntEnum):
    """How kernels use an array; where they differ, the greatest use counts.

    READ: it is copied to the device. ROOM: work space on the device, or a probe's buffer. WRITTEN:
    it is copied back, too.
    """

    READ = 0
    ROOM = 1
    WRITTEN = 2


class Span(NamedTuple):
    """A run of host memory and its copy."""

    begin: int
    end: int
    use: Use
    buffer: Buffer

    @property
    def there(self) -> int:
        """Where the copy begins.

        It is as far from a multiple of 64 as here, so that all in it is aligned as here.
        """
        return self.buffer.address + self.begin % ALIGNMENT

    @property
    def host(self) -> NDArray[np.uint8]:
        """The host's memory itself."""
        return np.ctypeslib.as_array(
            (ctypes.c_uint8 * (self.end - self.begin)).from_address(self.begin)
        )


class Mirror:
    """A copy of every array on the device; arrays that overlap here overlap there."""

    def __init__(self, device: Device, arrays: Iterable[tuple[NDArray[Any], Use]]) -> None:
        self._device = device
        self._arrays = [(array, use) for array, use in arrays if array.nbytes]  # kept alive
        self._spans = [
            Span(begin, end, use, device.allocate(end - begin + ALIGNMENT))
            for begin, end, use in _joined(self._arrays)
        ]
        self._begins = np.array([span.begin for span in self._spans], np.int64)

    def address(self, array: NDArray[Any]) -> int:
        """Where the copy of an array begins on the device; 0 for an empty one."""
        if not array.nbytes:
            return 0
        begin = array.ctypes.data
        span = self._spans[int(np.searchsorted(self._begins, begin, side="right")) - 1]
        assert span.begin <= begin
        assert begin + array.nbytes <= span.end
        return span.there + begin - span.begin

    def upload(self) -> None:
        """Bring everything to the device."""
        for span in self._spans:
            self._device.upload(span.there, span.host)

    def download(self, within: NDArray[Any] | None = None) -> None:
        """Bring back what kernels wrote, of one array or of all."""
        begin, end = (
            (0, np.inf)
            if within is None
            else (within.ctypes.data, within.ctypes.data + within.nbytes)
        )
        for span in self._spans:
            if span.use is Use.WRITTEN and span.begin < end and begin < span.end:
                self._device.download(span.there, span.host)


def _joined(arrays: Iterable[tuple[NDArray[Any], Use]]) -> list[tuple[int, int, Use]]:
    """Begin, end and use of the runs of memory that overlapping arrays make up, ascending."""
    spans = sorted(
        (array.ctypes.data, array.ctypes.data + array.nbytes, use) for array, use in arrays
    )
    joined: list[tuple[int, int, Use]] = []
    for begin, end, use in spans:
        if joined and begin < joined[-1][1]:
            first, last, most = joined.pop()
            joined.append((first, max(last, end), max(most, use)))
        else:
            joined.append((begin, end, use))
    return joined
