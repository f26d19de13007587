"""The types and shapes that the plain part of HDF5 knows, read from their messages.

HDF5 File Format Specification 3.0, The HDF Group, sections IV.A.2.b (dataspace) and IV.A.2.d
(datatype).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from ...errors import DataError

MOST_DIMENSIONS: Final = 32
MOST_MEMBERS: Final = 1024  # of an enumeration
FIXED, FLOAT, TEXT, ENUMERATION, VARIABLE = 0, 1, 3, 8, 9  # classes of types
# size [bytes] -> bit offset, precision, places and sizes of exponent and mantissa, bias: IEEE 754
IEEE: Final = {
    2: (0, 16, 10, 5, 0, 10, 15),
    4: (0, 32, 23, 8, 0, 23, 127),
    8: (0, 64, 52, 11, 0, 52, 1023),
}
BOOLEAN: Final = {"FALSE": 0, "TRUE": 1}  # what h5py makes of booleans


class Unusual(DataError):
    """A file that uses a part of HDF5 which Potentia neither writes nor reads."""


@dataclass(frozen=True)
class Type:
    """A type of elements, with their dtype.

    names: of an enumeration; variable: texts that lie elsewhere in the file.
    """

    dtype: np.dtype[Any]
    names: tuple[tuple[str, int], ...] = ()
    variable: bool = False

    def __str__(self) -> str:
        return "text" if self.variable else str(self.dtype)


def read_type(content: bytes) -> Type:
    """A datatype message. Raises Unusual for all but numbers, booleans, enumerations and texts."""
    return _read_type(content)[0]


def _read_type(content: bytes) -> tuple[Type, int]:
    """A type, and where its message ends."""
    head, low, middle, _, size = struct.unpack_from("<BBBBI", content)
    kind, version = head & 15, head >> 4
    if not 1 <= version <= 3:
        raise Unusual(f"it uses version {version} of types")
    if kind == FIXED:
        offset, precision = struct.unpack_from("<HH", content, 8)
        if size not in (1, 2, 4, 8) or offset or precision != 8 * size or low & ~9:
            raise Unusual(f"it uses whole numbers of {size} bytes and {precision} bits")
        return Type(np.dtype(f"{_order(low)}{'i' if low & 8 else 'u'}{size}")), 12
    if kind == FLOAT:
        places = struct.unpack_from("<HHBBBBI", content, 8)
        if IEEE.get(size) != places or low & ~1 != 0x20 or middle != 8 * size - 1:
            raise Unusual(f"it uses floats of {size} bytes that are not of IEEE 754")
        return Type(np.dtype(f"{_order(low)}f{size}")), 20
    if kind == TEXT:
        if not 0 < size < 1 << 31:
            raise DataError(f"it uses texts of {size:,} bytes")
        return Type(np.dtype(f"S{size}")), 8
    if kind == ENUMERATION:
        return _enumeration(content, version, low | middle << 8)
    if kind == VARIABLE and low & 15 == 1 and size == 16:
        return Type(np.dtype("V16"), variable=True), len(content)
    raise Unusual(f"it uses objects of a type that is not read (class {kind} of HDF5)")


def _enumeration(content: bytes, version: int, count: int) -> tuple[Type, int]:
    if count > MOST_MEMBERS:
        raise DataError(f"it uses an enumeration of {count} names")
    base, length = _read_type(content[8:])
    if base.dtype.kind not in "iu":
        raise Unusual("it uses an enumeration of what is no whole number")
    place, names = 8 + length, []
    for _ in range(count):
        end = content.index(b"\0", place)
        names.append(content[place:end].decode())
        place = end + 1 if version == 3 else place + -(-(end + 1 - place) // 8) * 8
    values = np.frombuffer(content, base.dtype, count, place).tolist()
    pairs = tuple(sorted(zip(names, values, strict=True)))
    dtype = np.dtype(bool) if dict(pairs) == BOOLEAN and base.dtype == np.int8 else base.dtype
    return Type(dtype, pairs), place + count * base.dtype.itemsize


def read_shape(content: bytes) -> tuple[int, ...] | None:
    """A dataspace message as a shape; None where it says that there is nothing."""
    version, rank, flags, kind = struct.unpack_from("<BBBB", content)
    if version not in (1, 2):
        raise Unusual(f"it uses version {version} of shapes")
    if rank > MOST_DIMENSIONS or flags > 1:
        raise DataError(f"it declares {rank} dimensions")
    if version == 2 and kind == 2:
        return None
    return struct.unpack_from(f"<{rank}Q", content, 8 if version == 1 else 4)


def stored_dtype(kind: Type) -> np.dtype[Any]:
    """The dtype of elements as they are stored: booleans as whole numbers."""
    return np.dtype(np.int8) if kind.dtype.kind == "b" else kind.dtype


def _order(bits: int) -> str:
    return ">" if bits & 1 else "<"
