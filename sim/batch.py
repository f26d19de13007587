"""The samples of a batch, spread over threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, CancelledError, ThreadPoolExecutor, wait

Progress = Callable[[int], None]


def spread(work: Callable[[int, Progress], None], lanes: int, progress: Progress) -> None:
    """Do ``work(lane, tick)`` for each lane in a thread of its own.

    Where one fails, or who waits for them is interrupted, the others end at their next `tick`; the first failure is
    raised.
    """
    broken = threading.Event()

    def tick(n: int) -> None:
        if broken.is_set():
            raise CancelledError
        progress(n)

    with ThreadPoolExecutor(lanes) as pool:
        try:
            futures = [pool.submit(work, lane, tick) for lane in range(lanes)]
            wait(futures, return_when=FIRST_EXCEPTION)
        finally:
            broken.set()
    failures = [failure for future in futures if (failure := future.exception()) is not None]
    for failure in failures:
        if not isinstance(failure, CancelledError):
            raise failure
