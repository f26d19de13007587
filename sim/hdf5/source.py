"""The bytes of an HDF5 file: what lies where, and how much of it may be read."""

from __future__ import annotations

import struct
from io import BufferedIOBase
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError
from ..free_memory import free_bytes

MOST_BYTES: Final = 1 << 36  # of all datasets of a file together
MOST_RATIO: Final = 1100  # declared to stored size; deflate reaches 1032, so more was never written
SLACK: Final = 1 << 16  # bytes that may be declared or read twice whatever the file stores
LARGE: Final = 1 << 28  # bytes of a dataset, from which on the memory that is free is asked for
MOST_OBJECTS: Final = 100_000


class Source:
    """The bytes of a file, and how many may still be read.

    The limits are of its structure, its numbers and its texts. A sound file needs each byte once,
    and a little more.
    """

    def __init__(self, file: BufferedIOBase) -> None:
        self.file, self.size = file, file.seek(0, 2)
        self.structure = self.size + SLACK  # bytes
        self.numbers = self.size + SLACK  # bytes
        self.letters = 2 * self.size + SLACK  # bytes: what is told and what is checked
        self.heaps: dict[int, dict[int, bytes]] = {}
        self.declared = 0  # bytes
        self.seen: set[int] = set()

    def read(self, address: int, n: int) -> bytes:
        """`n` bytes of structure."""
        self.structure -= n
        if self.structure < 0:
            raise DataError("its parts overlap each other")
        return self._read(address, n)

    def read_numbers(self, address: int, n: int) -> bytes:
        """`n` bytes of a dataset."""
        return self._read(address, n)

    def fill(self, address: int, array: NDArray[Any]) -> None:
        """Read an array in place."""
        if address + array.nbytes > self.size:
            raise DataError(
                f"it is damaged: {array.nbytes:,} bytes at {address:,} of {self.size:,} are asked for"
            )
        self.file.seek(address)
        if array.nbytes and self.file.readinto(array.data) != array.nbytes:
            raise DataError("it became shorter while it was read")

    def declare(self, declared: int, stored: int, *, ratio: int = MOST_RATIO) -> None:
        """Note that a dataset declares and stores so many bytes, before it is read."""
        self.declared += declared
        self.numbers -= min(stored, declared) if ratio == 1 else stored
        if self.numbers < 0:
            raise DataError("its datasets overlap each other")
        if self.declared > MOST_BYTES or declared > ratio * stored + (SLACK if ratio > 1 else 0):
            raise DataError(f"it declares {declared:,} bytes and stores {stored:,}")
        free = free_bytes() if declared > LARGE else None
        if free is not None and declared > free:
            raise DataError(
                f"it declares {declared:,} bytes, and {int(free):,} bytes of memory are free"
            )

    def meet(self, address: int) -> None:
        """Note an object that was found. Raises DataError if it was found before."""
        if address in self.seen:
            raise DataError("it is linked twice")
        self.seen.add(address)
        if len(self.seen) > MOST_OBJECTS:
            raise DataError(f"it is one of more than {MOST_OBJECTS:,} objects")

    def text(self, address: int, index: int, length: int) -> bytes:
        """A text of `length` bytes, number `index` of the collection at `address`."""
        if address not in self.heaps:
            signature, version, size = struct.unpack("<4sB3xQ", self.read(address, 16))
            if signature != b"GCOL" or version != 1:
                raise DataError("it is damaged: a collection of texts does not begin like one")
            self.heaps[address] = _heap(self.read(address + 16, size - 16))
        text = self.heaps[address].get(index, b"")
        if len(text) < length:
            raise DataError("it is damaged: a text is not where it should be")
        self.letters -= length
        if self.letters < 0:
            raise DataError("many of its texts lie in one place")
        return text[:length].split(b"\0", 1)[0]

    def _read(self, address: int, n: int) -> bytes:
        if n < 0 or address + n > self.size:
            raise DataError(
                f"it is damaged: {n:,} bytes at {address:,} of {self.size:,} are asked for"
            )
        self.file.seek(address)
        content = self.file.read(n)
        if len(content) != n:
            raise DataError("it became shorter while it was read")
        return content


def texts(source: Source, places: NDArray[Any]) -> NDArray[Any]:
    """The texts of variable length, as bytes objects.

    `places` (n, of 16 bytes each) tells where they lie.
    """
    found = np.empty(len(places), object)
    for k, place in enumerate(places):
        length, address, index = struct.unpack("<IQI", bytes(place))
        found[k] = source.text(address, index, length) if length else b""
    return found


def _heap(content: bytes) -> dict[int, bytes]:
    """The texts of a collection by number."""
    place, found = 0, {}
    while place + 16 <= len(content):
        index, _, length = struct.unpack_from("<HH4xQ", content, place)
        if index == 0:
            break
        found[index] = content[place + 16 : place + 16 + length]
        place += 16 + -(-length // 8) * 8
    return found
