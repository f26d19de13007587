"""The samples of a batch, spread over threads."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import CancelledError
from functools import partial

from ...kernels.cores import SideBySide
from ...kernels.led import Led

Progress = Callable[[int], None]


def spread(work: Callable[[int, Progress], None], workers: int, progress: Progress) -> None:
    """Do ``work(worker, tick)`` for each worker in a thread of its own.

    Where one fails, or who waits for them is interrupted, the others end at their next `tick`; the
    first failure is raised.
    """
    broken, cores = False, SideBySide()

    def tick(n: int) -> None:
        if broken:
            raise CancelledError
        progress(n)

    def alone(worker: int) -> None:
        nonlocal broken
        try:
            cores.settle()
            work(worker, tick)
        except BaseException:
            broken = True
            raise

    started: list[Led[None]] = []
    try:
        for worker in range(workers):
            started.append(Led(partial(alone, worker)))
        for led in started:
            led.wait()
    finally:
        broken = True
        for led in started:
            led.wait()
    for led in started:
        if led.error is not None and not isinstance(led.error, CancelledError):
            raise led.error
