"""The list of refractory units, which on a device is a count of steps per unit.

Each shard of a population has a list of its own, which numbers units from the first unit of the
shard. `kernels/cpu/scan.py` explains the lists.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

# of each shard: resting (n,) uint32, left (n,) int32
Lists = Sequence[tuple[NDArray[Any], NDArray[Any]]]


def spelled(lists: Lists) -> NDArray[np.int32]:
    """Refractory steps left of every unit (n,)."""
    held = []
    for resting, left in lists:
        own = np.zeros(left.size, np.int32)
        length = int(np.argmin(left != 0)) if (left == 0).any() else left.size
        own[resting[:length]] = left[:length]
        held.append(own)
    return np.concatenate(held)


def listed(held: NDArray[np.int32], lists: Lists) -> None:
    """Write held (n,) to the lists, in place."""
    begin = 0
    for resting, left in lists:
        own = held[begin : begin + left.size]
        units = np.flatnonzero(own)
        resting[: units.size], left[: units.size] = units, own[units]
        left[units.size : units.size + 1] = 0
        begin += left.size
