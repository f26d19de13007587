"""Which kernels of a step must wait for which, and which go together.

So a step of many populations is short. Jobs of one kernel at the same depth, that is after as many
others, are one launch.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .device import Launch
from .signatures import Signature


class Touch(IntEnum):
    """How a kernel uses an array. Kernels that only read it may run side by side, and so may those
    that share it.

    SHARE: each only adds to it, or each uses other entries.
    """

    READ = 0
    SHARE = 1
    WRITE = 2


SHARED = ("Adds", "Ring")  # forms of parameters
MOST_IDLE = 4096  # blocks with nothing to do that a launch may have


class Touches(NamedTuple):
    """The arrays of a kernel.

    Where each begins and ends in the host's memory (n,), and what is done to it (n,).
    """

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

    @classmethod
    def joined(cls, parts: Sequence[Touches]) -> Touches:
        """Those of several."""
        return cls(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


class Job(NamedTuple):
    """What one kernel does for one work.

    Blocks and threads of a block in x and y, and its arguments ().
    """

    kernel: str
    grid: tuple[int, int]
    block: tuple[int, int]
    arguments: NDArray[Any]
    touches: Touches


def _rows(signature: Signature, arguments: Mapping[str, Any]) -> Iterator[tuple[int, int, int]]:
    for parameter in signature.parameters:
        value = arguments.get(parameter.name)
        if isinstance(value, np.ndarray) and value.nbytes:
            kind = Touch.READ if parameter.constant else Touch.WRITE
            if parameter.form in SHARED:
                kind = Touch.SHARE
            yield value.ctypes.data, value.ctypes.data + value.nbytes, kind


def waits(step: Sequence[Touches]) -> list[list[int]]:
    """For each kernel of a step, the earlier ones that it must wait for.

    Those that these wait for are left out.
    """
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


def together(jobs: Sequence[Job]) -> list[list[Job]]:
    """Jobs that one launch can do, in an order in which launches can run."""
    depths: list[int] = []
    groups: dict[tuple[int, str], list[list[Job]]] = {}
    for job, after in zip(jobs, waits([job.touches for job in jobs]), strict=True):
        depths.append(1 + max((depths[place] for place in after), default=0))
        alike = groups.setdefault((depths[-1], job.kernel), [[]])
        if _idle([*alike[-1], job]) > MOST_IDLE:
            alike.append([])
        alike[-1].append(job)
    return [group for key in sorted(groups, key=lambda key: key[0]) for group in groups[key]]


def _idle(group: Sequence[Job]) -> int:
    """Blocks with nothing to do if one launch has as many for every job."""
    blocks = [x * y for x, y in (job.grid for job in group)]
    return math.prod(largest([job.grid for job in group])) * len(group) - sum(blocks)


def largest(shapes: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """The least shape (x, y) that holds all of them."""
    return max(x for x, _ in shapes), max(y for _, y in shapes)


def deal(launches: Sequence[Launch]) -> list[int]:
    """A stream for each launch.

    It is that of a launch that it waits for, if no other launch followed there, or a free one. The
    last launch, which waits for all, has stream 0. A stream is free again once some launch waits
    for the last one in it, since then all of its launches are done.
    """
    streams: list[int] = []
    heads: dict[int, int] = {}  # stream -> its last launch
    for place, launch in enumerate(launches):
        mine = [stream for stream, head in heads.items() if head in launch.after]
        if not launch.after or (place == len(launches) - 1):
            stream = 0
        elif mine:
            stream = min(mine)
        else:
            stream = next(stream for stream in range(len(heads) + 1) if stream not in heads)
        for other in mine:
            del heads[other]
        heads[stream] = place
        streams.append(stream)
    return streams
