"""Probes: copies into buffers that are emptied between chunks of steps.

Every kernel counts its rows in `rows` (1,) and raises `pause` (1,) when another step might not fit.
"""

from __future__ import annotations


def record_spikes_step(step, fired, count, rows, row_steps, row_ids, pause):
    """Append this step's spikes: row_steps (capacity,) int64, row_ids (capacity,) uint32."""
    new = slice(rows[0], rows[0] + count[0])
    row_steps[new] = step
    row_ids[new] = fired[: count[0]]
    rows[0] += count[0]
    if rows[0] + fired.size > row_ids.size:
        pause[0] = 1


def record_state_step(step, every, subset, variable, rows, samples, pause, upcoming):
    """Copy `variable` of the units in `subset` (m,) into samples every `every` steps.

    samples (capacity, m).
    """
    if _due(step, every, upcoming):
        _append(variable[subset], rows, samples, pause)


def record_counts_step(step, every, fired, count, tally, rows, samples, pause, upcoming):
    """Count spikes per unit in tally (n,) uint32.

    Every `every` steps it is moved to samples (capacity, n).
    """
    tally[fired[: count[0]]] += 1
    if _due(step, every, upcoming):
        _append(tally, rows, samples, pause)
        tally[:] = 0


def record_rate_step(step, every, count, total, rows, samples, pause, upcoming):
    """Count all spikes in total (1,) int64.

    Every `every` steps it is moved to samples (capacity, 1).
    """
    total += count
    if _due(step, every, upcoming):
        _append(total, rows, samples, pause)
        total[:] = 0


def _due(step, every, upcoming):
    """Whether a sample falls at the end of this step; says when the next one does."""
    upcoming[0] = step + every - (step + 1) % every
    return (step + 1) % every == 0


def _append(row, rows, samples, pause):
    samples[rows[0]] = row
    rows[0] += 1
    if rows[0] == len(samples):
        pause[0] = 1
