"""The process of the command line: its streams, and the signals that end it. Nothing slow is imported here.

Until a command carries something out, a signal ends the process at once, with one line: there is nothing to put in
order. While one does (`interruptible`), a signal is raised as KeyboardInterrupt, so that whatever was begun says how
it ended, and then becomes `Stopped`.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class Stopped(Exception):
    """A signal ended a command. number: of the signal; told: what was begun says of it."""

    def __init__(self, number: int, told: list[str]) -> None:
        super().__init__(number)
        self.number, self.told = number, told


def leave(number: int, frame: Any = None) -> None:
    """End the process at once."""
    with contextlib.suppress(OSError):
        os.write(2, b"potentia: interrupted\n")
    os._exit(128 + number)


@contextlib.contextmanager
def minding(handler: Callable[[int, Any], None]) -> Iterator[None]:
    """Let `handler` take the signals that end a process; only the main thread can do that."""
    here = SIGNALS if threading.current_thread() is threading.main_thread() else ()
    before = {number: signal.signal(number, handler) for number in here}
    try:
        yield
    finally:
        for number, taken in before.items():
            signal.signal(number, taken)


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Raise signals as KeyboardInterrupt in here, and `Stopped` once what was begun is in order."""
    number = int(signal.SIGINT)

    def interrupt(got: int, frame: Any) -> None:
        nonlocal number
        number = got
        raise KeyboardInterrupt

    with minding(interrupt):
        try:
            yield
        except KeyboardInterrupt as error:
            raise Stopped(number, list(getattr(error, "__notes__", ()))) from None


def open_streams() -> None:
    """Open what stands for stdin, stdout and stderr where they are closed, lest the next file be taken for them."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "w" if number else "r", closefd=False))  # noqa: SIM115 (stays open)
