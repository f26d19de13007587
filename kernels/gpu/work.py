"""From calls to works, which a device does.

The calls for all shards of a population become one work.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..backend import Call
from .refractory import Lists
from .signatures import signatures

NOTHING = ("drowse_step",)  # kernels that have nothing to do on a device, where no shard ever naps
FIRST = "first_unit"  # the argument that tells a shard where in its population it begins
FLAGS = 32  # in a word


@dataclass
class Work:
    """Kernels that run one after the other, and what their parameters are bound to.

    They run every `every` steps. lists: the refractory lists that `arguments["held"]` stands for.
    """

    kernels: tuple[str, ...]
    arguments: dict[str, Any]
    every: int
    lists: Lists = ()
    own: list[NDArray[Any]] = field(default_factory=list)  # arrays of the device alone


def works(calls: Sequence[Call]) -> list[Work]:
    """What there is to do, in order."""
    groups = _groups([call for call in calls if call.kernel.__name__ not in NOTHING])
    gathers = {
        call.arguments["counts"].ctypes.data: call.arguments["count"]
        for call in calls
        if call.kernel.__name__ == "gather_step"
    }
    made = []
    for group in groups:
        head = group[0]
        if head.kernel.__name__ == "gather_step" and _joined(head, groups):
            continue  # the list was never in shards
        made.append(_work(group, gathers))
    return made


def _work(group: list[Call], gathers: Mapping[int, NDArray[Any]]) -> Work:
    head = group[0]
    name = _variant(head.kernel.__name__, head.arguments)
    arguments = {key: _whole([call.arguments[key] for call in group]) for key in head.arguments}
    work = Work((name,), arguments, head.every)
    if not any(parameter.name == "flags" for parameter in signatures()[name].parameters):
        return work
    count = np.zeros(1, np.int64) if head.returns is None else head.returns
    if len(group) > 1:
        count = gathers[count.ctypes.data]
    n = arguments["fired"].size
    arguments |= {"flags": np.zeros(-(-n // FLAGS), np.uint32), "count": count}
    work.own.append(arguments["flags"])
    work.kernels += ("list_spikes",)
    if "resting" in arguments:
        work.lists = [(call.arguments["resting"], call.arguments["left"]) for call in group]
        arguments["held"] = np.zeros(n, np.int32)
    return work


def _variant(name: str, arguments: Mapping[str, Any]) -> str:
    """The kernel's version for the types of these arguments."""
    if name == "record_state_step":
        return f"{name}_{arguments['variable'].itemsize}"
    if f"{name}_whole" in signatures() and arguments["receiving"].dtype == np.int64:
        return f"{name}_whole"
    return name


def _groups(calls: Sequence[Call]) -> list[list[Call]]:
    """Calls in order, those for adjoining shards together."""
    groups: list[list[Call]] = []
    for call in calls:
        if groups and _follows(groups[-1][-1], call):
            groups[-1].append(call)
        else:
            groups.append([call])
    return groups


def _joined(gather: Call, groups: Sequence[Sequence[Call]]) -> bool:
    """Whether the lists that `gather` would join are made by one work, as one list."""
    counts = gather.arguments["counts"]
    return any(
        len(group) == counts.size
        and group[0].returns is not None
        and group[0].returns.ctypes.data == counts.ctypes.data
        for group in groups
    )


def _follows(before: Call, call: Call) -> bool:
    """Whether a call does for the next units what the one before does for its own."""
    if (
        call.kernel is not before.kernel
        or call.every != before.every
        or (call.returns is None) != (before.returns is None)
    ):
        return False
    if call.returns is not None and not _adjoins(before.returns, call.returns):
        return False
    if (
        FIRST in call.arguments
        and before.arguments[FIRST] + before.arguments["fired"].size != call.arguments[FIRST]
    ):
        return False
    pairs = [
        (before.arguments[key], value) for key, value in call.arguments.items() if key != FIRST
    ]
    moved = [_adjoins(left, right) for left, right in pairs]
    return any(moved) and all(
        moves or _same(*pair) for moves, pair in zip(moved, pairs, strict=True)
    )


def _adjoins(left: Any, right: Any) -> bool:
    arrays = isinstance(left, np.ndarray) and isinstance(right, np.ndarray)
    return (
        arrays
        and left.ndim == right.ndim == 1
        and left.ctypes.data + left.nbytes == right.ctypes.data
        and left.size > 0
    )


def _same(left: Any, right: Any) -> bool:
    if isinstance(left, np.ndarray) and isinstance(right, np.ndarray):
        return left.ctypes.data == right.ctypes.data and left.shape == right.shape
    return (
        not isinstance(left, np.ndarray)
        and not isinstance(right, np.ndarray)
        and bool(left == right)
    )


def _whole(shards: Sequence[Any]) -> Any:
    """One array over adjoining ones, or what all have in common."""
    if len(shards) == 1 or not _adjoins(shards[0], shards[1]):
        return shards[0]
    return np.lib.stride_tricks.as_strided(
        shards[0], (sum(shard.size for shard in shards),), shards[0].strides
    )
