"""IDX files: one array of bytes each, plain or packed by gzip.

The format of MNIST (http://yann.lecun.com/exdb/mnist): two zero bytes, the kind of number, the number
of axes, the length of each axis as 32 bits, most significant byte first, then the numbers. Files may
be somebody else's, so no more is read or made room for than the file holds and `most` allows.
"""

from __future__ import annotations

import gzip
import math
import struct
from io import BufferedReader
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from potentia.errors import DataError
from potentia.sim.disk.files import open_regular

MOST_BYTES: Final = 1 << 28
MOST_AXES: Final = 3
BYTES: Final = 8  # the kind of number that MNIST has: whole numbers from 0 to 255
PACKED: Final = b"\x1f\x8b"  # how files packed by gzip begin
PART: Final = 1 << 20  # bytes that are read at once

Stream = BufferedReader | gzip.GzipFile


def read_idx(path: Path, *, most: int = MOST_BYTES) -> NDArray[np.uint8]:
    """The array of an IDX file; one of more than `most` bytes is refused.

    Raises DataError where the file is none, and errors of gzip where it is damaged.
    """
    with open_regular(path, follow=True) as file:
        if file.peek(len(PACKED))[: len(PACKED)] != PACKED:
            return _array(file, most)
        with gzip.GzipFile(fileobj=file) as unpacked:
            return _array(unpacked, most)


def _array(stream: Stream, most: int) -> NDArray[np.uint8]:
    begin = stream.read(4)
    if len(begin) < 4 or begin[:2] != b"\0\0":
        raise DataError("it does not begin as an IDX file does")
    if begin[2] != BYTES:
        raise DataError(f"its numbers are of kind {begin[2]:#04x}, and only bytes (0x08) are read")
    if not 1 <= begin[3] <= MOST_AXES:
        raise DataError(f"it has {begin[3]} axes, and 1 to {MOST_AXES} are read")
    lengths = stream.read(4 * begin[3])
    if len(lengths) < 4 * begin[3]:
        raise DataError("it ends before its numbers begin")
    shape = struct.unpack(f">{begin[3]}I", lengths)
    size = math.prod(shape)
    if size > most:
        raise DataError(f"it declares {size:,} bytes, and at most {most:,} are read")
    held = _at_most(stream, size + 1)
    if len(held) != size:
        more = "more" if len(held) > size else f"{len(held):,}"
        raise DataError(f"it declares {size:,} bytes and holds {more}")
    return np.frombuffer(held, np.uint8).reshape(shape)


def _at_most(stream: Stream, size: int) -> bytearray:
    """The next `size` bytes, or as many as there are: room is made only for what comes."""
    held = bytearray()
    while len(held) < size and (part := stream.read(min(PART, size - len(held)))):
        held += part
    return held
