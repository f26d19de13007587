"""Two priority queues on flat arrays: a heap of entries that come and go, and a schedule of one time per unit.

Times are int64 ticks of a femtosecond, so that equal sums of delays are equal whatever the order of adding.
Both queues have a total order (time, then index), so what comes first never depends on their inner layout.
"""

import numpy as np
from numba import njit

TICKS = 1e15  # per second
NEVER = (1 << 63) - 1  # a time that never comes


@njit
def push(times, codes, size, time, code):
    """Add an entry to the heap; the caller has made sure that there is room.

    times, codes (capacity,) int64, of which the first size[0] are in use; size (1,) int64.
    """
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
def replace(times, codes, size, time, code):
    """Take the first entry of the heap away and add another."""
    hole, end = 0, size[0]
    while 2 * hole + 1 < end:
        child = 2 * hole + 1
        other = child + 1
        if other < end and (
            times[other] < times[child] or (times[other] == times[child] and codes[other] < codes[child])
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
def pop(times, codes, size):
    """Take the first entry of the heap away; it stood at index 0."""
    last = size[0] - 1
    size[0] = last
    if last > 0:
        replace(times, codes, size, times[last], codes[last])


@njit
def schedule(heap, place, due, size, unit, time):
    """Set the one time at which `unit` is due; NEVER takes it off the schedule.

    due (n,) int64 times; heap (n,) int64, units as a heap by (due, unit), of which the first size[0] are in use;
    place (n,) int64, where each unit stands in the heap, -1 if it does not.
    """
    before, hole = due[unit], place[unit]
    due[unit] = time
    if hole < 0:
        if time == NEVER:
            return
        hole = size[0]
        size[0] = hole + 1
        _rise(heap, place, due, hole, unit)
    elif time == NEVER:
        place[unit] = -1
        size[0] -= 1
        end = size[0]
        if hole < end:
            _move(heap, place, due, end, hole, heap[end])
    elif time < before:
        _rise(heap, place, due, hole, unit)
    elif time > before:
        _sink(heap, place, due, size[0], hole, unit)


@njit
def _move(heap, place, due, end, hole, unit):
    """Put `unit` where a gap is, then where it belongs."""
    parent = heap[(hole - 1) >> 1] if hole > 0 else unit
    if due[unit] < due[parent] or (due[unit] == due[parent] and unit < parent):
        _rise(heap, place, due, hole, unit)
    else:
        _sink(heap, place, due, end, hole, unit)


@njit
def _rise(heap, place, due, hole, unit):
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
def _sink(heap, place, due, end, hole, unit):
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


def new_schedule(due):
    """A schedule by the times (n,) [ticks] at which units are due: heap, place, a copy of due, size."""
    due = np.array(due, np.int64)
    order = np.lexsort((np.arange(due.size), due))[: np.count_nonzero(due < NEVER)]  # sorted is a heap too
    heap, place = np.zeros(due.size, np.int64), np.full(due.size, -1, np.int64)
    heap[: order.size], place[order] = order, np.arange(order.size)
    return heap, place, due, np.array([order.size], np.int64)
