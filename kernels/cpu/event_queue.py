"""Two priority queues on flat arrays.

One is a heap of entries that come and go, the other a schedule of one time per unit. Times are
int64 ticks of a femtosecond, so that equal sums of delays are equal whatever the order of adding.
Both queues have a total order (time, then index), so what comes first never depends on their inner
layout. A queue is a record of addresses, see `event_memory`.

Whoever adds to a time does it by `later`, which never passes NEVER: the sum of two times within the
limit of a run need not fit into an int64.
"""

import math
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .event_memory import wholes

Schedule = NDArray[np.int64]  # one of the four arrays of a schedule
TICKS = 1e15  # per second
NEVER = (1 << 63) - 1  # a time that never comes


@njit
def later(time, wait):
    """The time `wait` >= 0 ticks after `time`, NEVER where that lies beyond all times."""
    return time + wait if time < NEVER - wait else NEVER


@njit(error_model="numpy")
def nearest_tick(seconds):
    """A time >= 0 [s] in ticks, NEVER where it lies beyond all times or is no number."""
    return np.int64(math.floor(seconds * TICKS + 0.5)) if seconds * TICKS < NEVER else NEVER


@njit
def push(heap, time, code):
    """Add an entry to the heap; the caller has made sure that there is room.

    times, codes (capacity,) int64, of which the first size[0] are in use; size (1,) int64.
    """
    times, codes, size = wholes(heap.times), wholes(heap.codes), wholes(heap.size)
    hole = size[0]
    size[0] = hole + 1
    while hole > 0:
        parent = (hole - 1) >> 1
        if times[parent] < time or (times[parent] == time and codes[parent] <= code):
            break
        times[hole] = times[parent]
        codes[hole] = codes[parent]
        hole = parent
    times[hole] = time
    codes[hole] = code


@njit
def replace(heap, time, code):
    """Take the first entry of the heap away and add another."""
    times, codes, end = wholes(heap.times), wholes(heap.codes), wholes(heap.size)[0]
    hole = 0
    while 2 * hole + 1 < end:
        child = 2 * hole + 1
        other = child + 1
        if other < end and (
            times[other] < times[child]
            or (times[other] == times[child] and codes[other] < codes[child])
        ):
            child = other
        if time < times[child] or (time == times[child] and code <= codes[child]):
            break
        times[hole] = times[child]
        codes[hole] = codes[child]
        hole = child
    times[hole] = time
    codes[hole] = code


@njit
def pop(heap):
    """Take the first entry of the heap away; it stood at index 0."""
    size = wholes(heap.size)
    size[0] -= 1
    if size[0] > 0:
        replace(heap, wholes(heap.times)[size[0]], wholes(heap.codes)[size[0]])


@njit
def schedule(queue, unit, time):
    """Set the one time at which `unit` is due; NEVER takes it off the schedule.

    due (n,) int64 times; heap (n,) int64, units as a heap by (due, unit), of which the first
    size[0] are in use;
    place (n,) int64, where each unit stands in the heap, -1 if it does not.
    """
    heap, place, due, size = (
        wholes(queue.heap),
        wholes(queue.place),
        wholes(queue.due),
        wholes(queue.size),
    )
    before, hole = due[unit], place[unit]
    due[unit] = time
    if hole < 0:
        if time == NEVER:
            return
        hole = size[0]
        size[0] = hole + 1
        _rise(queue, hole, unit)
    elif time == NEVER:
        place[unit] = -1
        size[0] -= 1
        if hole < size[0]:
            _move(queue, hole, heap[size[0]])
    elif time < before:
        _rise(queue, hole, unit)
    elif time > before:
        _sink(queue, hole, unit)


@njit
def _move(queue, hole, unit):
    """Put `unit` where a gap is, then where it belongs."""
    heap, due = wholes(queue.heap), wholes(queue.due)
    parent = heap[(hole - 1) >> 1] if hole > 0 else unit
    if due[unit] < due[parent] or (due[unit] == due[parent] and unit < parent):
        _rise(queue, hole, unit)
    else:
        _sink(queue, hole, unit)


@njit
def _rise(queue, hole, unit):
    heap, place, due = wholes(queue.heap), wholes(queue.place), wholes(queue.due)
    time = due[unit]
    while hole > 0:
        parent = heap[(hole - 1) >> 1]
        if due[parent] < time or (due[parent] == time and parent < unit):
            break
        heap[hole] = parent
        place[parent] = hole
        hole = (hole - 1) >> 1
    heap[hole] = unit
    place[unit] = hole


@njit
def _sink(queue, hole, unit):
    heap, place, due, end = (
        wholes(queue.heap),
        wholes(queue.place),
        wholes(queue.due),
        wholes(queue.size)[0],
    )
    time = due[unit]
    while 2 * hole + 1 < end:
        at = 2 * hole + 1
        if at + 1 < end:
            one, two = heap[at], heap[at + 1]
            at += due[two] < due[one] or (due[two] == due[one] and two < one)
        child = heap[at]
        if time < due[child] or (time == due[child] and unit < child):
            break
        heap[hole] = child
        place[child] = hole
        hole = at
    heap[hole] = unit
    place[unit] = hole


def new_schedule(due: Any) -> tuple[Schedule, Schedule, Schedule, Schedule]:
    """A schedule by the times (n,) [ticks] at which units are due.

    It holds heap, place, a copy of due, size.
    """
    due = np.array(due, np.int64)
    # sorted is a heap too
    order = np.lexsort((np.arange(due.size), due))[: np.count_nonzero(due < NEVER)]
    heap, place = np.zeros(due.size, np.int64), np.full(due.size, -1, np.int64)
    heap[: order.size], place[order] = order, np.arange(order.size)
    return heap, place, due, np.array([order.size], np.int64)
