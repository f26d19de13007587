"""Stimuli of the event engine.

Each is one or more slots of a schedule, due at the time of its next event.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from .event_memory import reals, record
from .event_queue import NEVER, later, nearest_tick, schedule
from .event_units import GROUP, NEURON, set_drive, touch
from .random import normal, uniform

TRAIN, POISSON, CURRENT = 0, 1, 2  # kinds of slots

SLOT = np.dtype(
    [
        ("kind", np.int64),
        ("rank", np.int64),
        ("unit", np.int64),  # the one it drives; for a current, the first of its population
        ("variable", np.int64),  # which state variable receives; for a current, its SUM
        ("cursor", np.int64),  # what is next: a listed spike or change, the number of an interval
        ("end", np.int64),  # the cursor behind the last listed spike or change
        (
            "fresh",
            np.int64,
        ),  # 1 where a Poisson train begins at its due time, at which nothing arrives yet
        ("clock", np.float64),  # a Poisson train's exact time [s]
        ("rate", np.float64),  # of a Poisson train [Hz]
        ("weight", np.float64),  # of a Poisson train
        ("stream", np.uint64),  # of a Poisson train
    ],
    align=True,
)
SPIKE = np.dtype([("time", np.int64), ("unit", np.int64), ("weight", np.float64)], align=True)
CHANGE = np.dtype([("time", np.int64), ("level", np.int64), ("width", np.int64)], align=True)
SUM = np.dtype([("begin", np.int64), ("noise", np.int64), ("noise_end", np.int64)], align=True)
NOISE = np.dtype([("interval", np.int64), ("stream", np.uint64), ("level", np.int64)], align=True)


class Inputs(NamedTuple):
    """The slots of all stimuli.

    There is one for every spike train, every Poisson unit, and all changing currents of a
    population together. slot (n,) SLOT; heap, place, due, size: see `event_queue.schedule`; spike
    SPIKE, listed spikes, times in ticks; change CHANGE, listed changes: from `time` [ticks] on,
    `width` numbers in levels from `level` on are added to base (n_units,), the constant part of
    each unit's drive; sum SUM, the currents of one population: its first change, its first noise,
    and the one behind its last; noise NOISE, of which every unit of a population gets another
    number in every interval [ticks]: its mean and its standard deviation, unit after unit, begin in
    levels at `level`.
    """

    slot: Any
    heap: Any
    place: Any
    due: Any
    size: Any
    spike: Any
    change: Any
    sum: Any
    noise: Any
    levels: Any
    base: Any


@njit(error_model="numpy")
def feed(inputs, units, index, time, count):
    """Carry out the event of the slot `index` that is due now.

    Returns the number of touched units.
    """
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
        within = (
            slot.unit
            - record(units.group, record(units.neuron, slot.unit, NEURON).group, GROUP).first
        )
        slot.clock -= math.log(uniform(slot.stream, within, slot.cursor)) / slot.rate
        slot.cursor += 1
        due = nearest_tick(slot.clock)
    else:
        if slot.cursor < slot.end and record(inputs.change, slot.cursor, CHANGE).time == time:
            slot.cursor += 1
        for unit in range(
            slot.unit, record(units.group, record(units.neuron, slot.unit, NEURON).group, GROUP).end
        ):
            set_drive(units, unit, current(inputs, index, unit, time), time)
        due = next_change(inputs, index, time)
    schedule(inputs, index, due)
    return count


@njit(error_model="numpy")
def _arrive(units, unit, variable, weight, count):
    """Let a weight arrive at a unit; return the number of touched units."""
    reals(units.arriving)[record(units.neuron, unit, NEURON).row + variable] += weight
    return touch(units, unit, count)


@njit(error_model="numpy")
def current(inputs, index, unit, time):
    """The drive of a unit at `time`.

    It is its constant part, the level behind the cursor of slot `index`, and noises.
    """
    slot, within = record(inputs.slot, index, SLOT), unit - record(inputs.slot, index, SLOT).unit
    parts, drive = record(inputs.sum, slot.variable, SUM), reals(inputs.base)[unit]
    if slot.cursor > parts.begin:
        change = record(inputs.change, slot.cursor - 1, CHANGE)
        drive += reals(inputs.levels)[change.level + (within if change.width > 1 else 0)]
    for k in range(parts.noise, parts.noise_end if time >= 0 else parts.noise):
        noise = record(inputs.noise, k, NOISE)
        level = noise.level + 2 * within
        mean, std = reals(inputs.levels)[level], reals(inputs.levels)[level + 1]
        drive += mean + std * normal(noise.stream, time // noise.interval, within)
    return drive


@njit(error_model="numpy")
def next_change(inputs, index, time):
    """When the currents of slot `index` change next after `time`."""
    slot = record(inputs.slot, index, SLOT)
    parts = record(inputs.sum, slot.variable, SUM)
    due = record(inputs.change, slot.cursor, CHANGE).time if slot.cursor < slot.end else NEVER
    for k in range(parts.noise, parts.noise_end):
        interval = record(inputs.noise, k, NOISE).interval
        due = min(due, later(time - time % interval, interval) if time >= 0 else 0)
    return due


@njit(error_model="numpy")
def set_currents(table, units_table, time, drive, due):
    """Set the drives that change, and when they do next.

    drive (n_units,) becomes what it is at `time`; due (n_slots,) when currents change next. time:
    -1 before the events at time 0, when no noise has begun.
    """
    inputs, units = table[0], units_table[0]
    for index in range(due.size):
        slot = record(inputs.slot, index, SLOT)
        if slot.kind == CURRENT:
            for unit in range(
                slot.unit,
                record(units.group, record(units.neuron, slot.unit, NEURON).group, GROUP).end,
            ):
                drive[unit] = current(inputs, index, unit, time)
            due[index] = next_change(inputs, index, time)
