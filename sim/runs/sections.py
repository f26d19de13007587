"""Writing records while a simulation runs: sealed sections, off the hot path, merged at the end."""

from __future__ import annotations

import hashlib
import os
import queue
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np

from ...errors import DataError, PotentiaError
from ...kernels.led import Led
from ..description import serialise as description
from ..disk import atomic
from ..disk.lock import FolderLock
from ..operators.signals import match_names
from ..results import chain, storage
from ..results.result import Result
from ..results.sink import State
from . import snapshot, stop
from .snapshot import Snapshot

MOST_BYTES: Final = 1 << 26  # per section
MOST_SECONDS: Final = 10.0  # between sections, as far as there is something to write
CHECKPOINT_SECONDS: Final = 60.0  # between checkpoints
# one of them is whole at any time
CHECKPOINTS: Final = (
    "checkpoint-1.snapshot",
    "checkpoint-2.snapshot",
)
LEAST_FREE: Final = 1 << 24  # bytes on the disk before a run may begin
# sections that may wait to be written; beyond this the simulation waits for the disk
WAITING: Final = 4
LOCK: Final = ".records.lock"
TRIAL: Final = ".trial"
LOOK: Final = 0.05  # [s] between two checks whether the run still lasts


class Sections:
    """A folder into which a thread writes the records of a run, section by section.

    A section is a file ``seg-0001.h5``, ``seg-0002.h5`` ...

    Each file is sealed and holds the records of its own span of time, so whatever happens to the
    run, what was sealed stays readable: ``Result.load(folder)``. Now and then the state at the end
    of a section is saved as a checkpoint. present: makes a snapshot of a state, None being that of
    now; span: begin and end of the run [s]. Raises DataError unless the folder is writable, not in
    use by another run, and without results, except where `resume` continues the run that left them.

    lasts: a function, such as a weak reference to the run's turn, that returns None once the run is
    over; if it returns None from the beginning, it is not asked again.

    state: the arrays from which to continue; None to begin anew. complete: the result, if the run
    was done already.

    The thread, which interrupts do not reach, takes the folder's lock and releases it, at the
    latest soon after the run.

    Where `stop.ask` asks for it, the run ends in a KeyboardInterrupt once a checkpoint of the
    moment is written.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        present: Callable[[Mapping[str, Any] | None], Snapshot],
        span: tuple[float, float],
        *,
        resume: bool = False,
        lasts: Callable[[], Any] = object,
    ) -> None:
        self.folder, self.present, self.span, self.lasts = Path(folder), present, span, lasts
        self._watched = lasts() is not None
        self.run = _identity(present({}))
        self.sealed = 0
        self.state: Mapping[str, Any] | None = None
        self.complete: Result | None = None
        self._only: Result | None = None  # the first section, until there is another
        self._count = 0
        self._kept = 0  # checkpoints
        self._digest: str | None = None  # of the section sealed last
        self._failure: BaseException | None = None
        self._queue: queue.SimpleQueue[tuple[Result, Snapshot | None] | None] = queue.SimpleQueue()
        # a token for each section that may wait
        self._room: queue.SimpleQueue[None] = queue.SimpleQueue()
        for _ in range(WAITING):
            self._room.put(None)
        self._last = self._last_kept = time.monotonic()
        # tells when the folder is, or is refused
        self._locked: queue.SimpleQueue[None] = queue.SimpleQueue()
        made = atomic.make_folder(self.folder)
        try:
            self._writer = Led(self._work)
            self._locked.get()
            if self._failure is not None:
                raise self._failure
            self._open(resume=resume)
        except BaseException:
            if hasattr(self, "_writer"):
                self._finish()
            atomic.unmake(made)
            raise

    def __enter__(self) -> Self:
        stop.begin(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        asked = stop.asked()
        try:
            self._finish()
        finally:
            stop.end(self)
        if error is None:
            self._check()
            if asked:
                raise KeyboardInterrupt

    def wants(self, n_bytes: int) -> bool:
        """Whether records of `n_bytes` should be handed over as a section now."""
        passed = time.monotonic() - self._last
        late = passed > (MOST_SECONDS if n_bytes else CHECKPOINT_SECONDS)
        return n_bytes >= MOST_BYTES or late or self._failure is not None or stop.asked()

    def put(self, section: Result, state: State | None = None) -> None:
        """Hand over the next section and the `state` at its end.

        Raises an error if an earlier one was not written.
        """
        self._check()
        self._last = time.monotonic()
        self._only = section if self._count == 0 else None
        self._count += 1
        kept, stopping = None, state is not None and stop.asked()
        if state is not None and (stopping or self._last - self._last_kept >= CHECKPOINT_SECONDS):
            self._last_kept, kept = self._last, self.present(state())
        self._room.get()
        self._queue.put((section, kept))
        if stopping:
            raise KeyboardInterrupt

    def merge(self) -> Result:
        """The whole result, saved as results.h5, which appears in one move.

        Only then are the sections removed.
        """
        for _ in range(WAITING):  # with all tokens taken, no section waits to be written
            self._room.get()
        self._check()
        results = self.folder / storage.RESULTS
        if self._only is not None:
            result = self._only
            atomic.move(self._path(1), results)
        else:
            result = Result.of(storage.join_sections(self.folder))
            storage.write_result(result, results, place={"run": self.run})
        self._clear()
        return result

    def _open(self, *, resume: bool) -> None:
        """Check whether the folder can take its records, and find where to continue.

        This happens before the simulation starts.
        """
        _sweep(self.folder)
        if (self.folder / storage.RESULTS).exists():
            if not resume:
                raise DataError(f"{self.folder} holds results already; choose another folder")
            self.complete = self._loaded()
            self._clear()
            return
        left = [*chain.sections(self.folder), *_checkpoints(self.folder)]
        if left and not resume:
            raise DataError(
                f"{self.folder} holds results already, of a run that broke off; go on with resume=True or choose "
                f"another folder"
            )
        _try_disk(self.folder)
        if resume:
            self.state = self._resumed()

    def _loaded(self) -> Result:
        """The results in the folder, if they are of this run. Raises DataError."""
        path = self.folder / storage.RESULTS
        place = chain.link(path)
        same = all(_close(*pair) for pair in zip((place.start, place.stop), self.span, strict=True))
        if not same or place.run not in (None, self.run):
            other = (
                "of another simulation" if same else f"from {place.start:g} s to {place.stop:g} s"
            )
            raise DataError(f"{self.folder} holds results already, {other}; choose another folder")
        return Result.of(storage.load_result(path))

    def _work(self) -> None:
        """Hold the lock and write sections, until told to end.

        It also ends when the run is over without a word.
        """
        try:
            lock = FolderLock(self.folder, LOCK, "holds the records of a run that still goes on")
        except BaseException as error:
            self._failure = error
            return
        finally:
            self._locked.put(None)
        try:
            while (item := self._next()) is not None:
                try:
                    if self._failure is None:
                        self._write(*item)
                except BaseException as error:
                    self._failure = error  # whatever it is, it is raised in the thread that runs
                finally:
                    self._room.put(None)
        finally:
            lock.release()

    def _next(self) -> tuple[Result, Snapshot | None] | None:
        """The next section to write; None at the end."""
        while True:
            try:
                return self._queue.get(timeout=LOOK)
            except queue.Empty:
                if self._watched and self.lasts() is None:
                    return None

    def _write(self, section: Result, kept: Snapshot | None) -> None:
        place: dict[str, int | str] = {"segment": self.sealed + 1, "run": self.run}
        if self._digest is not None:
            place["follows"] = self._digest
        self._digest = storage.write_result(section, self._path(self.sealed + 1), place=place)
        self.sealed += 1
        if kept is not None:
            snapshot.save(self.folder / CHECKPOINTS[self._kept % 2], kept)
            self._kept += 1

    def _finish(self) -> None:
        """Wait until all is written and the folder is free again.

        The first Ctrl-C waits too and is raised then; a second one gives up at once.
        """
        interrupt: KeyboardInterrupt | None = None
        while not self._writer.over:
            try:
                self._queue.put(None)
                self._writer.wait()
            except KeyboardInterrupt as error:
                if interrupt is not None:
                    raise
                interrupt = error
        if interrupt is not None:
            raise interrupt

    def _resumed(self) -> Mapping[str, Any] | None:
        """The state of the later checkpoint.

        Sections after it are removed, all of them if there is no checkpoint.
        """
        found = [
            checkpoint for name in CHECKPOINTS if (checkpoint := self._checkpoint(name)) is not None
        ]
        latest = max(found, key=lambda checkpoint: checkpoint[0], default=None)
        paths, row = chain.sections(self.folder), chain.Chain(self.folder)
        for path in paths:
            row.add(path, chain.link(path))
        self._check_row(row)
        reached = self.span[0] if latest is None else latest[0]
        kept = (
            []
            if latest is None
            else [link for link in row.links if link.stop <= reached + chain.SAME_TIME]
        )
        if latest is not None and not (kept and _close(kept[-1].stop, reached)):
            raise DataError(
                f"{self.folder} is refused: its sections do not reach {reached:g} s, where {latest[1]} stands; "
                f"{chain.name(len(kept) + 1)} is missing"
            )
        # from the end, so that no gap is left whatever happens
        for path in reversed(paths[len(kept) :]):
            path.unlink()
        self.sealed = self._count = len(kept)
        if latest is None:
            return None
        self._digest, self._kept = kept[-1].digest, 1 - CHECKPOINTS.index(latest[1])
        return latest[2]

    def _check_row(self, row: chain.Chain) -> None:
        """Raise DataError unless the sections are of this simulation and begin where it stands."""
        for link in row.links[:1]:
            if link.run not in (None, self.run):
                raise DataError(
                    f"{self.folder} holds the sections of another simulation; choose another folder"
                )
            if not _close(link.start, self.span[0]):
                raise DataError(
                    f"{self.folder} holds the sections of a run from {link.start:g} s on, and this simulator stands "
                    f"at {self.span[0]:g} s; choose another folder"
                )

    def _checkpoint(self, name: str) -> tuple[float, str, Mapping[str, Any]] | None:
        """Time [s], file and state of a checkpoint; None if it is missing or incomplete."""
        path = self.folder / name
        try:
            saved = snapshot.load(path)
        except DataError:
            return None
        if not snapshot.same(saved, here := self.present(saved.state)):
            other = f"another simulation{snapshot.option_apart(saved, here)}"
            raise DataError(f"{path} is a checkpoint of {other}; choose another folder")
        with snapshot.blaming(path, saved.version):
            match_names(self.present(None).state, saved.state)
            return saved.time, name, saved.state

    def _clear(self) -> None:
        """Remove the files that results.h5 replaces."""
        _remove(reversed(chain.sections(self.folder)))
        _remove(_checkpoints(self.folder))
        _sweep(self.folder)

    def _check(self) -> None:
        failure = self._failure
        if failure is None:
            return
        kept = (
            f"the {self.sealed} sections sealed before are kept"
            if self.sealed
            else "nothing was sealed before"
        )
        told = f"the run was stopped, {kept}"
        if isinstance(failure, PotentiaError):
            raise type(failure)(f"{failure}; {told}") from failure
        what = f"{type(failure).__name__} {failure!s:.200}".strip()
        raise DataError(
            f"{self._path(self.sealed + 1)} could not be written: {what}; {told}"
        ) from failure

    def _path(self, number: int) -> Path:
        return self.folder / chain.name(number)


def _identity(saved: Snapshot) -> str:
    """A digest of what is simulated and how.

    Raises UnsupportedError for a description that cannot be saved.
    """
    description.check_savable(saved.network)
    text, arrays = saved.identity()
    summary = hashlib.blake2b(text, digest_size=16)
    for name, array in sorted(arrays.items()):
        summary.update(f"{name} {array.dtype.str} {array.shape}".encode())
        summary.update(np.ascontiguousarray(array).data)
    return summary.hexdigest()


def _try_disk(folder: Path) -> None:
    """Raise DataError where the disk is full or may not be written to."""
    with atomic.writing(folder / TRIAL) as file:
        file.write(b"\0" * 4096)
    _remove([folder / TRIAL])
    free = shutil.disk_usage(folder).free
    if free < LEAST_FREE:
        raise DataError(
            f"{folder} has only {free:,} bytes left on its disk; at least {LEAST_FREE:,} are needed"
        )


def _checkpoints(folder: Path) -> list[Path]:
    return [path for path in (folder / name for name in CHECKPOINTS) if path.exists()]


def _sweep(folder: Path) -> None:
    """Remove temporary files that killed runs left here."""
    for path in list(folder.iterdir()):
        part = atomic.PART.fullmatch(path.name)
        if part is not None and (
            part[1] in (storage.RESULTS, TRIAL, *CHECKPOINTS) or chain.SECTION.fullmatch(part[1])
        ):
            atomic.sweep(folder, part[1])
    _remove([folder / TRIAL])


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _close(one: float, other: float) -> bool:
    return abs(one - other) <= chain.SAME_TIME + 1e-12 * abs(other)
