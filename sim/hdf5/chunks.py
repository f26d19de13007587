"""The numbers of a dataset: whole, or in chunks that were shuffled, compressed and given checksums.

HDF5 File Format Specification 3.0, The HDF Group, sections III.A.1 (indices of chunks), IV.A.2.i
(layout) and IV.A.2.l (filters).
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError
from .datatypes import Unusual

GZIP, SHUFFLE, FLETCHER = 1, 2, 3
FILTERS: Final = {GZIP: "gzip", SHUFFLE: "shuffle", FLETCHER: "fletcher32"}
MOST_FILTERS: Final = 8
CHECKSUM: Final = 4  # bytes
NOWHERE: Final = (1 << 64) - 1  # the address that stands for none
MOST_LEVELS: Final = 16  # of an index
BLOCK: Final = 1 << 17  # words of a checksum summed at once: floats hold such sums exactly
FALLING: Final = np.arange(BLOCK, 0, -1, dtype=np.float64)

Read = Callable[[int, int], bytes]  # (address, number of bytes) -> the bytes there


@dataclass(frozen=True)
class Chunk:
    """A chunk of a dataset.

    It tells where it begins in the array and in the file, and the filters left out (bits).
    """

    start: tuple[int, ...]
    address: int
    stored: int
    mask: int


def read_filters(content: bytes) -> list[tuple[int, tuple[int, ...]]]:
    """The filters of a pipeline message in the order of writing: code and arguments."""
    version, count = struct.unpack_from("<BB", content)
    if version not in (1, 2) or count > MOST_FILTERS:
        raise Unusual(f"it uses version {version} of filters")
    place, found = 8 if version == 1 else 2, []
    for _ in range(count):
        (code,) = struct.unpack_from("<H", content, place)
        if code not in FILTERS:
            raise Unusual(f"it uses a filter other than {', '.join(FILTERS.values())}")
        length = 0 if version == 2 else struct.unpack_from("<H", content, place + 2)[0]
        _, given = struct.unpack_from("<HH", content, place + (2 if version == 2 else 4))
        place += 6 if version == 2 else 8 + -(-length // 8) * 8
        found.append((code, struct.unpack_from(f"<{given}I", content, place)))
        place += 4 * (given + (given % 2 if version == 1 else 0))
    return found


def read_index(
    read: Read, address: int, shape: tuple[int, ...], sizes: tuple[int, ...]
) -> list[Chunk]:
    """All chunks of a dataset of `shape` in chunks of `sizes`.

    Raises DataError unless each is there once.
    """
    counts = [-(-extent // size) for extent, size in zip(shape, sizes, strict=True)]
    expected = math.prod(counts)
    if address == NOWHERE:
        found: list[Chunk] = []
    else:
        found = _node(read, address, len(shape), None, expected)
    places = {chunk.start for chunk in found}
    fits = all(
        start % size == 0 and start < extent
        for place in places
        for start, size, extent in zip(place, sizes, shape, strict=True)
    )
    if len(found) != expected or len(places) != expected or not fits:
        raise DataError(f"it declares {expected:,} chunks and stores {len(places):,}")
    return found


def _node(read: Read, address: int, rank: int, level: int | None, most: int) -> list[Chunk]:
    """The chunks below one node of an index."""
    signature, kind, height, used = struct.unpack("<4sBBH", read(address, 8))
    if (
        signature != b"TREE"
        or kind != 1
        or height > MOST_LEVELS
        or (level is not None and height != level)
    ):
        raise DataError("an index of chunks is damaged")
    width = 8 + 8 * (rank + 1)
    content = read(address + 24, used * (width + 8))
    found: list[Chunk] = []
    for k in range(used):
        stored, mask, *start = struct.unpack_from(f"<II{rank + 1}Q", content, k * (width + 8))
        (child,) = struct.unpack_from("<Q", content, k * (width + 8) + width)
        if height:
            found += _node(read, child, rank, height - 1, most)
        else:
            found.append(Chunk(tuple(start[:-1]), child, stored, mask))
        if len(found) > most:
            raise DataError("an index of chunks holds more of them than the dataset has")
    return found


def assemble(
    read: Read,
    chunks: list[Chunk],
    shape: tuple[int, ...],
    sizes: tuple[int, ...],
    dtype: np.dtype[Any],
    filters: list[tuple[int, tuple[int, ...]]],
) -> NDArray[Any]:
    """The array that these chunks make up."""
    whole = np.empty(shape, dtype)
    n_bytes = math.prod(sizes) * dtype.itemsize
    for chunk in chunks:
        content = _decoded(
            read(chunk.address, chunk.stored), chunk.mask, filters, n_bytes, dtype.itemsize
        )
        values = np.frombuffer(content, dtype).reshape(sizes)
        inside = [
            min(size, extent - start)
            for start, size, extent in zip(chunk.start, sizes, shape, strict=True)
        ]
        target = tuple(
            slice(start, start + size) for start, size in zip(chunk.start, inside, strict=True)
        )
        whole[target] = values[tuple(map(slice, inside))]
    return whole


def _decoded(
    content: Any, mask: int, filters: list[tuple[int, tuple[int, ...]]], n_bytes: int, itemsize: int
) -> Any:
    """What a chunk held before the filters changed it."""
    used = [code for k, (code, _) in enumerate(filters) if not mask >> k & 1]
    if any(code == SHUFFLE and arguments[:1] != (itemsize,) for code, arguments in filters):
        raise DataError("a chunk was shuffled for elements of another size")
    for code in reversed(used):
        if code == GZIP:
            content = _inflated(content, n_bytes + CHECKSUM * len(filters))
        elif code == FLETCHER:
            content = _checked(content)
        else:
            content = np.frombuffer(content, np.uint8).reshape(itemsize, -1).T.tobytes()
    if len(content) != n_bytes:
        raise DataError(f"a chunk holds {len(content):,} bytes for {n_bytes:,}")
    return content


def _inflated(content: bytes, most: int) -> bytes:
    stream = zlib.decompressobj()
    made = stream.decompress(content, most)
    if not stream.eof:
        raise DataError("a chunk is damaged or larger than it declares")
    return made


def _checked(content: bytes) -> bytes:
    """What stands before a checksum that is right."""
    body, stored = content[:-CHECKSUM], content[-CHECKSUM:]
    if len(stored) < CHECKSUM or fletcher32(body) != int.from_bytes(stored, "little"):
        raise DataError("a chunk does not have the checksum that it was written with")
    return body


def fletcher32(content: bytes) -> int:
    """Fletcher's checksum as HDF5 computes it.

    It goes over 16-bit words, high byte first, in ones' complement sums.
    """
    words = np.frombuffer(content, ">u2", len(content) // 2)
    if len(content) % 2:
        words = np.append(words, np.array(content[-1] << 8, ">u2"))
    first = second = 0
    for begin in range(0, words.size, BLOCK):
        part = words[begin : begin + BLOCK].astype(np.float64)
        second += first * part.size + int(part @ FALLING[BLOCK - part.size :])
        first += int(part.sum())
    return _folded(second) << 16 | _folded(first)


def _folded(total: int) -> int:
    """A sum of 16-bit words with its carries added back.

    65535 stands for multiples of it, 0 for nothing.
    """
    return (total - 1) % 65535 + 1 if total else 0
