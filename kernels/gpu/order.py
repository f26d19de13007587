"""Which launches of a step must wait for which: a step of many populations is wide, not long.

The last launch of a step moves the clock, which all others read: it waits for all, and the next step for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .device import Launch
from .signatures import Signature


class Touch(IntEnum):
    """What a kernel does to an array. Readers do not disturb each other, nor do those who only add."""

    READ = 0
    ADD = 1
    WRITE = 2


class Touches(NamedTuple):
    """The arrays of a launch: where each begins and ends in the host's memory (n,), and what is done to it (n,)."""

    begin: NDArray[np.int64]
    end: NDArray[np.int64]
    kind: NDArray[np.int64]

    @classmethod
    def of(cls, signature: Signature, arguments: Mapping[str, Any]) -> Touches:
        """What the kernel does to those of `arguments` that it asks for."""
        rows = list(_rows(signature, arguments))
        return cls(*np.array(rows, np.int64).reshape(len(rows), 3).T)

    def disturbs(self, other: Touches) -> bool:
        """Whether the order of the two launches matters."""
        overlap = (self.begin[:, None] < other.end) & (other.begin < self.end[:, None])
        harmless = (self.kind[:, None] == other.kind) & (other.kind != Touch.WRITE)
        return bool((overlap & ~harmless).any())


def _rows(signature: Signature, arguments: Mapping[str, Any]) -> Iterator[tuple[int, int, int]]:
    for parameter in signature.parameters:
        value = arguments.get(parameter.name)
        if isinstance(value, np.ndarray) and value.nbytes:
            kind = Touch.READ if parameter.constant else Touch.ADD if parameter.form == "Adds" else Touch.WRITE
            if parameter.form == "Clock" and signature.name == "tick":
                kind = Touch.WRITE
            yield value.ctypes.data, value.ctypes.data + value.nbytes, kind


def waits(step: Sequence[Touches]) -> list[list[int]]:
    """For each launch of a step the earlier ones that it must wait for, but for those that they themselves wait for."""
    found: list[list[int]] = []
    done: list[int] = []  # of each launch, those that are done once it is, as bits
    for place, touches in enumerate(step):
        after, known = [], 0
        for earlier in range(place - 1, -1, -1):
            if not known >> earlier & 1 and touches.disturbs(step[earlier]):
                after.append(earlier)
                known |= done[earlier]
        found.append(after)
        done.append(known | 1 << place)
    return found


def deal(launches: Sequence[Launch]) -> list[int]:
    """A lane for each launch: that of one it waits for, if nobody else went on there, or a free one.

    The last launch, which waits for all, has lane 0. A lane is free again once a launch waits for its last one, since
    that comes after all in it.
    """
    lanes: list[int] = []
    heads: dict[int, int] = {}  # lane -> its last launch
    for place, launch in enumerate(launches):
        mine = [lane for lane, head in heads.items() if head in launch.after]
        if not launch.after or (place == len(launches) - 1):
            lane = 0
        elif mine:
            lane = min(mine)
        else:
            lane = next(lane for lane in range(len(heads) + 1) if lane not in heads)
        for other in mine:
            del heads[other]
        heads[lane] = place
        lanes.append(lane)
    return lanes
