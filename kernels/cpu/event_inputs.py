"""Stimuli of the event engine: each is one or more slots of a schedule, due at the time of its next event."""

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from .event_memory import reals, record
from .event_queue import NEVER, nearest_tick, schedule
from .event_units import CELL, GROUP, set_drive, touch
from .random import uniform

TRAIN, POISSON, CURRENT = 0, 1, 2  # kinds of slots

SLOT = np.dtype(
    [
        ("kind", np.int64),
        ("rank", np.int64),
        ("unit", np.int64),  # the one it drives; for a current, the first of its population
        ("variable", np.int64),  # which state variable receives
        ("cursor", np.int64),  # what is next: a listed spike or change, the number of an interval
        ("end", np.int64),  # the cursor behind the last listed spike or change
        ("fresh", np.int64),  # 1 where a Poisson train begins at its due time, at which nothing arrives yet
        ("clock", np.float64),  # a Poisson train's exact time [s]
        ("rate", np.float64),  # of a Poisson train [Hz]
        ("weight", np.float64),  # of a Poisson train
        ("stream", np.uint64),  # of a Poisson train
    ],
    align=True,
)
SPIKE = np.dtype([("time", np.int64), ("unit", np.int64), ("weight", np.float64)], align=True)
CHANGE = np.dtype([("time", np.int64), ("level", np.int64), ("width", np.int64)], align=True)


class Inputs(NamedTuple):
    """All slots, in order of rank: one for every spike train, every Poisson unit and every changing current.

    slot (n,) SLOT; heap, place, due, size: see `event_queue.schedule`; spike SPIKE, listed spikes, times in ticks;
    change CHANGE, listed changes: from `time` [ticks] on, `width` numbers in levels from `level` on are added to
    base (n_units,), the constant part of each unit's drive.
    """

    slot: Any
    heap: Any
    place: Any
    due: Any
    size: Any
    spike: Any
    change: Any
    levels: Any
    base: Any


@njit(error_model="numpy")
def feed(inputs, units, index, time, count):
    """Carry out the event of the slot `index` that is due now; return the number of touched units."""
    slot = record(inputs.slot, index, SLOT)
    due = NEVER
    if slot.kind == TRAIN:
        while slot.cursor < slot.end and record(inputs.spike, slot.cursor, SPIKE).time == time:
            spike = record(inputs.spike, slot.cursor, SPIKE)
            count = _arrive(units, spike.unit, slot.variable, spike.weight, count)
            slot.cursor += 1
        if slot.cursor < slot.end:
            due = record(inputs.spike, slot.cursor, SPIKE).time
    elif slot.kind == POISSON:
        if slot.fresh:
            slot.fresh = 0
        else:
            count = _arrive(units, slot.unit, slot.variable, slot.weight, count)
        within = slot.unit - record(units.group, record(units.cell, slot.unit, CELL).group, GROUP).first
        slot.clock -= math.log(uniform(slot.stream, within, slot.cursor)) / slot.rate
        slot.cursor += 1
        due = nearest_tick(slot.clock)
    else:
        _change(inputs, units, slot, time)
        slot.cursor += 1
        if slot.cursor < slot.end:
            due = record(inputs.change, slot.cursor, CHANGE).time
    schedule(inputs, index, due)
    return count


@njit(error_model="numpy")
def _arrive(units, unit, variable, weight, count):
    """Let a weight arrive at a unit; return the number of touched units."""
    reals(units.arriving)[record(units.cell, unit, CELL).row + variable] += weight
    return touch(units, unit, count)


@njit(error_model="numpy")
def _change(inputs, units, slot, time):
    """Give a population the currents of a change on top of its constant ones."""
    change = record(inputs.change, slot.cursor, CHANGE)
    levels, base = reals(inputs.levels + 8 * change.level), reals(inputs.base)
    end = record(units.group, record(units.cell, slot.unit, CELL).group, GROUP).end
    for unit in range(slot.unit, end):
        level = levels[unit - slot.unit if change.width > 1 else 0]
        set_drive(units, unit, base[unit] + level, time)
