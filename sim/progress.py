"""A progress bar for what takes longer than two seconds, on a terminal only."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Progress = Callable[[int], None]
PATIENCE = 2.0  # [s] before a bar appears


@contextmanager
def meter(total: int, wanted: bool | None = None, unit: str = "steps") -> Iterator[Progress]:
    """Yield ``tick(n)``.

    wanted: None shows a bar on a terminal after two seconds, True at once, False never.
    """
    if wanted is False or (wanted is None and not sys.stderr.isatty()):
        yield lambda n: None
        return
    from tqdm.auto import tqdm

    lock = threading.Lock()
    with tqdm(
        total=total, unit=unit, unit_scale=True, delay=0 if wanted else PATIENCE, leave=False
    ) as bar:

        def tick(n: int) -> None:
            with lock:
                bar.update(n)

        yield tick
