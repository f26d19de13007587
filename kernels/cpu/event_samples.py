"""Samples of a batch on the event engine, one after the other in compiled code."""

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from .event_inputs import SLOT, SPIKE
from .event_loop import DONE, advance
from .event_memory import record, wholes
from .event_queue import schedule

DIVERGED = 3  # why the loop returned, beside the reasons of `event_loop.advance`


class Samples(NamedTuple):
    """What a batch hands in and gets back.

    begin, end (n_samples, n_slots) int64: which listed spikes each slot has in each sample; rows
    (n_samples,) int64, written: the row behind the last recorded spike of each sample.
    """

    begin: Any
    end: Any
    rows: Any


@njit(error_model="numpy")
def run_samples(
    sample,
    stop,
    until,
    samples,
    block,
    start,
    state,
    units_table,
    wires_table,
    flight_table,
    inputs_table,
    learning_table,
    records_table,
):
    """Run the samples from `sample` to before `stop`, each up to `until` [ticks].

    Returns the sample reached and why the loop ended. block (n_bytes,) holds all that a run changes
    but spikes in flight and recorded, of it state (n_numbers,) the state variables; start
    (n_bytes,) is how it begins, with no slot scheduled. A sample that found a buffer full is left
    as if it had not begun; one that ends with a state that is not finite ends the loop.
    """
    records, flight, inputs = records_table[0], flight_table[0], inputs_table[0]
    rows = wholes(records.rows)
    while sample < stop:
        kept = rows[0]
        block[:] = start
        wholes(flight.size)[0] = 0
        for index in range(samples.begin.shape[1]):
            first, end = samples.begin[sample, index], samples.end[sample, index]
            slot = record(inputs.slot, index, SLOT)
            slot.cursor = first
            slot.end = end
            if first < end:
                schedule(inputs, index, record(inputs.spike, first, SPIKE).time)
        ended = advance(
            until,
            units_table,
            wires_table,
            flight_table,
            inputs_table,
            learning_table,
            records_table,
        )
        if ended != DONE:
            rows[0] = kept
            return sample, ended
        for number in state:
            if not math.isfinite(number):
                return sample, np.int64(DIVERGED)
        samples.rows[sample] = rows[0]
        sample += 1
    return sample, np.int64(DONE)
