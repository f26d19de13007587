"""Work in another thread, so that Ctrl-C does no harm.

The main thread waits for it within single calls into C. Interrupts reach the main thread only. The
conditions, events, futures and bounded queues of Python are written in Python: an interrupt between
two of their lines can leave a lock taken for ever or come out as another error. So threads are
started, and waited for, by functions of C here.
"""

from __future__ import annotations

import _thread
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Final, Generic, TypeVar

T = TypeVar("T")

# [s] between two checks whether the work is over; an interrupt may have lost the message
PAUSE: Final = 0.1


class Led(Generic[T]):
    """`work` done by a new thread, which does not keep Python from ending.

    over: whether the work has ended; error: the exception in which it ended, if any.
    """

    def __init__(self, work: Callable[[], T]) -> None:
        self.over = False
        self._told: SimpleQueue[None] = SimpleQueue()
        self.error: BaseException | None = None
        self._value: T
        _thread.start_new_thread(self._lead, (work,))

    def wait(self) -> None:
        """Wait until the work is over, however it ended."""
        while not self.over:
            try:
                self._told.get(timeout=PAUSE)
            except Empty:
                continue

    def result(self) -> T:
        """Wait, then return what the work returned or raise what it raised."""
        self.wait()
        if self.error is not None:
            raise self.error
        return self._value

    def _lead(self, work: Callable[[], T]) -> None:
        try:
            self._value = work()
        except BaseException as error:  # whatever it is, it is raised where somebody waits
            self.error = error
        self.over = True
        self._told.put(None)
