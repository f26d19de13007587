"""HDF5 files, written atomically and read as if a stranger had sent them."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import h5py
import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, PotentiaError
from . import atomic

MOST_BYTES = 1 << 36  # of all datasets of a file together
MOST_RATIO = 1100  # declared to stored size; deflate reaches 1032, so more was never written
MOST_ATTRIBUTE = 1 << 20  # bytes
MOST_DEPTH = 16
MOST_OBJECTS = 100_000
SLACK = 1 << 16  # bytes that a dataset may declare whatever it stores
FILTERS = {1: "gzip", 2: "shuffle", 3: "fletcher32"}
CHUNK_BYTES = 1 << 18


def write_file(path: str | os.PathLike[str], image: bytes | memoryview, *, replace: bool = True) -> None:
    """Put `image` at `path` in one move, see `atomic.writing`. Raises DataError."""
    if not replace and Path(path).exists():
        raise DataError(f"{path} exists already; choose another name")
    with atomic.writing(path) as file:
        file.write(image)


def store(path: str | os.PathLike[str], fill: Callable[[h5py.File], None], *, replace: bool = True) -> None:
    """Put an HDF5 file made by `fill` at `path` in one move, without holding it in memory. Raises DataError."""
    if not replace and Path(path).exists():
        raise DataError(f"{path} exists already; choose another name")
    with atomic.writing(path) as file:
        shelter = _Shelter(file)
        try:
            with h5py.File(shelter, "w") as made:
                fill(made)
        except Exception:
            if shelter.failure is None:
                raise
        if shelter.failure is not None:
            raise shelter.failure


class _Shelter:
    """A file for the HDF5 library, which crashes the process when a disk runs full: it never learns of that.

    failure: the first thing that went wrong; what is written after it is lost.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.failure: OSError | None = None
        self.read, self.seek, self.tell, self._file = file.read, file.seek, file.tell, file

    def write(self, data: Any) -> int:
        self._try(self._file.write, data)
        return len(data)

    def truncate(self, size: int) -> int:
        self._try(self._file.truncate, size)
        return size

    def flush(self) -> None:
        self._try(self._file.flush)

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        got = b"" if self.failure is not None else self._file.read(len(view))
        view[:] = got.ljust(len(view), b"\0")
        return len(view)

    def _try(self, act: Callable[..., Any], *given: Any) -> None:
        if self.failure is None:
            try:
                act(*given)
            except OSError as error:
                self.failure = error


def image(fill: Callable[[h5py.File], None]) -> memoryview:
    """An HDF5 file made by `fill`, as bytes.

    It is made in memory, because the HDF5 library itself crashes the process when a disk runs full.
    """
    made = io.BytesIO()
    with h5py.File(made, "w") as file:
        fill(file)
    return made.getbuffer()


def add(group: h5py.Group, name: str, array: Any, unit: str = "", *, compress: bool = True) -> h5py.Dataset:
    """Write an array in small chunks with checksums; `unit` becomes its attribute ``units``."""
    values = np.asarray(array)
    if values.size == 0 or values.ndim == 0:
        made = group.create_dataset(name, data=values)
    else:
        packing = {"compression": "gzip", "compression_opts": 4, "shuffle": True} if compress else {}
        made = group.create_dataset(name, data=values, chunks=_chunks(values), fletcher32=True, **packing)
    if unit:
        made.attrs["units"] = unit
    return made


@contextlib.contextmanager
def reading(source: Any, path: str | os.PathLike[str]) -> Iterator[h5py.File]:
    """A file open for reading, all links, types and sizes in it checked; `source`: the path or a file object.

    Whatever the HDF5 library raises while the file is open becomes one sentence in a DataError.
    """
    if source is path:
        _check_file(path)
    try:
        with h5py.File(source, "r") as file:
            _Inspection().visit(file)
            yield file
    except PotentiaError as error:
        raise DataError(f"{path} is refused: {error}") from None
    except Exception as error:  # a damaged file can fail in any layer of the library, with any error
        raise DataError(f"{path} is damaged or no HDF5 file: {_reason(error)}") from None


def array(group: h5py.Group, name: str, kind: str, ndim: int) -> NDArray[Any]:
    """The dataset `name`, whose dtype is of one of the `kind` letters and which has `ndim` dimensions."""
    dataset = group.get(name)
    if not isinstance(dataset, h5py.Dataset):
        raise DataError(f"it has no dataset {_place(group, name)}")
    if dataset.dtype.kind not in kind or dataset.ndim != ndim:
        raise DataError(
            f"{_place(group, name)} must have {ndim} dimensions and a dtype of kind {kind!r} "
            f"(got {dataset.ndim}, {dataset.dtype})"
        )
    return np.asarray(dataset[()])


def members(file: h5py.Group, name: str) -> list[tuple[str, h5py.Group]]:
    """The groups inside the group `name`, by name; none where there is no such group."""
    group = file.get(name)
    if group is None:
        return []
    if not isinstance(group, h5py.Group) or any(not isinstance(group[key], h5py.Group) for key in group):
        raise DataError(f"{_place(file, name)} must be a group of groups")
    return [(key, group[key]) for key in group]


def attribute(item: h5py.HLObject, name: str, kind: type[Any]) -> Any:
    """The attribute `name` as int, float or str."""
    if name not in item.attrs:
        raise DataError(f"{item.name} has no attribute {name!r}")
    value = item.attrs[name]
    if isinstance(value, bytes):
        value = value.decode()
    if isinstance(value, np.generic):
        value = value.item()
    if not isinstance(value, (int, float) if kind is float else kind):
        raise DataError(f"attribute {name!r} of {item.name} must be {kind.__name__} (got {value!r:.60})")
    return kind(value)


def tree(path: str | os.PathLike[str]) -> list[str]:
    """One line per object of a file: its place, shape, dtype, unit and attributes. Raises DataError."""
    with reading(path, path) as file:
        lines: list[str] = [f"/{_attributes(file)}"]
        file.visititems(lambda name, item: lines.append(_line(name, item)))
        return lines


def _line(name: str, item: h5py.HLObject) -> str:
    depth = name.count("/") + 1
    place = "  " * depth + name.rsplit("/", 1)[-1]
    if isinstance(item, h5py.Dataset):
        unit = f" [{item.attrs['units']}]" if "units" in item.attrs else ""
        return f"{place}  {item.dtype}{list(item.shape)}{unit}"
    return f"{place}/{_attributes(item)}"


def _attributes(item: h5py.HLObject) -> str:
    shown = [f"{name}={_brief(value)}" for name, value in item.attrs.items()]
    return f"  {', '.join(shown)}" if shown else ""


def _brief(value: Any) -> str:
    text = f"{value:g}" if isinstance(value, (float, np.floating)) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."


class _Inspection:
    """Walks a file link by link; DataError at whatever reads elsewhere or declares more than it stores."""

    def __init__(self) -> None:
        self.seen: set[int] = set()
        self.bytes = 0

    def visit(self, group: h5py.Group, depth: int = 0) -> None:
        self._once(group)
        self._attributes(group)
        if depth > MOST_DEPTH:
            raise self._refuse(group.name, f"groups may be nested {MOST_DEPTH} deep at most")
        for name in group:
            place = f"{group.name.rstrip('/')}/{name}"
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise self._refuse(place, "links to other places are not followed")
            member = group.get(name)
            if isinstance(member, h5py.Group):
                self.visit(member, depth + 1)
            elif isinstance(member, h5py.Dataset):
                self._dataset(member, place)
            else:
                raise self._refuse(place, "must be a group or a dataset")

    def _dataset(self, dataset: h5py.Dataset, place: str) -> None:
        self._once(dataset)
        self._attributes(dataset)
        if dataset.external or dataset.is_virtual:
            raise self._refuse(place, "must store its own data, not refer to other files or datasets")
        if not _plain(dataset.dtype):
            raise self._refuse(place, f"holds objects of a type that is not read ({dataset.dtype})")
        creation = dataset.id.get_create_plist()
        filters = [creation.get_filter(k)[0] for k in range(creation.get_nfilters())]
        if any(code not in FILTERS for code in filters):
            raise self._refuse(place, f"uses a filter other than {', '.join(FILTERS.values())}")
        declared, stored = dataset.size * dataset.dtype.itemsize, dataset.id.get_storage_size()
        self.bytes += declared
        if self.bytes > MOST_BYTES or declared > MOST_RATIO * stored + SLACK:
            raise self._refuse(place, f"declares {declared:,} bytes and stores {stored:,}")

    def _attributes(self, item: h5py.HLObject) -> None:
        for name in item.attrs:
            stored = item.attrs.get_id(name)
            if not _plain(stored.dtype):
                raise self._refuse(f"{item.name}@{name}", f"holds objects of a type that is not read ({stored.dtype})")
            if int(np.prod(stored.shape or (1,), dtype=object)) * stored.dtype.itemsize > MOST_ATTRIBUTE:
                raise self._refuse(f"{item.name}@{name}", f"takes more than {MOST_ATTRIBUTE:,} bytes")

    def _once(self, item: h5py.HLObject) -> None:
        address = int(h5py.h5o.get_info(item.id).addr)
        if address in self.seen:
            raise self._refuse(item.name, "is linked twice")
        self.seen.add(address)
        if len(self.seen) > MOST_OBJECTS:
            raise self._refuse(item.name, f"is one of more than {MOST_OBJECTS:,} objects")

    def _refuse(self, place: str | None, reason: str) -> DataError:
        return DataError(f"{place!s:.200} {reason}")


def _plain(dtype: np.dtype[Any]) -> bool:
    """Numbers, booleans, enumerations and texts."""
    if dtype.kind == "O":
        return h5py.check_string_dtype(dtype) is not None
    return dtype.kind in "biufS" and dtype.subdtype is None


def _chunks(values: NDArray[Any]) -> tuple[int, ...]:
    """Rows of about CHUNK_BYTES together; a single long row is cut."""
    row = max(int(np.prod(values.shape[1:])) * values.itemsize, 1)
    if row <= CHUNK_BYTES or values.ndim == 1:
        return (min(max(CHUNK_BYTES // row, 1), values.shape[0]), *values.shape[1:])
    return (1, *_chunks(values[0]))


def _place(group: h5py.Group, name: str) -> str:
    return f"{(group.name or '').rstrip('/')}/{name}"


def _check_file(path: str | os.PathLike[str]) -> None:
    if not Path(path).is_file():
        raise DataError(f"{path} does not exist" if not Path(path).exists() else f"{path} is not a file")


def _reason(error: BaseException) -> str:
    """The first line of what went wrong, without the addresses and internals that follow it."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return text.splitlines()[0].strip()[:200] if text.strip() else type(error).__name__
