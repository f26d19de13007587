"""Files that appear whole or not at all; what killed writers left is removed."""

from __future__ import annotations

import contextlib
import os
import re
import stat
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Final, cast

from ...errors import DataError
from . import lock

# the name of a file or folder until it is whole
PART: Final = re.compile(r"\.(.+)\.[a-z0-9_]{8}\.part")
# [s]: a temporary file of this age may belong to another writer who is still at work
YOUNG: Final = 60.0


@contextlib.contextmanager
def writing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A file to write to, which becomes `path` in one move.

    The steps are: temporary file, fsync, rename, fsync of the folder. Whatever goes wrong, what
    stood at `path` before is still there. Raises DataError, also for a device or a pipe, which would
    be replaced by a file.
    """
    path = Path(path)
    _check_replaceable(path)
    sweep(path.parent, path.name, youngest=YOUNG)
    temporary = None
    try:
        handle, temporary = tempfile.mkstemp(
            dir=path.parent, prefix=f".{path.name}.", suffix=".part"
        )
        with open(handle, "w+b") as file:
            lock.mark(handle)
            yield cast(BinaryIO, file)
            file.flush()
            os.fsync(handle)
            os.chmod(temporary, 0o666 & ~umask())
        move(temporary, path)
        temporary = None
    except DataError:
        raise
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror or error}") from None
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)


def _check_replaceable(path: Path) -> None:
    try:
        mode = os.lstat(path).st_mode
    except (OSError, ValueError):  # which opening it will tell
        return
    if not (stat.S_ISREG(mode) or stat.S_ISLNK(mode) or stat.S_ISDIR(mode)):
        raise DataError(f"{path} cannot be written: it is a device, a pipe or a socket, no file")


def move(source: str | os.PathLike[str], target: str | os.PathLike[str]) -> None:
    """Let `source` replace `target`, durably."""
    os.replace(source, target)
    sync(Path(target).parent)


def sync(folder: Path) -> None:
    """Make renames in `folder` durable, even if the machine fails now."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def sweep(folder: Path, name: str | None = None, *, youngest: float = 0.0) -> None:
    """Remove temporary files that killed writers left in a folder.

    They are those of the file `name`, or of any file. youngest [s]: younger ones stay, and so do
    those that a living process is writing.
    """
    with contextlib.suppress(OSError):
        for entry in list(os.scandir(folder)):
            match = PART.fullmatch(entry.name)
            if (
                match is None
                or name not in (None, match[1])
                or not entry.is_file(follow_symlinks=False)
            ):
                continue
            with contextlib.suppress(OSError):
                old = time.time() - entry.stat().st_mtime >= youngest
                if old and not lock.marked(Path(entry.path)):
                    os.unlink(entry.path)


def make_folder(folder: Path) -> list[Path]:
    """Make `folder` and missing parents; return the folders made, the innermost first.

    Raises DataError.
    """
    missing = [place for place in (folder, *folder.parents) if not os.path.exists(place)]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        unmake(missing)
        raise DataError(f"{folder} cannot be made a folder: {error.strerror or error}") from None
    return missing


def unmake(folders: Sequence[Path]) -> None:
    """Remove those of the folders that are empty."""
    for folder in folders:
        with contextlib.suppress(OSError):
            folder.rmdir()


def umask() -> int:
    """The permissions that new files do not get."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
