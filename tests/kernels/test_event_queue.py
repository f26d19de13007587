"""The queues of the event engine against Python's own heap, as models."""

import heapq
import math
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from potentia.kernels.cpu import event_queue
from potentia.kernels.cpu.event_loop import Flight
from potentia.kernels.cpu.event_memory import table
from potentia.kernels.cpu.event_queue import NEVER, TICKS, new_schedule

PUSH, POP, REPLACE = 0, 1, 2


class Schedule(NamedTuple):
    """The four arrays of a schedule."""

    heap: Any
    place: Any
    due: Any
    size: Any


@njit
def drive_heap(heaps, actions, times, codes, seen):
    """Carry out actions on the heap and note the first entry before each pop or replacement."""
    heap, count = heaps[0], 0
    for k in range(actions.size):
        if actions[k] == PUSH:
            event_queue.push(heap, times[k], codes[k])
            continue
        seen[count, 0] = event_queue.wholes(heap.times)[0]
        seen[count, 1] = event_queue.wholes(heap.codes)[0]
        count += 1
        if actions[k] == POP:
            event_queue.pop(heap)
        else:
            event_queue.replace(heap, times[k], codes[k])
    return count


@njit
def drive_schedule(queues, units, times, firsts):
    """Set times one after the other; note which unit is first after each, -1 for none."""
    queue = queues[0]
    for k in range(units.size):
        event_queue.schedule(queue, units[k], times[k])
        firsts[k] = (
            event_queue.wholes(queue.heap)[0] if event_queue.wholes(queue.size)[0] > 0 else -1
        )


def flight(room: int) -> Flight:
    zeros = np.zeros(room, np.int64)
    return Flight(zeros, zeros.copy(), np.zeros(1, np.int64), room, np.zeros(1, np.int64))


# many ties in time, some in both
entry = st.tuples(st.integers(0, 5) | st.integers(0, 10**18), st.integers(0, 4))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([PUSH, PUSH, POP, REPLACE]), entry), max_size=120))
def test_heap_gives_what_pythons_heap_gives(steps):
    """Same entries, same order, ties by code, none lost and none made up."""
    model, expected, carried = [], [], []
    for action, (time, code) in steps:
        if action == PUSH:
            heapq.heappush(model, (time, code))
        elif model:
            expected.append(
                heapq.heappop(model) if action == POP else heapq.heapreplace(model, (time, code))
            )
        else:
            continue
        carried.append((action, time, code))
    queue, seen = flight(len(carried) + 1), np.zeros((len(carried) + 1, 2), np.int64)
    actions, times, codes = np.array(carried, np.int64).reshape(-1, 3).T.copy()
    count = drive_heap(table(queue), actions, times, codes, seen)
    assert [tuple(row) for row in seen[:count].tolist()] == expected
    left = zip(
        queue.times[: queue.size[0]].tolist(), queue.codes[: queue.size[0]].tolist(), strict=True
    )
    assert sorted(left) == sorted(model)


@settings(max_examples=150, deadline=None)
@given(
    st.integers(1, 9),
    st.lists(st.tuples(st.integers(0, 8), st.integers(0, 6) | st.just(NEVER)), max_size=80),
)
def test_schedule_knows_who_is_first(n, steps):
    """After every change the first unit is the one with the least (time, unit); NEVER takes units
    away.
    """
    queue = heap, place, due, size = Schedule(*new_schedule(np.full(n, NEVER)))
    units = np.array([unit % n for unit, _ in steps], np.int64)
    times = np.array([time for _, time in steps], np.int64)
    firsts, model = np.zeros(len(steps), np.int64), {}
    drive_schedule(table(queue), units, times, firsts)
    for k, (unit, time) in enumerate(zip(units.tolist(), times.tolist(), strict=True)):
        model.pop(unit, None) if time == NEVER else model.update({unit: time})
        assert firsts[k] == min(((time, unit) for unit, time in model.items()), default=(0, -1))[1]
    assert sorted(heap[: size[0]].tolist()) == sorted(model)
    assert all(heap[place[unit]] == unit and due[unit] == time for unit, time in model.items())


@pytest.mark.parametrize("n", [1, 2, 300])
def test_new_schedule_is_a_heap(n):
    """Every parent comes before its children, and only units that are due stand in it."""
    due = np.random.default_rng(n).integers(0, 5, n)
    due[::3] = NEVER
    heap, place, kept, size = new_schedule(due)
    order = [(kept[unit], unit) for unit in heap[: size[0]]]
    assert size[0] == np.count_nonzero(due < NEVER)
    assert all(order[(k - 1) // 2] < order[k] for k in range(1, len(order)))
    assert (place[due == NEVER] == -1).all()


@njit
def sum_up(time, wait, seconds):
    return event_queue.later(time, wait), event_queue.nearest_tick(seconds)


ticks = st.integers(0, NEVER) | st.sampled_from(
    [0, 1, NEVER - 1, NEVER, NEVER // 2, NEVER // 2 + 1]
)


@settings(max_examples=300, deadline=None)
@given(st.just(-1) | ticks, ticks, st.floats(0.0, allow_infinity=True) | st.just(math.nan))
def test_sums_of_times_end_at_never(time, wait, seconds):
    """As whole numbers of any size would have it: never beyond NEVER, and never before `time`."""
    later, tick = sum_up(time, wait, seconds)
    assert later == min(time + wait, NEVER)
    exact = seconds * TICKS
    assert tick == (math.floor(exact + 0.5) if exact < NEVER else NEVER)
