"""Work that another thread does, for which the main thread, which interrupts reach, waits within single calls into C.

The conditions, events, futures and bounded queues of Python are themselves written in Python: an interrupt between two
of their lines leaves a lock taken for ever or comes out as another error. Threads are started and told of in C here.
"""

from __future__ import annotations

import _thread
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Final, Generic, TypeVar

T = TypeVar("T")

PAUSE: Final = 0.1  # [s] between two looks whether work is over of whose end an interrupt swallowed the word


class Led(Generic[T]):
    """`work` as a thread of its own does it, from now on; it does not keep Python from ending.

    over: whether it has come to its end, and error: the one in which it ended, if any.
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
