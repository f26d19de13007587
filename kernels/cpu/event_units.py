"""Units of the event engine.

Each keeps the state of its last event and the time at which it will fire. A unit's state variables
stand in one row. While a unit is refractory its first variable is clamped and takes no input; the
others go on. What arrives at one time is summed before the unit looks at its threshold.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from .event_binding import call
from .event_memory import reals, record, wholes
from .event_queue import TICKS, later, nearest_tick, schedule
from .random import mix

NEURON = np.dtype(
    [
        ("group", np.int64),  # its population
        ("row", np.int64),  # where its state variables begin
        ("constants", np.int64),  # where its parameters begin
        ("refractory", np.int64),  # [ticks], NEVER for one that does not end in any run
        ("drive", np.float64),
        ("last", np.int64),  # the time at which its state holds [ticks]
        ("held", np.int64),  # the end of its refractory time [ticks], -1 before the first spike
        ("fired", np.int64),  # its spikes so far
        (
            "unsure",
            np.int64,
        ),  # 1 where `next` is to be called again at its due time, 0 where it will fire
        ("marked", np.int64),  # 1 while something has arrived that is not taken yet
    ],
    align=True,
)
GROUP = np.dtype(
    [
        ("first", np.int64),  # its first unit
        ("end", np.int64),  # the one behind its last
        ("width", np.int64),  # state variables per unit
        ("rank", np.int64),
        ("flow", np.int64),  # addresses of its kernels
        ("next", np.int64),
        ("fire", np.int64),
        ("recorded", np.int64),  # whether its spikes are kept
        ("signature", np.uint64),  # the running hash of its spikes
    ],
    align=True,
)


class Units(NamedTuple):
    """All units, numbered through all populations in order of rank.

    neuron (n,) NEURON; group (n_populations,) GROUP; state, what has arrived for each state
    variable (arriving), and parameters, all float64; spare float64, room for one row; touched (n,)
    int64, work space; heap, place, due, size: when each unit will fire, see `event_queue.schedule`.
    """

    neuron: Any
    group: Any
    state: Any
    arriving: Any
    parameters: Any
    spare: Any
    touched: Any
    heap: Any
    place: Any
    due: Any
    size: Any


@njit(error_model="numpy")
def _propagate(units, unit, rows, begin, end):
    """Propagate the row of `unit` from `begin` to `end`, not across its `held`.

    The row stands at the address `rows`.
    """
    if end <= begin:
        return
    neuron = record(units.neuron, unit, NEURON)
    flow = record(units.group, neuron.group, GROUP).flow
    kept = reals(rows)[0]
    call(flow, rows, units.parameters + 8 * neuron.constants, neuron.drive, (end - begin) / TICKS)
    if end <= neuron.held:
        reals(rows)[0] = kept


@njit(error_model="numpy")
def settle(units, unit, rows, time):
    """Advance the row of `unit` at the address `rows` from the time of its last event to `time`."""
    neuron = record(units.neuron, unit, NEURON)
    last, held = neuron.last, neuron.held
    if last < held:
        _propagate(units, unit, rows, last, min(held, time))
        last = held
    _propagate(units, unit, rows, last, time)


@njit(error_model="numpy")
def touch(units, unit, count):
    """List `unit` among those that something arrived at, once; return their number."""
    neuron = record(units.neuron, unit, NEURON)
    if neuron.marked:
        return count
    neuron.marked = 1
    wholes(units.touched)[count] = unit
    return count + 1


@njit(error_model="numpy")
def take(units, unit, time):
    """Bring `unit` to `time`, add what arrives there, and predict anew."""
    neuron = record(units.neuron, unit, NEURON)
    settle(units, unit, units.state + 8 * neuron.row, time)
    neuron.last = time
    neuron.marked = 0
    state, arriving = reals(units.state + 8 * neuron.row), reals(units.arriving + 8 * neuron.row)
    for k in range(record(units.group, neuron.group, GROUP).width):
        if k > 0 or time > neuron.held:
            state[k] += arriving[k]
        arriving[k] = 0.0
    predict(units, unit)


@njit(error_model="numpy")
def predict(units, unit):
    """Schedule the next spike of `unit` from its state at the time of its last event."""
    neuron = record(units.neuron, unit, NEURON)
    group = record(units.group, neuron.group, GROUP)
    row, begin = units.state + 8 * neuron.row, neuron.last
    if neuron.held > begin:
        row = copied(units, unit)
        _propagate(units, unit, row, begin, neuron.held)
        begin = neuron.held
    wait = call(group.next, row, units.parameters + 8 * neuron.constants, neuron.drive, 0.0)
    neuron.unsure = wait < 0.0
    schedule(units, unit, max(later(begin, nearest_tick(abs(wait))), later(neuron.held, 1)))


@njit(error_model="numpy")
def ask(units, unit, time):
    """If `unit`, which is due, was unsure, predict its spike anew; return whether it was unsure."""
    neuron = record(units.neuron, unit, NEURON)
    if not neuron.unsure:
        return False
    settle(units, unit, units.state + 8 * neuron.row, time)
    neuron.last = time
    predict(units, unit)
    return True


@njit(error_model="numpy")
def copied(units, unit):
    """The address of a copy of the row of `unit`, for looking ahead."""
    neuron = record(units.neuron, unit, NEURON)
    state, spare = reals(units.state + 8 * neuron.row), reals(units.spare)
    for k in range(record(units.group, neuron.group, GROUP).width):
        spare[k] = state[k]
    return units.spare


@njit(error_model="numpy")
def spike(units, unit, time):
    """Let `unit` fire."""
    neuron = record(units.neuron, unit, NEURON)
    group = record(units.group, neuron.group, GROUP)
    row = units.state + 8 * neuron.row
    settle(units, unit, row, time)
    call(group.fire, row, units.parameters + 8 * neuron.constants, neuron.drive, 0.0)
    neuron.last = time
    neuron.held = later(time, neuron.refractory)
    neuron.fired += 1
    group.signature = mix(mix(group.signature ^ np.uint64(time)) ^ np.uint64(unit - group.first))
    predict(units, unit)


@njit(error_model="numpy")
def set_drive(units, unit, drive, time):
    """Give `unit` another drive from `time` on.

    The same drive again leaves it alone, rounding nothing.
    """
    neuron = record(units.neuron, unit, NEURON)
    if neuron.drive == drive:
        return
    settle(units, unit, units.state + 8 * neuron.row, time)
    neuron.last = time
    neuron.drive = drive
    predict(units, unit)


@njit(error_model="numpy")
def set_drives(table, first, drive, time):
    """Give the units from `first` on another drive (m,) from `time` on."""
    for k in range(drive.size):
        set_drive(table[0], first + k, drive[k], time)


@njit(error_model="numpy")
def bring(table, first, end, time):
    """Bring the units from `first` to before `end` to `time`."""
    units = table[0]
    for unit in range(first, end):
        neuron = record(units.neuron, unit, NEURON)
        settle(units, unit, units.state + 8 * neuron.row, time)
        neuron.last = max(neuron.last, time)


@njit(error_model="numpy")
def foresee(table, first, end, time):
    """Let the units from `first` to before `end` predict anew.

    A spike that is due before `time` comes then.
    """
    units = table[0]
    for unit in range(first, end):
        predict(units, unit)
        if wholes(units.due)[unit] < time:
            schedule(units, unit, time)
