"""Stimuli over a span of steps, from `start` on, as arrays (time, n): what arrives in each step."""

from __future__ import annotations

import numpy as np


def spike_train_step(start, event_steps, event_ids, event_weights, cursor, receiving):
    """Add the listed spikes that arrive in the span to receiving (time, n), in place.

    event_steps (n_events,) int64, ascending; event_ids, event_weights (n_events,); cursor (1,)
    int64, the first event not delivered yet. One that is late arrives in the first step.
    """
    stop = start + len(receiving)
    due = slice(cursor[0], max(np.searchsorted(event_steps, stop - 1, side="right"), cursor[0]))
    rows = np.maximum(event_steps[due], start) - start
    np.add.at(receiving, (rows, event_ids[due]), event_weights[due])
    cursor[0] = due.stop


def timed_array_step(start, values, repeat, drive):
    """Add row ``step // repeat`` of values (n_rows, n or 1) to drive (time, n), in place."""
    segments = np.arange(start, start + len(drive)) // repeat
    known = segments < len(values)
    drive[known] += values[segments[known]]
    drive[~known] += drive.dtype.type(0)


def step_current_step(start, from_steps, levels, drive):
    """Add the level (n_levels, n or 1) whose start was the last to pass to drive (time, n)."""
    steps = np.arange(start, start + len(drive))
    segments = np.searchsorted(from_steps, steps, side="right") - 1
    drive[segments >= 0] += levels[segments[segments >= 0]]
