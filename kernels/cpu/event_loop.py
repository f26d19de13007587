"""The event loop: from event to event in order of time, with no grid."""

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from .event_inputs import feed
from .event_queue import NEVER, pop, push, replace
from .event_records import sample
from .event_units import spike, take, touch

DONE, QUEUE_FULL, RECORD_FULL = 0, 1, 2  # why the loop returned


SEGMENT = np.dtype(
    [
        ("delay", np.int64),  # [ticks]
        ("first", np.int64),  # its first synapse
        ("end", np.int64),  # the one behind its last
        ("more", np.int64),  # whether the chain goes on with the next segment
        ("projection", np.int64),
    ],
    align=True,
)
PROJECTION = np.dtype(
    [
        ("row", np.int64),  # where the receiving variable of its first target is
        ("base", np.int64),  # that target
        ("width", np.int64),  # state variables per target
        ("rank", np.int64),  # of the target population
    ],
    align=True,
)


class Wires(NamedTuple):
    """All synapses: a spike travels along one chain per projection, from segment to segment in order of delay.

    chain_first (n_units + 1,), the first chain of each unit; chain (n_chains,), the first segment of each chain;
    segment SEGMENT, runs of one source and delay; projection PROJECTION; target (n_synapses,) uint32, the unit
    reached; weight (n_synapses,) float64.
    """

    chain_first: Any
    chain: Any
    segment: Any
    projection: Any
    target: Any
    weight: Any


class Flight(NamedTuple):
    """Spikes on their way: a heap by (time [ticks], segment), see `event_queue.push`; delivered (1,) so far."""

    times: Any
    codes: Any
    size: Any
    delivered: Any


@njit(error_model="numpy")
def advance(stop, units, wires, flight, inputs, records):
    """Carry out all events up to and including `stop` [ticks], or until a buffer is full; return why it ended.

    At one time, populations act in order of rank: first all that arrives is summed, then units fire in order.
    """
    while True:
        time, rank = _earliest(units, wires, flight, inputs)
        if records.due[0] < min(time, stop + 1):
            if not sample(records, units):
                return RECORD_FULL
            continue
        if time > stop:
            return DONE
        count = np.int64(0)
        while inputs.size[0] > 0 and _slot_is(inputs, inputs.heap[0], time, rank):
            count = feed(inputs, units, inputs.heap[0], time, count)
        while flight.size[0] > 0 and flight.times[0] == time and _rank(wires, flight.codes[0]) == rank:
            count = _deliver(units, wires, flight, count)
        for k in range(count):
            take(units, units.touched[k], time)
        while units.size[0] > 0 and _unit_is(units, units.heap[0], time, rank):
            unit = units.heap[0]
            if records.rows[0] == records.fired.size:
                return RECORD_FULL
            if flight.size[0] + wires.chain_first[unit + 1] - wires.chain_first[unit] > flight.times.size:
                return QUEUE_FULL
            _emit(units, wires, flight, records, unit, time)


@njit(error_model="numpy")
def _rank(wires, segment):
    return wires.projection[wires.segment[segment].projection].rank


@njit(error_model="numpy")
def _slot_is(inputs, slot, time, rank):
    return inputs.due[slot] == time and inputs.slot[slot].rank == rank


@njit(error_model="numpy")
def _unit_is(units, unit, time, rank):
    return units.due[unit] == time and units.group[units.cell[unit].group].rank == rank


@njit(error_model="numpy")
def _earliest(units, wires, flight, inputs):
    """Time and rank of the next event."""
    time, rank = NEVER, 0
    if flight.size[0] > 0:
        time, rank = flight.times[0], _rank(wires, flight.codes[0])
    if inputs.size[0] > 0:
        slot = inputs.heap[0]
        due, own = inputs.due[slot], inputs.slot[slot].rank
        if due < time or (due == time and own < rank):
            time, rank = due, own
    if units.size[0] > 0:
        unit = units.heap[0]
        due, own = units.due[unit], units.group[units.cell[unit].group].rank
        if due < time or (due == time and own < rank):
            time, rank = due, own
    return time, rank


@njit(error_model="numpy")
def _deliver(units, wires, flight, count):
    """Deliver the first segment in flight and send its spike on to the next; return the touched units."""
    time, index = flight.times[0], flight.codes[0]
    segment = wires.segment[index]
    projection = wires.projection[segment.projection]
    row, base, width = projection.row, projection.base, projection.width
    for s in range(segment.first, segment.end):
        unit = np.int64(wires.target[s])
        units.arriving[row + (unit - base) * width] += wires.weight[s]
        count = touch(units, unit, count)
    flight.delivered[0] += segment.end - segment.first
    if segment.more:
        ahead = wires.segment[index + 1].delay - segment.delay
        replace(flight.times, flight.codes, flight.size, time + ahead, index + 1)
    else:
        pop(flight.times, flight.codes, flight.size)
    return count


@njit(error_model="numpy")
def _emit(units, wires, flight, records, unit, time):
    """Let `unit` fire, note it, and send the spike along its chains."""
    spike(units, unit, time)
    if units.group[units.cell[unit].group].recorded:
        noted = records.fired[records.rows[0]]
        noted.time = time
        noted.unit = unit
        records.rows[0] += 1
    for c in range(wires.chain_first[unit], wires.chain_first[unit + 1]):
        first = wires.chain[c]
        push(flight.times, flight.codes, flight.size, time + wires.segment[first].delay, first)
