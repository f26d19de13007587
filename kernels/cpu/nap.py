"""Naps: shards of populations that are not advanced while nothing happens to them.

A shard falls asleep when a step changes no bit of it, and wakes when a mark says that something
arrived. A call that may be left out is made through the entry `napping`, so the loop over steps
knows nothing of naps.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from numba import cfunc

from .binding import ENTRY, view
from .caching import kernel, named
from .loop import call, copy_words, equal_words

HEAD = 7  # words before the arrays


@kernel
def drowse_step(asleep, drowsy, woken_state, woken_flow):
    """Note whether any shard sleeps, and clear the marks.

    drowsy (1,): whether any shard is asleep (n_shards,) uint8; all shards have read the marks.
    While no shard is asleep, nobody sets marks. woken_* (n_marks,) uint8: the marks of each region
    of memory.
    """
    if drowsy[0]:
        woken_state[:] = 0
        woken_flow[:] = 0
    drowsy[0] = 0
    for k in range(asleep.size):
        drowsy[0] |= asleep[k]


@kernel
def napping(table, step):
    """Make the call in `table` unless its shard is asleep and no mark wakes it.

    table, in words of 8 bytes: the call's entry and row; a mask that is 0 with the step in steps in
    which the state is compared; the addresses of the flag `asleep` and of room for a copy; the
    numbers of arrays of marks and of arrays to watch. Then address and length of each array: of
    marks in bytes, of watched arrays in words of 4 bytes. A call without arrays to watch never
    decides whether the shard sleeps; another call on the same shard does.
    """
    asleep = view(table[3], (1,), np.uint8)
    if asleep[0] and not _marked(table):
        return 0
    asleep[0] = 0
    if table[6] == 0 or step & table[2]:
        return call(table[0], table[1], step)
    return _watched(table, asleep, step)


@kernel
def _marked(table):
    for k in range(table[5]):
        marks = view(table[HEAD + 2 * k], (table[HEAD + 2 * k + 1],), np.uint8)
        for m in range(marks.size):
            if marks[m]:
                return True
    return False


@kernel
def _watched(table, asleep, step):
    """Make the call; put the shard to sleep if nothing happened.

    That is if nothing fired and no bit of the watched arrays changed. First only the first array is
    compared; if it did not change, all arrays are compared in the next watch. So an active shard
    pays for one copy only.
    """
    calm = view(table[4], (1,), np.uint32)
    first, looks = HEAD + 2 * table[5], table[6] if calm[0] else 1
    at = table[4] + 4
    for k in range(looks):
        copy_words(table[first + 2 * k], at, table[first + 2 * k + 1])
        at += 4 * table[first + 2 * k + 1]
    active = call(table[0], table[1], step)
    same, at = active == 0, table[4] + 4
    for k in range(looks):
        same = same and equal_words(table[first + 2 * k], at, table[first + 2 * k + 1])
        at += 4 * table[first + 2 * k + 1]
    asleep[0] = same and looks == table[6]
    calm[0] = same
    return active


class Naps:
    """The entries and rows of calls; those that may be left out go through `napping`."""

    def __init__(
        self, calls: Sequence[Any], entries: Sequence[int], rows: Sequence[int], all_due: int
    ) -> None:
        self.entries, self.rows = np.array(entries, np.int64), np.array(rows, np.int64)
        self._kept: list[Any] = []  # what the tables point to
        for k, made in enumerate(calls):
            if made.nap is not None:
                self.rows[k] = self._table(made.nap, entries[k], rows[k], all_due)
                self.entries[k] = _entry().address

    def _table(self, nap: Any, entry: int, row: int, all_due: int) -> int:
        watched = nap.watched if nap.leads else ()
        room = np.zeros(1 + sum(array.nbytes // 4 for array in watched), np.uint32)
        words = [
            entry,
            row,
            all_due,
            nap.asleep.ctypes.data,
            room.ctypes.data,
            len(nap.woken),
            len(watched),
        ]
        words += [word for marks in nap.woken for word in (marks.ctypes.data, marks.size)]
        words += [word for array in watched for word in (array.ctypes.data, array.nbytes // 4)]
        table = np.array(words, np.int64)
        self._kept += [room, table, nap]
        return int(table.ctypes.data)


@cache
def _entry() -> Any:
    """`napping` as an entry that the loop can call."""
    return cfunc(ENTRY, cache=True, error_model="numpy")(
        named(napping.py_func, "table, step", "return napping(table, step)", {"napping": napping})
    )
