"""How much memory is free, and the error where it is not enough."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ..errors import CapacityError, PotentiaError

GROUPS: Final = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    (
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
    ),
)


def check_bytes(owner: str, needed: float, got: str) -> None:
    """Raise CapacityError unless arrays of this size [bytes] fit into the memory that is free."""
    free = free_bytes()
    if free is not None and needed > free:
        raise CapacityError(
            f"{owner}: needs {needed / 1e9:.1f} GB, but {free / 1e9:.1f} GB are free (got {got})"
        )


@contextmanager
def memory_told(owner: str) -> Iterator[None]:
    """Turn a MemoryError inside the block into a CapacityError of one sentence."""
    try:
        yield
    except PotentiaError:
        raise
    except MemoryError as error:
        raise CapacityError(
            f"{owner}: does not fit into memory{f' ({error})' if str(error) else ''}"
        ) from None


def free_bytes() -> float | None:
    """Memory available without swapping and within the limit of a container [bytes].

    None if unknown.
    """
    known = [
        number
        for number in (_of_system(), *(_of_group(*files) for files in GROUPS))
        if number is not None
    ]
    return min(known, default=None)


def _of_system() -> float | None:
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():
        lines = dict(line.partition(":")[::2] for line in meminfo.read_text().splitlines())
        if "MemAvailable" in lines:
            return float(lines["MemAvailable"].split()[0]) * 1024
    try:
        return float(os.sysconf("SC_AVPHYS_PAGES")) * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None


def _of_group(limit: str, used: str) -> float | None:
    """What is left of the limit of a control group; None without one."""
    try:
        return max(float(Path(limit).read_text()) - float(Path(used).read_text()), 0.0)
    except (OSError, ValueError):
        return None
