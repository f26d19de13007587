"""Processes that work for another one, and end when that one ends."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any, Final

from potentia import process

LOOK: Final = 0.25  # [s] between two looks whether the parent lives
GRACE: Final = 5.0  # [s] for what was begun to say how it ended

_watched: set[int] = set()  # parents


@contextlib.contextmanager
def working_for(parent: int) -> Iterator[None]:
    """Work for the process `parent`, as long as that lives.

    Where it dies, whatever way, a KeyboardInterrupt ends the work, and the process. Nothing happens
    where the parent itself does the work.
    """
    if os.getpid() == parent:
        yield
        return
    signal.signal(signal.SIGTERM, _interrupt)
    if parent not in _watched:
        _watched.add(parent)
        threading.Thread(target=_watch, args=(parent,), name="parent", daemon=True).start()
    try:
        if os.getppid() != parent:
            raise KeyboardInterrupt
        with process.arriving(lambda: signal.SIGTERM):
            yield
    except KeyboardInterrupt:
        if os.getppid() != parent:
            os._exit(128 + signal.SIGTERM)
        raise


def _watch(parent: int) -> None:
    """Wait for the parent to die, then end this process, gently at first."""
    while os.getppid() == parent:
        time.sleep(LOOK)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE)
    os._exit(128 + signal.SIGTERM)


def _interrupt(number: int, frame: Any) -> None:
    raise KeyboardInterrupt
