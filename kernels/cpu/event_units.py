"""Units of the event engine: each keeps the state of its last event and the time at which it will fire.

A unit's state variables stand in one row. While a unit is refractory its first variable is clamped and takes
no input; the others go on. What arrives at one time is summed before the unit looks at its threshold.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from .event_binding import call
from .event_queue import NEVER, TICKS, schedule
from .random import mix

CELL = np.dtype(
    [
        ("group", np.int64),  # its population
        ("row", np.int64),  # where its state variables begin
        ("constants", np.int64),  # where its parameters begin
        ("refractory", np.int64),  # [ticks]
        ("drive", np.float64),
        ("last", np.int64),  # the time of its state [ticks]
        ("held", np.int64),  # the end of its refractory time [ticks]
        ("fired", np.int64),  # its spikes so far
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
def _propagate(units, unit, rows, start, begin, end):
    """Propagate the row of `unit` that begins at rows[start] from `begin` to `end`, not across its `held`."""
    if end <= begin:
        return
    cell = units.cell[unit]
    row = rows.ctypes.data + 8 * start
    parameters = units.parameters.ctypes.data + 8 * cell.constants
    kept = rows[start]
    call(units.group[cell.group].flow, row, parameters, cell.drive, (end - begin) / TICKS)
    if end <= cell.held:
        rows[start] = kept


@njit(error_model="numpy")
def settle(units, unit, rows, start, time):
    """Bring a row of `unit`, true at its last event, to `time`."""
    last, held = units.cell[unit].last, units.cell[unit].held
    if last < held:
        _propagate(units, unit, rows, start, last, min(held, time))
        last = held
    _propagate(units, unit, rows, start, last, time)


@njit(error_model="numpy")
def touch(units, unit, count):
    """Enter `unit` among the touched ones, once; return their number."""
    if units.cell[unit].marked:
        return count
    units.cell[unit].marked = 1
    units.touched[count] = unit
    return count + 1


@njit(error_model="numpy")
def take(units, unit, time):
    """Bring `unit` to `time`, add what arrives there, and predict anew."""
    cell = units.cell[unit]
    start = cell.row
    settle(units, unit, units.state, start, time)
    cell.last = time
    cell.marked = 0
    for k in range(units.group[cell.group].width):
        if k > 0 or time > cell.held:
            units.state[start + k] += units.arriving[start + k]
        units.arriving[start + k] = 0.0
    predict(units, unit)


@njit(error_model="numpy")
def predict(units, unit):
    """Schedule the next spike of `unit`, whose state is true at its last event."""
    cell = units.cell[unit]
    group = units.group[cell.group]
    rows, start, begin = units.state, cell.row, cell.last
    if cell.held > begin:
        for k in range(group.width):
            units.spare[k] = rows[start + k]
        rows, start = units.spare, np.int64(0)
        _propagate(units, unit, rows, start, begin, cell.held)
        begin = cell.held
    parameters = units.parameters.ctypes.data + 8 * cell.constants
    wait = call(group.next, rows.ctypes.data + 8 * start, parameters, cell.drive, 0.0)
    due = NEVER
    if begin + wait * TICKS < NEVER:
        due = max(begin + np.int64(math.floor(wait * TICKS + 0.5)), cell.held + 1)
    schedule(units.heap, units.place, units.due, units.size, unit, due)


@njit(error_model="numpy")
def spike(units, unit, time):
    """Let `unit` fire."""
    cell = units.cell[unit]
    group = units.group[cell.group]
    settle(units, unit, units.state, cell.row, time)
    row = units.state.ctypes.data + 8 * cell.row
    parameters = units.parameters.ctypes.data + 8 * cell.constants
    call(group.fire, row, parameters, cell.drive, 0.0)
    cell.last = time
    cell.held = time + cell.refractory
    cell.fired += 1
    group.signature = mix(mix(group.signature ^ np.uint64(time)) ^ np.uint64(unit - group.first))
    predict(units, unit)


@njit(error_model="numpy")
def set_drive(units, first, drive, time):
    """Give the units from `first` on another drive (m,) from `time` on."""
    for k in range(drive.size):
        unit = first + k
        cell = units.cell[unit]
        settle(units, unit, units.state, cell.row, time)
        cell.last = time
        cell.drive = drive[k]
        predict(units, unit)
