"""On which cores threads run: side by side, as far as there are cores.

A new thread often begins on the core of the thread that started it. Two threads that wait for one
another are then slower than one, until the system moves one of them, which can take some hundredths
of a second.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import final


def _teller() -> Callable[[], int] | None:
    """The system's function that tells the core of the calling thread.

    None if the system has none, or if threads cannot be moved.
    """
    if not hasattr(os, "sched_setaffinity"):
        return None
    try:
        # it is too short to let another Python thread go first, which could move this one
        return ctypes.PyDLL(None).sched_getcpu
    except (OSError, AttributeError):
        return None


core = _teller()


@final
class SideBySide:
    """Threads of which each is to have a core of its own when it begins.

    taken: the cores on which those began that have settled.
    """

    def __init__(self) -> None:
        self.taken: set[int] = set()
        self._turn = threading.Lock()

    def settle(self) -> None:
        """Let the calling thread leave a core that another one has taken.

        It may use the same cores as before, so the system is free to move it again. Where there is
        no other core, or the system does not say, nothing happens.
        """
        if core is None:
            return
        with self._turn, suppress(OSError):
            if core() in self.taken:
                allowed = os.sched_getaffinity(0)
                if free := allowed - self.taken:
                    try:
                        os.sched_setaffinity(0, free)
                    finally:
                        os.sched_setaffinity(0, allowed)
            self.taken.add(core())
