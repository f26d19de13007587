"""HDF5 files, written atomically by h5py and read as if a stranger had sent them."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import h5py
import numpy as np
from numpy.typing import NDArray

from ...errors import DataError, PotentiaError
from ..disk import atomic, lock
from ..disk.files import open_regular
from . import tree as hdf5_tree
from .datatypes import Unusual
from .format import Dataset, Group, Item, open_root

MOST_SECONDS = 30  # in which the HDF5 library must have told what a file of another tool holds
CHUNK_BYTES = 1 << 18
FORM = "earliest"  # of the format: the plain one, which `hdf5_format.py` reads


def write_file(
    path: str | os.PathLike[str], image: bytes | memoryview, *, replace: bool = True
) -> None:
    """Put `image` at `path` in one move, see `atomic.writing`. Raises DataError."""
    if not replace and os.path.exists(path):
        raise DataError(f"{path} exists already; choose another name")
    with atomic.writing(path) as file:
        file.write(image)


def store(
    path: str | os.PathLike[str], fill: Callable[[h5py.File], None], *, replace: bool = True
) -> None:
    """Put an HDF5 file made by `fill` at `path` in one move, without holding it in memory.

    Raises DataError.
    """
    if not replace and os.path.exists(path):
        raise DataError(f"{path} exists already; choose another name")
    with atomic.writing(path) as file:
        shelter = _Shelter(file)
        try:
            with h5py.File(shelter, "w", libver=FORM) as made:
                fill(made)
        except Exception:
            if shelter.failure is None:
                raise
        if shelter.failure is not None:
            raise shelter.failure


class _Shelter:
    """A file for the HDF5 library that hides from it when a disk runs full.

    The library would crash the process: it never learns of that.

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
    with h5py.File(made, "w", libver=FORM) as file:
        fill(file)
    return made.getbuffer()


def add(
    group: h5py.Group, name: str, array: Any, unit: str = "", *, compress: bool = True
) -> h5py.Dataset:
    """Write an array in small chunks with checksums; `unit` becomes its attribute ``units``."""
    values = np.asarray(array)
    if values.size == 0 or values.ndim == 0:
        made = group.create_dataset(name, data=values)
    else:
        packing = (
            {"compression": "gzip", "compression_opts": 4, "shuffle": True} if compress else {}
        )
        made = group.create_dataset(
            name, data=values, chunks=_chunks(values), fletcher32=True, **packing
        )
    if unit:
        put(made, "units", unit)
    return made


def put(item: h5py.HLObject, name: str, value: Any) -> None:
    """Write an attribute; a text with its own length.

    Texts of variable length would lie elsewhere in the file.
    """
    if isinstance(value, str):
        text = value.encode()
        item.attrs.create(name, text, dtype=h5py.string_dtype("utf-8", max(len(text), 1)))
    else:
        item.attrs[name] = value


@contextlib.contextmanager
def reading(source: Any, path: str | os.PathLike[str], *, follow: bool = True) -> Iterator[Group]:
    """The root of a file open for reading.

    `source`: the path or a file object; follow: whether it may be a link.

    Nothing of it is read before it is asked for, see `hdf5_format.py`. Whatever goes wrong while
    the file is open becomes one sentence in a DataError.
    """
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(open_regular(path, follow=follow)) if source is path else source
        try:
            yield open_root(file)
        except Unusual as error:
            raise Unusual(f"{path} is refused: {error}") from None
        except Exception as error:  # damage can show in any line that reads
            raise DataError(f"{path} {_fault(path, error)}") from None


def array(group: Group, name: str, kind: str, ndim: int) -> NDArray[Any]:
    """The dataset `name`, if it is of the right kind.

    Its dtype is of one of the `kind` letters, and it has `ndim` dimensions.
    """
    dataset = group.get(name)
    if not isinstance(dataset, Dataset):
        raise DataError(f"it has no dataset {group.path(name)}")
    letter = "S" if dataset.type.variable else dataset.dtype.kind
    if letter not in kind or dataset.ndim != ndim:
        raise DataError(
            f"{group.path(name)} must have {ndim} dimensions and a dtype of kind {kind!r} "
            f"(got {dataset.ndim}, {dataset.type})"
        )
    return dataset.read()


def numbers(group: Group, name: str) -> NDArray[Any]:
    """The dataset `name`, of numbers or booleans and of any shape."""
    dataset = group[name]
    if not isinstance(dataset, Dataset) or dataset.dtype.kind not in "biuf":
        raise DataError(f"{group.path(name)} must be an array of numbers")
    return dataset.read()


def members(file: Group, name: str) -> list[tuple[str, Group]]:
    """The groups inside the group `name`, by name; none where there is no such group."""
    group = file.get(name)
    if group is None:
        return []
    found = [] if not isinstance(group, Group) else [(key, group[key]) for key in group]
    groups = [(key, item) for key, item in found if isinstance(item, Group)]
    if not isinstance(group, Group) or len(groups) < len(found):
        raise DataError(f"{file.path(name)} must be a group of groups")
    return groups


def group(file: Group, name: str) -> Group:
    """The group `name`."""
    found = file.get(name)
    if not isinstance(found, Group):
        raise DataError(f"it has no group {file.path(name)}")
    return found


def attribute(item: Item, name: str, kind: type[Any]) -> Any:
    """The attribute `name` as int, float or str."""
    if name not in item.attributes:
        raise DataError(f"{item.name} has no attribute {name!r}")
    value = item.attributes[name]
    if isinstance(value, bytes):
        value = value.decode()
    if isinstance(value, np.generic):
        value = value.item()
    if not isinstance(value, (int, float) if kind is float else kind):
        raise DataError(
            f"attribute {name!r} of {item.name} must be {kind.__name__} (got {value!r:.60})"
        )
    return kind(value)


def number(item: Item, name: str) -> int | float:
    """The attribute `name`, whole or not."""
    value = item.attributes[name]
    if not isinstance(value, np.generic) or value.dtype.kind not in "biuf":
        raise DataError(f"attribute {name!r} of {item.name} must be a number (got {value!r:.60})")
    return value.item()  # type: ignore[no-any-return]


def tree(path: str | os.PathLike[str], *, follow: bool = True) -> list[str]:
    """One line per object of a file: its place, shape, dtype, unit and attributes.

    Raises DataError.
    """
    try:
        with reading(path, path, follow=follow) as file:
            return list(_lines(file, "/", 0))
    except Unusual:
        return _foreign_lines(path)


def _fault(path: str | os.PathLike[str], error: Exception) -> str:
    """Why a file cannot be read.

    It is bad, or nothing is wrong with it but that it is in use or out of reach.
    """
    if lock.marked(Path(path)):
        return "cannot be read: another program is writing to it"
    if isinstance(error, PotentiaError):
        return f"is refused: {error}"
    return f"{'cannot be read' if isinstance(error, OSError) else 'is damaged or no HDF5 file'}: {_reason(error)}"


def _lines(item: Item, name: str, depth: int) -> Iterator[str]:
    if isinstance(item, Dataset):
        yield hdf5_tree.line(depth, name, str(item.type), item.shape, dict(item.attributes))
    if isinstance(item, Group):
        yield hdf5_tree.line(depth, name, None, (), dict(item.attributes))
        for key in item:
            yield from _lines(item[key], key, depth + 1)


def _foreign_lines(path: str | os.PathLike[str]) -> list[str]:
    """The lines of a file that only the HDF5 library reads.

    It does so in a process with limits.
    """
    homes = {str(Path(str(module.__file__)).resolve().parents[1]) for module in (h5py, np)}
    command = [sys.executable, "-I", str(hdf5_tree.__file__), os.path.abspath(path), *sorted(homes)]
    # threads take address space
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=MOST_SECONDS,
            cwd=Path(str(hdf5_tree.__file__)).parent,
            env=os.environ | single,
            check=True,
        )
        told = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        raise DataError(
            f"{path} is damaged: the HDF5 library cannot read it in {MOST_SECONDS} s and 2 GB"
        ) from None
    if "error" in told:
        raise DataError(f"{path} is damaged or no HDF5 file: {told['error']}")
    return [str(text) for text in told["lines"]]


def _chunks(values: NDArray[Any]) -> tuple[int, ...]:
    """Rows of about CHUNK_BYTES together; a single long row is cut."""
    row = max(int(np.prod(values.shape[1:])) * values.itemsize, 1)
    if row <= CHUNK_BYTES or values.ndim == 1:
        return (min(max(CHUNK_BYTES // row, 1), values.shape[0]), *values.shape[1:])
    return (1, *_chunks(values[0]))


def _reason(error: BaseException) -> str:
    """The first line of what went wrong, without the addresses and internals that follow it."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return text.splitlines()[0].strip()[:200] if text.strip() else type(error).__name__
