"""A list of calls as machine code, on one thread or several.

It is entry addresses, table rows and the loop.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from functools import partial
from itertools import groupby
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...errors import NetworkError
from ..cores import SideBySide
from ..led import Led
from . import barrier, binding, loop, nap
from .fingerprint import is_own
from .refusal import refusal
from .verdict import tell

AGAIN: Final = 32  # chunks after which the slower way, one thread or several, is tried again
# several threads are kept while their time is at most so many times that of one
SLACK: Final = 1.02


class Chunk:
    """The threads that run one chunk. None begins before all have started, since they wait for one
    another.

    They are started by a thread other than the main one: only the main thread is interrupted, and
    an interrupt between the starts of two threads would leave the first waiting for ever.
    """

    def __init__(self, threads: int, arguments: tuple[Any, ...]) -> None:
        self._threads, self._arguments = threads, arguments
        self._running = threading.Lock()
        self._decided, self._cancelled, self._goes = threading.Event(), False, False
        self._cores = SideBySide()

    def run(self) -> int:
        """Run all threads, unless cancelled before; return the first step not run."""
        with self._running:
            try:
                others = [Led(partial(self._follow, thread)) for thread in range(1, self._threads)]
                self._goes = not self._cancelled
            except RuntimeError:  # no new threads: Python is about to end
                pass
            if self._goes:
                self._cores.settle()
            self._decided.set()
            if not self._goes:
                return 0
            reached = int(loop.advance_thread(0, *self._arguments))
            for other in others:
                other.result()
            return reached

    def cancel(self) -> None:
        """Do not begin, or wait until it is over."""
        self._cancelled = True
        with self._running:
            pass

    def _follow(self, thread: int) -> None:
        self._decided.wait()
        if self._goes:
            self._cores.settle()
            loop.advance_thread(thread, *self._arguments)


class Program:
    """Calls compiled for the CPU; see `kernels/backend.py` for the meaning of the arguments.

    The table holds addresses into the callers' arrays, so those must stay alive and in place. With
    several, every thread runs the loop over all steps of a chunk and meets the others after each
    stage. On a machine with other work, where threads wait for cores, one thread is faster: each
    chunk goes the way that was faster of late.
    """

    def __init__(
        self, calls: Sequence[Any], clockwork: Any, precision: str, threads: int = 1
    ) -> None:
        calls, self._stages = _staged(calls, threads)
        self._calls, self._clockwork = calls, clockwork
        entries, rows = [], []
        self._verdicts = {
            k: np.zeros(2, np.int64) for k, call in enumerate(calls) if is_own(call.kernel)
        }
        for k, call in enumerate(calls):
            function = getattr(call.kernel, "py_func", call.kernel)
            names = list(function.__code__.co_varnames[: function.__code__.co_argcount])
            arguments = {name: call.arguments[name] for name in names if name != "step"}
            entries.append(_entry(call, names, arguments, precision))
            rows.append(binding.row(arguments, call.returns, self._verdicts.get(k)))
        self._table = np.array([word for row in rows for word in row], np.int64)
        starts = np.cumsum([0] + [len(row) for row in rows[:-1]]) if rows else np.zeros(0, np.int64)
        self._masks = np.array([call.every - 1 for call in calls], np.int64)
        self._all_due = int(np.bitwise_or.reduce(self._masks, initial=0))
        addresses = [int(self._table.ctypes.data + 8 * start) for start in starts]
        self._naps = nap.Naps(calls, entries, addresses, self._all_due)
        self._entries, self._rows = self._naps.entries, self._naps.rows
        self._before = np.empty_like(clockwork.state)
        self._watch = np.array([0, 0, clockwork.patience], np.int64)
        self._threads = threads if len(self._stages) else 1
        # seconds per step of late, by number of threads; 0 for unknown
        self._pace = {
            1: 0.0,
            self._threads: 0.0,
        }
        self._chunks = 0
        self._meeting = np.zeros(barrier.WORDS, np.int64)
        self._shared = np.zeros(8 * (threads + 1), np.int64)
        self._chunk: Chunk | None = None

    def advance(self, step: int, stop: int) -> int:
        """Run from `step` up to `stop`, or until a buffer is full.

        Returns the first step not run.
        """
        threads = 1 if self._threads == 1 else self._choose()
        begin = time.perf_counter()
        reached = self._serial(step, stop) if threads == 1 else self._parallel(step, stop)
        self._pace[threads] = (time.perf_counter() - begin) / max(reached - step, 1)
        for k, verdict in self._verdicts.items():
            call = self._calls[k]
            tell(
                verdict, np.size(call.arguments.get("fired", ())), call.owner, call.kernel.__name__
            )
        return reached

    def collect(self) -> None:
        """Nothing to do: kernels work on the arrays themselves."""

    def halt(self) -> None:
        """Wait until no thread is left at work on a chunk that was broken off."""
        if self._chunk is not None:
            self._chunk.cancel()

    def _choose(self) -> int:
        """How many threads to run the next chunk with."""
        self._chunks += 1
        if not self._pace[self._threads]:
            return self._threads
        if not self._pace[1]:
            # nobody waited: no need to try one thread
            return 1 if self._meeting[barrier.LATE] else self._threads
        faster, slower = (
            (self._threads, 1)
            if self._pace[self._threads] <= SLACK * self._pace[1]
            else (1, self._threads)
        )
        return slower if self._chunks % AGAIN == 0 else faster

    def _serial(self, step: int, stop: int) -> int:
        return int(loop.advance(self._entries, self._rows, self._masks, step, stop, *self._rest()))

    def _parallel(self, step: int, stop: int) -> int:
        self._meeting[:] = 0
        self._shared[:2] = step
        own = (
            self._stages,
            self._meeting.ctypes.data,
            self._shared.ctypes.data,
            self._entries,
            self._rows,
        )
        arguments = (*own, self._masks, stop, *self._rest())
        self._chunk = Chunk(self._threads, arguments)  # before it starts, so that it can be halted
        return Led(self._chunk.run).result()

    def _rest(self) -> tuple[Any, ...]:
        clockwork = self._clockwork
        return (
            clockwork.upcoming,
            clockwork.pause,
            clockwork.state.ctypes.data,
            self._before.ctypes.data,
            clockwork.state.size // 4,
            self._watch,
            self._all_due,
        )


def _entry(call: Any, names: list[str], arguments: dict[str, Any], precision: str) -> int:
    """The address of the entry of a call.

    Raises NetworkError for a user's own kernel that cannot be compiled.
    """
    try:
        return binding.entry(call.kernel, names, arguments, call.returns is not None, precision)
    except Exception as error:
        if not is_own(call.kernel):
            raise
        why = refusal(call.kernel, names, arguments, precision, error)
    raise NetworkError(f"{call.owner}: kernel {call.kernel.__name__} {why}")


def _staged(calls: Sequence[Any], threads: int) -> tuple[list[Any], NDArray[np.int64]]:
    """Calls in stages, and where each thread's calls of a stage begin (n_stages, n_threads + 1).

    Neighbours that belong to threads are one stage, in which each thread makes its own calls in
    order; the others are stages of thread 0. The last stage is always one of these.
    """
    if threads == 1 or all(call.thread is None for call in calls):
        return list(calls), np.zeros((0, threads + 1), np.int64)
    ordered: list[Any] = []
    stages = []
    for together, group in groupby(calls, key=lambda call: call.thread is not None):
        members = list(group)
        edges = [len(ordered)]
        for thread in range(threads):
            ordered += [call for call in members if (call.thread or 0) == thread]
            edges.append(len(ordered))
        stages.append(edges)
        last_together = together
    if last_together:
        stages.append([len(ordered)] * (threads + 1))
    return ordered, np.array(stages, np.int64)
