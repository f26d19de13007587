"""Opening files of strangers: only regular files, never through links in their folder.

A folder from outside may hold links to private files, pipes that nobody writes to, and devices
without end.
"""

from __future__ import annotations

import os
import stat
from io import BufferedReader
from pathlib import Path
from typing import Final

from ...errors import DataError

MOST_BYTES: Final = 1 << 36
WITHOUT_WAITING: Final = (
    getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_CLOEXEC", 0)
)
BINARY: Final = getattr(os, "O_BINARY", 0)
NO_LINK: Final = getattr(os, "O_NOFOLLOW", 0)


def open_regular(
    path: str | os.PathLike[str],
    *,
    most: int = MOST_BYTES,
    follow: bool = False,
    missing: str | None = None,
) -> BufferedReader:
    """A regular file of at most `most` bytes, open for reading. Raises DataError.

    follow: whether `path` may be a link, as a path from the user may; missing: the message where
    there is no file.
    """
    try:
        if not follow and os.path.islink(path):
            raise DataError(f"{path} is a link, which is not followed here")
        handle = os.open(path, os.O_RDONLY | WITHOUT_WAITING | BINARY | (0 if follow else NO_LINK))
    except FileNotFoundError:
        raise DataError(missing or f"{path} does not exist") from None
    except DataError:
        raise
    except (OSError, ValueError) as error:  # a path with a zero byte is a ValueError
        raise DataError(
            f"{path} cannot be read: {getattr(error, 'strerror', None) or error}"
        ) from None
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise DataError(f"{path} is not a file")
        if status.st_size > most:
            raise DataError(f"{path} is larger than {most:,} bytes")
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def read_regular(
    path: str | os.PathLike[str],
    *,
    most: int = MOST_BYTES,
    follow: bool = False,
    missing: str | None = None,
) -> bytes:
    """What a regular file of at most `most` bytes holds. Raises DataError; see `open_regular`."""
    with open_regular(path, most=most, follow=follow, missing=missing) as file:
        try:
            size = os.fstat(file.fileno()).st_size
            content = file.read(size + 1)
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error.strerror or error}") from None
    if len(content) != size:
        raise DataError(f"{path} was changed while it was read")
    return content


def members(folder: Path, pattern: str) -> list[Path]:
    """The regular files in a folder whose names match a pattern, sorted by name.

    Links and all else are left out.
    """
    return [
        path for path in sorted(folder.glob(pattern)) if path.is_file() and not path.is_symlink()
    ]
