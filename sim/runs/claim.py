"""New folders for runs: each belongs to one run and appears with all of its first files in it."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from ...errors import DataError
from ..disk import atomic
from ..disk.lock import FolderLock
from ..hdf5 import hdf5

RECORD: Final = "run.json"
# in a folder of runs that belong together, see `experiments/framework/sweep.py`
SWEEP: Final = "sweep.json"
LOCK: Final = ".run.lock"
# nobody knows a folder by this name
HIDDEN: Final = re.compile(r"\.([A-Za-z0-9_-]+)\.[a-z0-9_]{8}\.part")
BUSY: Final = "holds a run that is still running"


def claim(base: Path, experiment: str, files: Mapping[str, bytes]) -> tuple[Path, FolderLock]:
    """Make a folder that did not exist before, with these files in it, and lock it.

    It is called ``<base>/<experiment>-<stamp>``. It gets its name when all files are written, so
    nobody sees it without them. Raises DataError.
    """
    made = atomic.make_folder(base)
    try:
        sweep(base)
        name = re.sub(r"[^A-Za-z0-9_-]+", "-", experiment)
        hidden, held = _hidden(base, name)
        try:
            for file, content in files.items():
                hdf5.write_file(hidden / file, content)
            folder = _publish(hidden, name)
        except BaseException:
            _remove(hidden, held)
            raise
        held.moved(folder)
        return folder, held
    except DataError as error:
        atomic.unmake(made)
        raise DataError(HIDDEN.sub(r"\1", str(error))) from None
    except BaseException:
        atomic.unmake(made)
        raise


def sweep(base: Path) -> None:
    """Remove the folders of runs that were killed before their folders had names."""
    for folder in list(base.iterdir()):
        if atomic.PART.fullmatch(folder.name) and folder.is_dir() and not folder.is_symlink():
            try:
                held = FolderLock(folder, LOCK, BUSY, patience=0.0)
            except DataError:  # a run that has only just begun
                continue
            _remove(folder, held)


def _hidden(base: Path, name: str) -> tuple[Path, FolderLock]:
    """A new and locked folder with a temporary name."""
    while True:
        try:
            folder = Path(tempfile.mkdtemp(dir=base, prefix=f".{name}.", suffix=".part"))
        except OSError as error:
            raise DataError(f"{base / name} cannot be made: {error.strerror or error}") from None
        try:
            held = FolderLock(folder, LOCK, BUSY)
        except DataError:
            if not folder.exists():  # another run took it for one that was left by a dead one
                continue
            atomic.unmake([folder])
            raise
        folder.chmod(0o777 & ~atomic.umask())
        return folder, held


def _publish(hidden: Path, name: str) -> Path:
    """Give a folder its final name, with a number if that name is taken."""
    base, stamp = hidden.parent, datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    for number in range(1, 10_000):
        folder = base / (f"{name}-{stamp}" + (f"-{number}" if number > 1 else ""))
        if folder.exists():
            continue
        try:
            hidden.rename(folder)
        except OSError as error:
            if folder.exists():  # since a moment ago
                continue
            raise DataError(f"{folder} cannot be made: {error.strerror or error}") from None
        atomic.sync(base)
        return folder
    raise DataError(f"{base} has no room for another run of {name} in this second")


def _remove(folder: Path, held: FolderLock) -> None:
    """Remove a folder that never got its name.

    It stays if it holds something that `claim` did not put there.
    """
    atomic.sweep(folder)
    for name in (RECORD, SWEEP):
        (folder / name).unlink(missing_ok=True)
    held.release()
    atomic.unmake([folder])
