"""A reader of plain HDF5, as h5py writes it by default: safe whatever a file holds.

The HDF5 library crashes, hangs or takes all memory over files that somebody changed with intent.
This reader opens every part before it reads the first number, reads no place twice, and does work
and takes memory in proportion to the size of the file. What newer forms of the format bring is
refused (`Unusual`); for `inspect`, `hdf5_tree.py` asks the library about it in another process.
HDF5 File Format Specification 3.0, The HDF Group.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterator, Mapping
from io import BufferedIOBase
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError
from .chunks import NOWHERE, assemble, read_filters, read_index
from .datatypes import Type, Unusual, read_shape, read_type, stored_dtype
from .source import MOST_RATIO, SLACK, Source, texts

SIGNATURE: Final = b"\x89HDF\r\n\x1a\n"
MOST_DEPTH: Final = 16
MOST_NAME: Final = 1024  # bytes
MOST_LEVELS: Final = 16  # of a list of members
CHUNKED: Final = 2  # a form of storage
# Kinds of messages in the header of an object.
SHAPE, TYPE, EXTERNAL, LAYOUT, FILTERS, ATTRIBUTE, CONTINUED, MEMBERS = 1, 3, 7, 8, 11, 12, 16, 17
Messages = list[tuple[int, bytes]]  # of an object: kind and content
NEWER: Final = {2: "links", 6: "links", 10: "groups", 15: "shared messages", 21: "attributes"}


class Attributes(Mapping[str, Any]):
    """The attributes of an object by name: numbers, arrays, or texts as bytes.

    `types`: how they are stored.
    """

    def __init__(self, source: Source, messages: list[bytes]) -> None:
        self._source, self._stored = source, [_attribute(message) for message in messages]
        self._places = {name: k for k, (name, *_) in enumerate(self._stored)}
        if len(self._places) < len(self._stored):
            raise DataError("it has two attributes of one name")
        for _, kind, shape, content in self._stored:
            size = read_type(kind).dtype.itemsize * math.prod(read_shape(shape) or (0,))
            if size > len(content):
                raise DataError(
                    f"it is damaged: an attribute declares {size:,} bytes and stores {len(content):,}"
                )

    def __getitem__(self, name: str) -> Any:
        _, kind, shape, content = self._stored[self._places[name]]
        found = read_type(kind)
        extent = read_shape(shape)
        if extent is None:
            raise DataError(f"its attribute {name!r:.60} holds nothing")
        values = np.frombuffer(content, stored_dtype(found), math.prod(extent))
        array = self._source_texts(values) if found.variable else values.astype(found.dtype)
        array = array.reshape(extent)
        return array if array.ndim else array[()]

    def type(self, name: str) -> Type:
        """How an attribute is stored."""
        return read_type(self._stored[self._places[name]][1])

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._places))

    def __len__(self) -> int:
        return len(self._places)

    def _source_texts(self, places: NDArray[Any]) -> NDArray[Any]:
        return texts(self._source, places)


class Item:
    """An object of a file: its place and its attributes."""

    def __init__(self, source: Source, messages: Messages, name: str) -> None:
        self.name, self._source, self._messages = name, source, messages
        attributes = [content for kind, content in self._messages if kind == ATTRIBUTE]
        self.attributes = Attributes(source, attributes)
        for kind, _ in self._messages:
            if kind in NEWER:
                raise Unusual(f"it uses a newer form of {NEWER[kind]}")

    def _one(self, kind: int) -> bytes | None:
        """The content of the one message of a kind."""
        found = [content for other, content in self._messages if other == kind]
        if len(found) > 1:
            raise DataError("it is damaged: it is described twice")
        return found[0] if found else None


@final
class Dataset(Item):
    """An array in a file. That all of it is stored, and once, is known before any of it is read."""

    def __init__(self, source: Source, messages: Messages, name: str) -> None:
        super().__init__(source, messages, name)
        kind, shape, layout = self._one(TYPE), self._one(SHAPE), self._one(LAYOUT)
        if kind is None or shape is None or layout is None:
            raise DataError("it must be a group or a dataset")
        self.type, extent = read_type(kind), read_shape(shape)
        if extent is None:
            raise DataError("it holds nothing")
        self.shape, self.dtype, self.ndim = extent, self.type.dtype, len(extent)
        pipeline = self._one(FILTERS)
        self._filters = [] if pipeline is None else read_filters(pipeline)
        version, form = struct.unpack_from("<BB", layout)
        if version != 3 or form > CHUNKED or self._one(EXTERNAL) is not None:
            raise Unusual("it does not store its own data in the plain form")
        if self._filters and form != CHUNKED:
            raise DataError("it has filters, but no chunks")
        self._stored = (self._compact, self._contiguous, self._chunked)[form](layout)

    @property
    def n_bytes(self) -> int:
        """What it declares."""
        return math.prod(self.shape) * self.dtype.itemsize

    def read(self) -> NDArray[Any]:
        """All of its numbers or texts."""
        try:
            values = self._stored()
        except DataError as error:
            raise DataError(f"{self.name:.200}: {error}") from None
        if self.type.variable:
            return texts(self._source, values.reshape(-1)).reshape(self.shape)
        return values.astype(self.dtype, copy=False)

    def _compact(self, layout: bytes) -> Callable[[], NDArray[Any]]:
        """How to read numbers that stand in the header."""
        content = layout[4 : 4 + struct.unpack_from("<H", layout, 2)[0]]
        self._source.declare(self.n_bytes, len(content), ratio=1)
        n = math.prod(self.shape)
        return lambda: np.frombuffer(content, stored_dtype(self.type), n).reshape(self.shape).copy()

    def _contiguous(self, layout: bytes) -> Callable[[], NDArray[Any]]:
        """How to read numbers that stand in one place."""
        address, stored = struct.unpack_from("<QQ", layout, 2)
        self._source.declare(self.n_bytes, 0 if address == NOWHERE else stored, ratio=1)

        def read() -> NDArray[Any]:
            values = np.empty(self.shape, stored_dtype(self.type))
            self._source.fill(address if values.size else 0, values)
            return values

        return read

    def _chunked(self, layout: bytes) -> Callable[[], NDArray[Any]]:
        """How to read numbers that stand in chunks."""
        (rank,) = struct.unpack_from("<B", layout, 2)
        address, *sizes = struct.unpack_from(f"<Q{rank}I", layout, 3)
        extent, dtype = tuple(sizes[:-1]), stored_dtype(self.type)
        if rank != self.ndim + 1 or sizes[-1] != dtype.itemsize or 0 in sizes:
            raise DataError(f"its chunks of {sizes} do not fit its shape {list(self.shape)}")
        if self.n_bytes > MOST_RATIO * self._source.size + SLACK:
            raise DataError(
                f"it declares {self.n_bytes:,} bytes in a file of {self._source.size:,}"
            )
        chunks = read_index(self._source.read, address, self.shape, extent)
        # chunks at the border reach beyond it
        whole = len(chunks) * math.prod(extent) * dtype.itemsize
        self._source.declare(max(self.n_bytes, whole), sum(chunk.stored for chunk in chunks))
        return lambda: assemble(
            self._source.read_numbers, chunks, self.shape, extent, dtype, self._filters
        )


@final
class Group(Item):
    """A group of a file, whose members are looked up by name or path."""

    def __init__(self, source: Source, messages: Messages, name: str, depth: int = 0) -> None:
        super().__init__(source, messages, name)
        if depth > MOST_DEPTH:
            raise DataError(f"it lies deeper than groups may be nested ({MOST_DEPTH})")
        message = self._one(MEMBERS)
        if message is None:
            raise Unusual("it is no group of the plain form")
        self._depth = depth
        self._places = _members(source, *struct.unpack_from("<QQ", message))
        self._found: dict[str, Item] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._places))

    def __contains__(self, name: str) -> bool:
        return name in self._places

    def __getitem__(self, path: str) -> Item:
        name, _, rest = path.partition("/")
        if name not in self._places:
            raise DataError(f"it has no {self.path(path)}")
        if name not in self._found:
            self._found[name] = self._open(name)
        found = self._found[name]
        if not rest:
            return found
        if not isinstance(found, Group):
            raise DataError(f"it has no {self.path(path)}")
        return found[rest]

    def get(self, path: str) -> Item | None:
        """The member at `path`, or None."""
        name, _, rest = path.partition("/")
        if name not in self._places:
            return None
        if not rest:
            return self[name]
        inner = self[name]
        return inner.get(rest) if isinstance(inner, Group) else None

    def path(self, name: str) -> str:
        """The path of a member from the root."""
        return f"{self.name.rstrip('/')}/{name}"

    def walk(self) -> None:
        """Open everything in the group.

        Raises DataError where something is of a kind that is not read.
        """
        for name in self:
            item = self[name]
            if isinstance(item, Group):
                item.walk()

    def _open(self, name: str) -> Item:
        address, kind = self._places[name]
        place = self.path(name)
        if kind == 2:
            raise DataError(f"{place:.200}: it links to another place, which is not followed")
        try:
            messages = _header(self._source, address)
            if any(kind == MEMBERS for kind, _ in messages):
                return Group(self._source, messages, place, self._depth + 1)
            return Dataset(self._source, messages, place)
        except DataError as error:
            raise type(error)(f"{place:.200}: {error}") from None


def open_root(file: BufferedIOBase) -> Group:
    """The root of an HDF5 file.

    Raises DataError, `Unusual` where it is of a newer form of the format.
    """
    source = Source(file)
    if source.size < 96 or (head := source.read(0, 96))[:8] != SIGNATURE:
        raise DataError("it is no HDF5 file, for it does not begin like one")
    if head[8] != 0:
        raise Unusual(f"it uses version {head[8]} of the format")
    if head[9:15] != b"\0\0\0\0\x08\x08":
        raise Unusual("it uses addresses of another size")
    base, free, end, driver = struct.unpack_from("<QQQQ", head, 24)
    if base or free != NOWHERE or driver != NOWHERE:
        raise Unusual("it is spread over places that are not read")
    if end > source.size:
        raise DataError(f"it is damaged: it holds {source.size:,} bytes of {end:,}")
    (root,) = struct.unpack_from("<Q", head, 64)
    made = Group(source, _header(source, root), "/")
    made.walk()
    return made


def _prefix(head: bytes) -> tuple[int, int]:
    """How many messages a header has, and the bytes of its first block."""
    version, _, count, _, size = struct.unpack("<BBHII4x", head)
    if version != 1:
        raise Unusual(
            "it has a header of a newer form"
            if head[:4] == b"OHDR"
            else "it is damaged: a header is none"
        )
    return count, size


def _header(source: Source, address: int) -> Messages:
    """The messages of an object: kind and content. Raises DataError where it was found before."""
    source.meet(address)
    count, size = _prefix(source.read(address, 16))
    todo, found, seen = [(address + 16, size)], [], 0
    while todo:
        for kind, content in _block(source, *todo.pop(0)):
            seen += 1
            if kind == CONTINUED:
                todo.append(struct.unpack_from("<QQ", content))
            elif kind:
                found.append((kind, content))
    if seen != count:
        raise DataError(f"it is damaged: a header of {count} messages holds {seen}")
    return found


def _block(source: Source, address: int, size: int) -> Iterator[tuple[int, bytes]]:
    content, place = source.read(address, size), 0
    while place + 8 <= size:
        kind, length, flags = struct.unpack_from("<HHB", content, place)
        if flags & 2:
            raise Unusual("it uses messages that objects share")
        if place + 8 + length > size:
            raise DataError("it is damaged: a message is longer than its header")
        yield kind, content[place + 8 : place + 8 + length]
        place += 8 + length


def _attribute(content: bytes) -> tuple[str, bytes, bytes, bytes]:
    """An attribute message: its name, its type, its shape, its content."""
    version, flags, *lengths = struct.unpack_from("<BBHHH", content)
    if version not in (1, 2, 3) or (version > 1 and flags):
        raise Unusual(f"it uses version {version} of attributes")
    place, parts = 9 if version == 3 else 8, []
    for length in lengths:
        parts.append(content[place : place + length])
        if len(parts[-1]) < length:
            raise DataError("it is damaged: an attribute is cut off")
        place += -(-length // 8) * 8 if version == 1 else length
    return parts[0].split(b"\0", 1)[0].decode(), parts[1], parts[2], content[place:]


def _members(source: Source, tree: int, heap: int) -> dict[str, tuple[int, int]]:
    """The members of a group by name: the address of the header and the kind of link."""
    signature, size, _, address = struct.unpack("<4s4xQQQ", source.read(heap, 32))
    if signature != b"HEAP":
        raise DataError("it is damaged: the names of a group are not where they should be")
    names, found = source.read(address, size), {}
    for entry in _entries(source, tree, None):
        place, header, kind = struct.unpack_from("<QQI", entry)
        end = names.find(b"\0", place, place + MOST_NAME)
        if end < 0:
            raise DataError("it is damaged: a name in a group has no end")
        name = names[place:end].decode()
        if name in found or not name or "/" in name:
            raise DataError(f"it is damaged: a group has the name {name!r:.60} twice or in vain")
        found[name] = (header, kind)
    return found


def _entries(source: Source, address: int, level: int | None) -> Iterator[bytes]:
    """The entries of a group, below one node of its list."""
    signature, kind, height, used = struct.unpack("<4sBBH", source.read(address, 8))
    if (
        signature != b"TREE"
        or kind != 0
        or height > MOST_LEVELS
        or (level is not None and height != level)
    ):
        raise DataError("it is damaged: the list of a group is none")
    content = source.read(address + 24, 16 * used)
    for k in range(used):
        (child,) = struct.unpack_from("<Q", content, 16 * k + 8)
        if height:
            yield from _entries(source, child, height - 1)
            continue
        signature, version, count = struct.unpack("<4sBxH", source.read(child, 8))
        if signature != b"SNOD" or version != 1:
            raise DataError("it is damaged: the list of a group is none")
        entries = source.read(child + 8, 40 * count)
        yield from (entries[40 * m : 40 * (m + 1)] for m in range(count))
