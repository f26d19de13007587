"""Records of the event engine.

Spikes are kept as they happen, samples at multiples of an interval, taken on copies.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from .event_memory import reals, record, wholes
from .event_queue import NEVER, later
from .event_units import NEURON, copied, settle

STATE, COUNTS, RATE, WEIGHTS = 0, 1, 2, 3  # kinds of sampling probes

FIRED = np.dtype([("time", np.int64), ("unit", np.int64)], align=True)
PROBE = np.dtype(
    [
        ("kind", np.int64),
        ("variable", np.int64),  # the state variable read
        ("every", np.int64),  # between samples [ticks]
        ("upcoming", np.int64),  # its next sample [ticks]
        ("subset", np.int64),  # where the units, or the weights that learn, that it reads begin
        ("units", np.int64),  # how many they are
        ("width", np.int64),  # numbers per sample
        ("buffer", np.int64),  # where its samples begin
        ("room", np.int64),  # how many numbers fit
        ("filled", np.int64),  # how many it has written
    ],
    align=True,
)


class Records(NamedTuple):
    """Buffers that are emptied when the loop returns.

    fired (capacity,) FIRED, spikes, of which rows[0] are filled; probe (n_probes,) PROBE; subset
    int64, the units that they read, and before, the spikes of these up to the last sample; buffer
    float64, the samples;
    due (1,): the earliest upcoming sample [ticks], NEVER without probes.
    """

    fired: Any
    capacity: int
    rows: Any
    probe: Any
    n_probes: int
    subset: Any
    before: Any
    buffer: Any
    due: Any


@njit(error_model="numpy")
def sample(records, units, learning):
    """Take all samples that are due first; return whether there was room."""
    time, due = wholes(records.due)[0], NEVER
    for p in range(records.n_probes):
        probe = record(records.probe, p, PROBE)
        if probe.upcoming == time and probe.filled + probe.width > probe.room:
            return False
    for p in range(records.n_probes):
        probe = record(records.probe, p, PROBE)
        if probe.upcoming == time:
            _write(records, units, learning, probe, time)
            probe.filled += probe.width
            probe.upcoming = later(probe.upcoming, probe.every)
        due = min(due, probe.upcoming)
    wholes(records.due)[0] = due
    return True


@njit(error_model="numpy")
def _write(records, units, learning, probe, time):
    """Append one sample of a probe."""
    out = reals(records.buffer + 8 * (probe.buffer + probe.filled))
    subset, before = (
        wholes(records.subset + 8 * probe.subset),
        wholes(records.before + 8 * probe.subset),
    )
    out[0] = 0.0
    for k in range(probe.units):
        if probe.kind == WEIGHTS:
            out[k] = reals(learning.weight)[subset[k]]
            continue
        if probe.kind == STATE:
            row = copied(units, subset[k])
            settle(units, subset[k], row, time)
            out[k] = reals(row)[probe.variable]
            continue
        fired = record(units.neuron, subset[k], NEURON).fired
        if probe.kind == RATE:
            out[0] += fired - before[k]
        else:
            out[k] = fired - before[k]
        before[k] = fired
