"""What counts of each unit on the way back from a loss: its marks, and its state just before them.

Once the spikes of a sample are known, its units are gone through again, one after the other, to
note these states; `event_adjoint` explains what they are for.
"""

import math
from typing import Any, NamedTuple

from .caching import kernel
from .event_crossing import response
from .event_queue import NEVER, TICKS, later

SPIKE, RELEASE, LOOK = (
    0,
    1,
    2,
)  # kinds of marks: a spike, the end of its refractory time, an observation


class Cells(NamedTuple):
    """Units, numbered as on the engine.

    relay (n,) bool: a source, which fires when something arrives; the rest of those that have a
    potential, all (n,) float64 but refractory [ticks]: tau, tau_first, tau_second [s], threshold,
    reset, drive [V], and v, first, second [V] at time 0.
    """

    relay: Any
    tau: Any
    tau_first: Any
    tau_second: Any
    threshold: Any
    reset: Any
    refractory: Any
    drive: Any
    v: Any
    first: Any
    second: Any


class Paths(NamedTuple):
    """Synapses, as in `event_loop.Wires`, whose first five arrays these are.

    variable (n_projections,) int64: the state variable that receives, 1 for the first current and
    2 for the second.
    """

    chain_first: Any
    chain: Any
    segment: Any
    target: Any
    weight: Any
    variable: Any


class Sample(NamedTuple):
    """What happened in one sample, in order of time.

    time (n_spikes,) [ticks] and unit (n_spikes,) int64: all spikes; arrival (n_arrivals,) SPIKE:
    those listed in inputs, at time NEVER where there is none; variable (n_arrivals,) int64, what
    they are added to, 0 in a source; look (n_looks,) [ticks], ascending, times at which the units
    `watched` (n_watched,) int64 are observed.
    """

    time: Any
    unit: Any
    arrival: Any
    variable: Any
    look: Any
    watched: Any


class Marks(NamedTuple):
    """The moments of each unit that count: spikes, ends of refractory times, observations.

    begin (n_units + 1,): the first mark of each unit, in order of time; low (n_units,): the first
    one that is worked out; time [ticks], kind and index (which spike, or which observation: look *
    n_watched + watched unit) of each mark; clamped, whether the potential is held at the reset
    before it; v, first, second: the state just before it [V], of a source v alone: how many
    arrivals met in the spike; lv, l_first, l_second: the derivatives of the loss with respect to
    that; place (n_spikes,): the mark of each spike; gained (n_spikes,): the derivative of the loss
    with respect to its time.
    """

    begin: Any
    low: Any
    time: Any
    kind: Any
    index: Any
    clamped: Any
    v: Any
    first: Any
    second: Any
    lv: Any
    l_first: Any
    l_second: Any
    place: Any
    gained: Any


@kernel
def _count(cells, sample, marks):
    """Find where the marks of each unit begin."""
    begin = marks.begin
    for unit in range(begin.size):
        begin[unit] = 0
    for k in range(sample.time.size):
        unit = sample.unit[k]
        begin[unit + 1] += 1 if cells.relay[unit] else 2
    for w in range(sample.watched.size):
        begin[sample.watched[w] + 1] += sample.look.size
    for unit in range(begin.size - 1):
        begin[unit + 1] += begin[unit]


@kernel
def _put(marks, unit, time, kind, index):
    """Append a mark to a unit."""
    m = marks.low[unit]
    marks.time[m], marks.kind[m], marks.index[m] = time, kind, index
    before = marks.kind[m - 1] if m > marks.begin[unit] else RELEASE
    marks.clamped[m] = marks.clamped[m - 1] if before == LOOK else before == SPIKE
    marks.v[m] = marks.first[m] = marks.second[m] = 0.0
    marks.low[unit] = m + 1
    return m


@kernel
def _look(sample, marks, watched, seen, before):
    """Append the observations of a watched unit that come before a time; return how many it has."""
    while seen < sample.look.size and sample.look[seen] < before:
        _put(
            marks,
            sample.watched[watched],
            sample.look[seen],
            LOOK,
            seen * sample.watched.size + watched,
        )
        seen += 1
    return seen


@kernel
def _mark(cells, sample, marks, seen, watching):
    """List the marks of every unit.

    seen (n_watched,) scratch; watching (n_units,): the place of a unit among those watched, -1 for
    others.
    """
    _count(cells, sample, marks)
    for unit in range(marks.low.size):
        marks.low[unit] = marks.begin[unit]
    for w in range(seen.size):
        seen[w] = 0
    for k in range(sample.time.size):
        unit, time, w = sample.unit[k], sample.time[k], watching[sample.unit[k]]
        if w >= 0:
            seen[w] = _look(sample, marks, w, seen[w], time)
        marks.place[k] = _put(marks, unit, time, SPIKE, k)
        if not cells.relay[unit]:
            release = later(time, cells.refractory[unit])
            if w >= 0:
                seen[w] = _look(sample, marks, w, seen[w], release)
            _put(marks, unit, release, RELEASE, k)
    for w in range(seen.size):
        _look(sample, marks, w, seen[w], NEVER)


@kernel
def mark_from(marks, unit, time):
    """The first mark of a unit at or after `time`, by bisection.

    The one behind the last if there is none.
    """
    low, high = marks.begin[unit], marks.begin[unit + 1]
    while low < high:
        middle = (low + high) >> 1
        if marks.time[middle] < time:
            low = middle + 1
        else:
            high = middle
    return low


@kernel
def _deposit(cells, marks, unit, variable, time, weight, watched):
    """Add an arrival to the state at the next mark of its unit."""
    m = mark_from(marks, unit, time)
    if m == marks.begin[unit + 1]:
        return
    wait = (marks.time[m] - time) / TICKS
    if variable == 1:
        tau = cells.tau_first[unit]
        marks.first[m] += weight * math.exp(-wait / tau)
    else:
        tau = cells.tau_second[unit]
        marks.second[m] += weight * math.exp(-wait / tau)
    if watched and not marks.clamped[m]:
        membrane = cells.tau[unit]
        marks.v[m] += weight * response(wait, math.exp(-wait / membrane), membrane, tau)


@kernel
def _meet(marks, unit, time):
    """Count an arrival among those that met in a spike of a source."""
    m = mark_from(marks, unit, time)
    if m < marks.begin[unit + 1] and marks.time[m] == time:
        marks.v[m] += 1.0


@kernel
def _carry(cells, marks, unit):
    """Carry the state of a unit from mark to mark, to what has arrived in between."""
    v, first, second, time = cells.v[unit], cells.first[unit], cells.second[unit], 0
    tau, tau_first, tau_second = cells.tau[unit], cells.tau_first[unit], cells.tau_second[unit]
    drive = cells.drive[unit]
    for m in range(marks.begin[unit], marks.begin[unit + 1]):
        wait = (marks.time[m] - time) / TICKS
        decay, time = math.exp(-wait / tau), marks.time[m]
        if marks.clamped[m]:
            marks.v[m] = cells.reset[unit]
        else:
            marks.v[m] += drive + (v - drive) * decay
            marks.v[m] += first * response(wait, decay, tau, tau_first)
            marks.v[m] += second * response(wait, decay, tau, tau_second)
        marks.first[m] += first * math.exp(-wait / tau_first)
        marks.second[m] += second * math.exp(-wait / tau_second)
        v = cells.reset[unit] if marks.kind[m] == SPIKE else marks.v[m]
        first, second = marks.first[m], marks.second[m]


@kernel
def replay(cells, paths, sample, marks, seen, watching):
    """Mark a sample, and work out the state of every unit at its marks."""
    _mark(cells, sample, marks, seen, watching)
    for k in range(sample.time.size):
        unit = sample.unit[k]
        for c in range(paths.chain_first[unit], paths.chain_first[unit + 1]):
            s, more = paths.chain[c], True
            while more:
                segment = paths.segment[s]
                time = later(sample.time[k], segment.delay)
                variable = paths.variable[segment.projection]
                for synapse in range(segment.first, segment.end):
                    target = paths.target[synapse]
                    if cells.relay[target]:
                        _meet(marks, target, time)
                    else:
                        _deposit(
                            cells,
                            marks,
                            target,
                            variable,
                            time,
                            paths.weight[synapse],
                            watching[target] >= 0,
                        )
                more = segment.more != 0
                s += 1
    for a in range(sample.arrival.size):
        arrival = sample.arrival[a]
        if cells.relay[arrival.unit]:
            _meet(marks, arrival.unit, arrival.time)
        else:
            _deposit(
                cells,
                marks,
                arrival.unit,
                sample.variable[a],
                arrival.time,
                arrival.weight,
                watching[arrival.unit] >= 0,
            )
    for unit in range(marks.low.size):
        if not cells.relay[unit]:
            _carry(cells, marks, unit)
