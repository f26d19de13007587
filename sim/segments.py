"""Writing records while a simulation runs: sealed segments, off the hot path, merged at the end."""

from __future__ import annotations

import os
import queue
import shutil
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from ..errors import DataError
from . import hdf5, storage
from .result import Result

MOST_BYTES: Final = 1 << 26  # per segment
MOST_SECONDS: Final = 10.0  # between segments, as far as there is something to write
LEAST_FREE: Final = 1 << 24  # bytes on the disk before a run may begin
WAITING: Final = 4  # pieces: beyond this the simulation waits for the disk


class Segments:
    """A folder into which a thread writes pieces of a result as ``seg-0001.h5``, ``seg-0002.h5`` ...

    Each segment is a sealed file of results of its own span, so whatever happens to the run, what was sealed
    stays readable: ``Result.load(folder)``. The folder must be writable and hold no results yet; DataError.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self.sealed = 0
        self._only: Result | None = None  # the first piece, until there is another
        self._pieces = 0
        self._failure: DataError | None = None
        self._queue: queue.Queue[Result | None] = queue.Queue(WAITING)
        self._last = time.monotonic()
        _prepare(self.folder)
        self._thread = threading.Thread(target=self._work, name="segments", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._queue.put(None)
        self._thread.join()
        if error is None:
            self._check()

    def wants(self, n_bytes: int) -> bool:
        """Whether a piece of `n_bytes` should be handed over now."""
        return n_bytes >= MOST_BYTES or (n_bytes > 0 and time.monotonic() - self._last > MOST_SECONDS)

    def put(self, piece: Result) -> None:
        """Hand over the next piece. Raises DataError where an earlier one could not be written."""
        self._check()
        self._last = time.monotonic()
        self._only = piece if self._pieces == 0 else None
        self._pieces += 1
        self._queue.put(piece)

    def merge(self) -> Result:
        """The whole result, saved as results.h5 in place of the segments."""
        result = storage.load_result(self.folder) if self._only is None else self._only
        if self.sealed == 1:
            self._path(1).replace(self.folder / storage.RESULTS)
            return result
        storage.save_result(result, self.folder)
        for number in range(1, self.sealed + 1):
            self._path(number).unlink(missing_ok=True)
        return result

    def _work(self) -> None:
        while (piece := self._queue.get()) is not None:
            if self._failure is None:
                try:
                    storage.save_result(piece, self._path(self.sealed + 1))
                    self.sealed += 1
                except DataError as error:
                    self._failure = error

    def _check(self) -> None:
        if self._failure is not None:
            kept = f"the {self.sealed} segments sealed before are kept" if self.sealed else "nothing was sealed before"
            raise DataError(f"{self._failure}; the run was stopped, {kept}")

    def _path(self, number: int) -> Path:
        return self.folder / f"seg-{number:04d}.h5"


def _prepare(folder: Path) -> None:
    """Find out before the simulation starts whether `folder` can take its records."""
    storage.make_folder(folder)
    if (folder / storage.RESULTS).exists() or any(folder.glob(storage.SEGMENTS)):
        raise DataError(f"{folder} holds results already; choose another folder")
    trial = folder / ".trial"
    hdf5.write_file(trial, b"\0" * 4096)
    trial.unlink(missing_ok=True)
    free = shutil.disk_usage(folder).free
    if free < LEAST_FREE:
        raise DataError(f"{folder} has only {free:,} bytes left on its disk; at least {LEAST_FREE:,} are needed")
