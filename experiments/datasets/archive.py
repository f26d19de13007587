"""Archives of arrays (.npz) that somebody else may have made.

They are read with nothing pickled, and in bounded memory.
"""

from __future__ import annotations

import zipfile
from collections.abc import Collection
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
from numpy.typing import NDArray

from potentia.errors import DataError
from potentia.sim.disk.files import open_regular

MOST_BYTES: Final = 1 << 30  # of all arrays together


def read_arrays(
    path: Path, names: Collection[str], *, most: int = MOST_BYTES
) -> dict[str, NDArray[Any]]:
    """The arrays `names` of an archive. Raises DataError where one is missing or all take more than
    `most` bytes.

    Damage can raise any error of any layer: zip, deflate, header.
    """
    with open_regular(path, follow=True) as handle:
        if not zipfile.is_zipfile(handle):
            raise DataError("it is no .npz archive, or not all of one")
        handle.seek(0)
        return _read(handle, names, most)


def _read(handle: IO[bytes], names: Collection[str], most: int) -> dict[str, NDArray[Any]]:
    """The arrays `names` of an archive that is open."""
    with np.load(handle, allow_pickle=False) as file:
        missing = set(names) - set(file.files)
        if missing:
            raise DataError(f"it has no array {min(missing)!r}")
        if sum(part.file_size for part in file.zip.infolist()) > most:
            raise DataError(f"its arrays take more than {most:,} bytes")
        for name in names:
            _check_size(file, name)
        return {name: file[name] for name in names}


def _check_size(file: Any, name: str) -> None:
    """Raise DataError where an array declares more than is stored of it.

    numpy makes room for what it declares first.
    """
    part = file.zip.getinfo(f"{name}.npy")
    with file.zip.open(part) as stream:
        version = np.lib.format.read_magic(stream)
        read = (
            np.lib.format.read_array_header_1_0
            if version == (1, 0)
            else np.lib.format.read_array_header_2_0
        )
        shape, _, dtype = read(stream)
    declared = int(np.prod(shape, dtype=object)) * dtype.itemsize
    if declared > part.file_size or min(shape, default=0) < 0:
        raise DataError(
            f"its array {name!r} declares {declared:,} bytes and stores {part.file_size:,}"
        )
