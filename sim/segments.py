"""Writing records while a simulation runs: sealed segments, off the hot path, merged at the end."""

from __future__ import annotations

import os
import queue
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from ..errors import DataError
from . import hdf5, snapshot, storage
from .recording import State
from .result import Result
from .snapshot import Snapshot

MOST_BYTES: Final = 1 << 26  # per segment
MOST_SECONDS: Final = 10.0  # between segments, as far as there is something to write
CHECKPOINT_SECONDS: Final = 60.0  # between checkpoints
CHECKPOINTS: Final = ("checkpoint-1.snapshot", "checkpoint-2.snapshot")  # one of them is whole at any time
SAME_TIME: Final = 1e-9  # [s]: far below the length of a segment
LEAST_FREE: Final = 1 << 24  # bytes on the disk before a run may begin
WAITING: Final = 4  # pieces: beyond this the simulation waits for the disk


class Segments:
    """A folder into which a thread writes pieces of a result as ``seg-0001.h5``, ``seg-0002.h5`` ...

    Each segment is a sealed file of results of its own span, so whatever happens to the run, what was sealed
    stays readable: ``Result.load(folder)``. Now and then the state at the end of a segment joins it as a checkpoint.
    present: describes the simulation of a state. The folder must be writable and hold no results yet, but where
    `resume` takes up the run that left them; DataError.
    """

    def __init__(
        self, folder: str | os.PathLike[str], present: Callable[[Mapping[str, Any]], Snapshot], *, resume: bool = False
    ) -> None:
        self.folder, self.present = Path(folder), present
        self.sealed = 0
        self._only: Result | None = None  # the first piece, until there is another
        self._pieces = 0
        self._kept = 0  # checkpoints
        self._failure: DataError | None = None
        self._queue: queue.Queue[tuple[Result, Snapshot | None] | None] = queue.Queue(WAITING)
        _prepare(self.folder, resume=resume)
        self.state = self._resumed() if resume else None
        self._last = self._last_kept = time.monotonic()
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
        passed = time.monotonic() - self._last
        return n_bytes >= MOST_BYTES or passed > (MOST_SECONDS if n_bytes else CHECKPOINT_SECONDS)

    def put(self, piece: Result, state: State | None = None) -> None:
        """Hand over the next piece and the `state` at its end. Raises DataError if an earlier one was not written."""
        self._check()
        self._last = time.monotonic()
        self._only = piece if self._pieces == 0 else None
        self._pieces += 1
        kept = None
        if state is not None and self._last - self._last_kept >= CHECKPOINT_SECONDS:
            self._last_kept, kept = self._last, self.present(state())
        self._queue.put((piece, kept))

    def merge(self) -> Result:
        """The whole result, saved as results.h5 in place of the segments."""
        result = storage.load_result(self.folder) if self._only is None else self._only
        if self.sealed == 1:
            self._path(1).replace(self.folder / storage.RESULTS)
        else:
            storage.save_result(result, self.folder)
        for path in (*map(self._path, range(1, self.sealed + 1)), *(self.folder / name for name in CHECKPOINTS)):
            path.unlink(missing_ok=True)
        return result

    def _work(self) -> None:
        while (item := self._queue.get()) is not None:
            piece, kept = item
            if self._failure is None:
                try:
                    storage.save_result(piece, self._path(self.sealed + 1))
                    self.sealed += 1
                    if kept is not None:
                        snapshot.save(self.folder / CHECKPOINTS[self._kept % 2], kept)
                        self._kept += 1
                except DataError as error:
                    self._failure = error

    def _resumed(self) -> Mapping[str, Any] | None:
        """The state of the later checkpoint; segments of what comes after it are removed, all if there is none."""
        found = [checkpoint for name in CHECKPOINTS if (checkpoint := self._checkpoint(name)) is not None]
        latest = max(found, key=lambda checkpoint: checkpoint[0], default=None)
        for path in sorted(self.folder.glob(storage.SEGMENTS)):
            if latest is None or storage.span(path)[1] > latest[0] + SAME_TIME:
                path.unlink()
            else:
                self.sealed += 1
        if latest is None:
            return None
        self._pieces, self._kept = self.sealed, 1 - CHECKPOINTS.index(latest[1])
        return latest[2]

    def _checkpoint(self, name: str) -> tuple[float, str, Mapping[str, Any]] | None:
        """Time [s], file and state of a checkpoint; None where it is missing or was not written to its end."""
        try:
            saved = snapshot.load(self.folder / name)
        except DataError:
            return None
        if not snapshot.same(saved, self.present(saved.state)):
            raise DataError(f"{self.folder / name} is a checkpoint of another simulation; choose another folder")
        with snapshot.blaming(self.folder / name):
            return saved.time, name, saved.state

    def _check(self) -> None:
        if self._failure is not None:
            kept = f"the {self.sealed} segments sealed before are kept" if self.sealed else "nothing was sealed before"
            raise DataError(f"{self._failure}; the run was stopped, {kept}")

    def _path(self, number: int) -> Path:
        return self.folder / f"seg-{number:04d}.h5"


def _prepare(folder: Path, *, resume: bool) -> None:
    """Find out before the simulation starts whether `folder` can take its records."""
    storage.make_folder(folder)
    if (folder / storage.RESULTS).exists() or (not resume and any(folder.glob(storage.SEGMENTS))):
        raise DataError(f"{folder} holds results already; choose another folder")
    trial = folder / ".trial"
    hdf5.write_file(trial, b"\0" * 4096)
    trial.unlink(missing_ok=True)
    free = shutil.disk_usage(folder).free
    if free < LEAST_FREE:
        raise DataError(f"{folder} has only {free:,} bytes left on its disk; at least {LEAST_FREE:,} are needed")
