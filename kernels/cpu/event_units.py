"""Units of the event engine: each keeps the state of its last event and the time at which it will fire.

A unit's state variables stand in one row. While a unit is refractory its first variable is clamped and takes
no input; the others go on. What arrives at one time is summed before the unit looks at its threshold.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from .event_binding import call
from .event_memory import reals, record, wholes
from .event_queue import TICKS, later, nearest_tick, schedule
from .random import mix

CELL = np.dtype(
    [
        ("group", np.int64),  # its population
        ("row", np.int64),  # where its state variables begin
        ("constants", np.int64),  # where its parameters begin
        ("refractory", np.int64),  # [ticks], NEVER for one that does not end in any run
        ("drive", np.float64),
        ("last", np.int64),  # the time of its state [ticks]
        ("held", np.int64),  # the end of its refractory time [ticks], -1 before the first spike
        ("fired", np.int64),  # its spikes so far
        ("unsure", np.int64),  # 1 where it is due to be asked again, not to fire
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

    cell (n,) CELL; group (n_populations,) GROUP; state, what has arrived for each state variable (arriving), and
    parameters, all float64; spare float64, room for one row; touched (n,) int64, work space;
    heap, place, due, size: when each unit will fire, see `event_queue.schedule`.
    """

    cell: Any
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
    """Propagate the row of `unit` at the address `rows` from `begin` to `end`, not across its `held`."""
    if end <= begin:
        return
    cell = record(units.cell, unit, CELL)
    flow = record(units.group, cell.group, GROUP).flow
    kept = reals(rows)[0]
    call(flow, rows, units.parameters + 8 * cell.constants, cell.drive, (end - begin) / TICKS)
    if end <= cell.held:
        reals(rows)[0] = kept


@njit(error_model="numpy")
def settle(units, unit, rows, time):
    """Bring the row of `unit` at the address `rows`, true at its last event, to `time`."""
    cell = record(units.cell, unit, CELL)
    last, held = cell.last, cell.held
    if last < held:
        _propagate(units, unit, rows, last, min(held, time))
        last = held
    _propagate(units, unit, rows, last, time)


@njit(error_model="numpy")
def touch(units, unit, count):
    """Enter `unit` among the touched ones, once; return their number."""
    cell = record(units.cell, unit, CELL)
    if cell.marked:
        return count
    cell.marked = 1
    wholes(units.touched)[count] = unit
    return count + 1


@njit(error_model="numpy")
def take(units, unit, time):
    """Bring `unit` to `time`, add what arrives there, and predict anew."""
    cell = record(units.cell, unit, CELL)
    settle(units, unit, units.state + 8 * cell.row, time)
    cell.last = time
    cell.marked = 0
    state, arriving = reals(units.state + 8 * cell.row), reals(units.arriving + 8 * cell.row)
    for k in range(record(units.group, cell.group, GROUP).width):
        if k > 0 or time > cell.held:
            state[k] += arriving[k]
        arriving[k] = 0.0
    predict(units, unit)


@njit(error_model="numpy")
def predict(units, unit):
    """Schedule the next spike of `unit`, whose state is true at its last event."""
    cell = record(units.cell, unit, CELL)
    group = record(units.group, cell.group, GROUP)
    row, begin = units.state + 8 * cell.row, cell.last
    if cell.held > begin:
        row = copied(units, unit)
        _propagate(units, unit, row, begin, cell.held)
        begin = cell.held
    wait = call(group.next, row, units.parameters + 8 * cell.constants, cell.drive, 0.0)
    cell.unsure = wait < 0.0
    schedule(units, unit, max(later(begin, nearest_tick(abs(wait))), later(cell.held, 1)))


@njit(error_model="numpy")
def ask(units, unit, time):
    """Predict anew for `unit`, which is due, if it was unsure; return whether it was."""
    cell = record(units.cell, unit, CELL)
    if not cell.unsure:
        return False
    settle(units, unit, units.state + 8 * cell.row, time)
    cell.last = time
    predict(units, unit)
    return True


@njit(error_model="numpy")
def copied(units, unit):
    """The address of a copy of the row of `unit`, for looking ahead."""
    cell = record(units.cell, unit, CELL)
    state, spare = reals(units.state + 8 * cell.row), reals(units.spare)
    for k in range(record(units.group, cell.group, GROUP).width):
        spare[k] = state[k]
    return units.spare


@njit(error_model="numpy")
def spike(units, unit, time):
    """Let `unit` fire."""
    cell = record(units.cell, unit, CELL)
    group = record(units.group, cell.group, GROUP)
    row = units.state + 8 * cell.row
    settle(units, unit, row, time)
    call(group.fire, row, units.parameters + 8 * cell.constants, cell.drive, 0.0)
    cell.last = time
    cell.held = later(time, cell.refractory)
    cell.fired += 1
    group.signature = mix(mix(group.signature ^ np.uint64(time)) ^ np.uint64(unit - group.first))
    predict(units, unit)


@njit(error_model="numpy")
def set_drive(units, unit, drive, time):
    """Give `unit` another drive from `time` on; the same drive again leaves it alone, rounding nothing."""
    cell = record(units.cell, unit, CELL)
    if cell.drive == drive:
        return
    settle(units, unit, units.state + 8 * cell.row, time)
    cell.last = time
    cell.drive = drive
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
        cell = record(units.cell, unit, CELL)
        settle(units, unit, units.state + 8 * cell.row, time)
        cell.last = max(cell.last, time)


@njit(error_model="numpy")
def foresee(table, first, end, time):
    """Let the units from `first` to before `end` predict anew; a spike that is due before `time` comes then."""
    units = table[0]
    for unit in range(first, end):
        predict(units, unit)
        if wholes(units.due)[unit] < time:
            schedule(units, unit, time)
