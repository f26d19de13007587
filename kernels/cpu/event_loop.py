"""The event loop: from event to event in order of time, with no grid."""

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from .event_inputs import SLOT, feed
from .event_learning import (
    RULE,
    learn_segment,
    learn_synapse,
    learn_unit,
    raise_segment,
    read_segment,
)
from .event_memory import ids, reals, record, wholes
from .event_queue import NEVER, later, pop, push, replace
from .event_records import FIRED, sample
from .event_units import GROUP, NEURON, ask, spike, take, touch

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
        ("rule", np.int64),  # the first by which it learns, -1 for none
    ],
    align=True,
)


class Wires(NamedTuple):
    """All synapses, in chains along which spikes travel.

    A spike travels along one chain per projection, from segment to segment in order of delay.
    chain_first (n_units + 1,), the first chain of each unit; chain (n_chains,), the first segment
    of each chain; segment SEGMENT, runs of one source and delay; projection PROJECTION; target
    (n_synapses,) uint32, the unit reached; weight (n_synapses,) float64, of those that do not
    learn.
    """

    chain_first: Any
    chain: Any
    segment: Any
    projection: Any
    target: Any
    weight: Any


class Flight(NamedTuple):
    """Spikes on their way.

    A heap by (time [ticks], segment), see `event_queue.push`; delivered (1,) so far.
    """

    times: Any
    codes: Any
    size: Any
    room: int
    delivered: Any


@njit(error_model="numpy")
def advance(
    stop, units_table, wires_table, flight_table, inputs_table, learning_table, records_table
):
    """Carry out all events up to and including `stop` [ticks], or until a buffer is full.

    Returns why the loop ended. Each table: see `event_memory.table`. At one time, populations act
    in order of rank: first all that arrives is summed, then units fire in order. So a synapse
    learns from what arrives before it learns from its target's spike.
    """
    units, wires, flight = units_table[0], wires_table[0], flight_table[0]
    inputs, learning, records = inputs_table[0], learning_table[0], records_table[0]
    while True:
        time, rank = _earliest(units, wires, flight, inputs)
        if wholes(records.due)[0] < min(time, stop + 1):
            if not sample(records, units, learning):
                return RECORD_FULL
            continue
        if time > stop:
            return DONE
        count = np.int64(0)
        while _slot_is(inputs, time, rank):
            count = feed(inputs, units, wholes(inputs.heap)[0], time, count)
        while _arrival_is(wires, flight, time, rank):
            count = _deliver(units, wires, flight, learning, count)
        for k in range(count):
            take(units, wholes(units.touched)[k], time)
        while _unit_is(units, time, rank):
            if ask(units, wholes(units.heap)[0], time):
                continue
            full = _full(units, wires, flight, records)
            if full:
                return full
            _emit(units, wires, flight, learning, records, time)


@njit(error_model="numpy")
def _slot_is(inputs, time, rank):
    """Whether the first slot is due at this time and rank."""
    if wholes(inputs.size)[0] == 0:
        return False
    first = wholes(inputs.heap)[0]
    return wholes(inputs.due)[first] == time and record(inputs.slot, first, SLOT).rank == rank


@njit(error_model="numpy")
def _arrival_is(wires, flight, time, rank):
    """Whether the first spike in flight arrives at this time and rank."""
    if wholes(flight.size)[0] == 0:
        return False
    return wholes(flight.times)[0] == time and _arrival_rank(wires, flight) == rank


@njit(error_model="numpy")
def _unit_is(units, time, rank):
    """Whether the first unit is due at this time and rank."""
    if wholes(units.size)[0] == 0:
        return False
    first = wholes(units.heap)[0]
    return wholes(units.due)[first] == time and _unit_rank(units, first) == rank


@njit(error_model="numpy")
def _arrival_rank(wires, flight):
    segment = record(wires.segment, wholes(flight.codes)[0], SEGMENT)
    return record(wires.projection, segment.projection, PROJECTION).rank


@njit(error_model="numpy")
def _unit_rank(units, unit):
    return record(units.group, record(units.neuron, unit, NEURON).group, GROUP).rank


@njit(error_model="numpy")
def _earliest(units, wires, flight, inputs):
    """Time and rank of the next event."""
    time, rank = NEVER, np.int64(0)
    if wholes(flight.size)[0] > 0:
        time, rank = wholes(flight.times)[0], _arrival_rank(wires, flight)
    if wholes(inputs.size)[0] > 0:
        first = wholes(inputs.heap)[0]
        due, own = wholes(inputs.due)[first], record(inputs.slot, first, SLOT).rank
        if due < time or (due == time and own < rank):
            time, rank = due, own
    if wholes(units.size)[0] > 0:
        first = wholes(units.heap)[0]
        due, own = wholes(units.due)[first], _unit_rank(units, first)
        if due < time or (due == time and own < rank):
            time, rank = due, own
    return time, rank


@njit(error_model="numpy")
def _deliver(units, wires, flight, learning, count):
    """Deliver the first segment in flight and send its spike on to the next.

    Returns the touched units.
    """
    time, index = wholes(flight.times)[0], wholes(flight.codes)[0]
    segment = record(wires.segment, index, SEGMENT)
    projection = record(wires.projection, segment.projection, PROJECTION)
    if projection.rule >= 0:
        count = _deliver_learning(units, wires, learning, index, time, count)
    else:
        arriving, base, width = (
            reals(units.arriving + 8 * projection.row),
            projection.base,
            projection.width,
        )
        target, weight = ids(wires.target), reals(wires.weight)
        for s in range(segment.first, segment.end):
            unit = np.int64(target[s])
            arriving[(unit - base) * width] += weight[s]
            count = touch(units, unit, count)
    wholes(flight.delivered)[0] += segment.end - segment.first
    due = NEVER
    if segment.more:
        due = later(time, record(wires.segment, index + 1, SEGMENT).delay - segment.delay)
    if due < NEVER:
        replace(flight, due, index + 1)
    else:
        pop(flight)
    return count


@njit(error_model="numpy")
def _deliver_learning(units, wires, learning, index, time, count):
    """Deliver the segment `index` of a projection that learns.

    Each weight is delivered as it is; then comes what the arrival does to it.

    Returns the touched units.
    """
    segment = record(wires.segment, index, SEGMENT)
    projection = record(wires.projection, segment.projection, PROJECTION)
    rule = record(learning.rule, projection.rule, RULE)
    arriving, base, width = (
        reals(units.arriving + 8 * projection.row),
        projection.base,
        projection.width,
    )
    target, weight = ids(wires.target), reals(learning.weight)
    read_segment(learning, projection.rule, index, time)
    for s in range(segment.first, segment.end):
        unit = np.int64(target[s])
        arriving[(unit - base) * width] += (
            1.0 if rule.alike else weight[rule.weight + s - rule.synapse]
        )
        count = touch(units, unit, count)
        if rule.arrival:
            learn_synapse(learning, projection.rule, s, unit, time)
    further = projection.rule
    while record(learning.rule, further, RULE).more:
        further += 1
        learn_segment(learning, further, index, segment.first, segment.end, target, time)
    raise_segment(learning, projection.rule, index, time)
    return count


@njit(error_model="numpy")
def _full(units, wires, flight, records):
    """Why there is no room for a spike of the first unit due, else 0.

    RECORD_FULL or QUEUE_FULL.
    """
    if wholes(records.rows)[0] == records.capacity:
        return RECORD_FULL
    first, unit = wholes(wires.chain_first), wholes(units.heap)[0]
    return QUEUE_FULL if wholes(flight.size)[0] + first[unit + 1] - first[unit] > flight.room else 0


@njit(error_model="numpy")
def _emit(units, wires, flight, learning, records, time):
    """Let the first unit due fire, note it, and send the spike along its chains."""
    unit = wholes(units.heap)[0]
    spike(units, unit, time)
    if record(units.group, record(units.neuron, unit, NEURON).group, GROUP).recorded:
        rows = wholes(records.rows)
        noted = record(records.fired, rows[0], FIRED)
        noted.time = time
        noted.unit = unit
        rows[0] += 1
    if learning.n_rules:
        learn_unit(learning, unit, time)
    first, chain = wholes(wires.chain_first), wholes(wires.chain)
    for c in range(first[unit], first[unit + 1]):
        due = later(time, record(wires.segment, chain[c], SEGMENT).delay)
        if due < NEVER:
            push(flight, due, chain[c])
