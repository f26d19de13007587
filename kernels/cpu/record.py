"""Probes: copies into buffers that are emptied between chunks of steps.

Every kernel counts its rows in `rows` (1,) and raises `pause` (1,) when another step might not fit.
"""

from .caching import kernel


@kernel
def record_spikes_step(step, fired, count, rows, row_steps, row_ids, pause):
    """Append this step's spikes: row_steps (capacity,) int64, row_ids (capacity,) uint32."""
    r = rows[0]
    for k in range(count[0]):
        row_steps[r] = step
        row_ids[r] = fired[k]
        r += 1
    rows[0] = r
    if r + fired.size > row_ids.size:
        pause[0] = 1


@kernel
def record_state_step(step, every, subset, variable, rows, samples, pause, upcoming):
    """Copy `variable` of the units in `subset` (m,) into samples every `every` steps.

    samples (capacity, m).
    """
    upcoming[0] = step + every - (step + 1) % every
    if (step + 1) % every:
        return
    r = rows[0]
    for k in range(subset.size):
        samples[r, k] = variable[subset[k]]
    rows[0] = r + 1
    if r + 2 > samples.shape[0]:
        pause[0] = 1


@kernel
def record_counts_step(step, every, fired, count, tally, rows, samples, pause, upcoming):
    """Count spikes per unit in tally (n,) uint32.

    Every `every` steps it is moved to samples (capacity, n).
    """
    for k in range(count[0]):
        tally[fired[k]] += 1
    upcoming[0] = step + every - (step + 1) % every
    if (step + 1) % every:
        return
    r = rows[0]
    for i in range(tally.size):
        samples[r, i] = tally[i]
        tally[i] = 0
    rows[0] = r + 1
    if r + 2 > samples.shape[0]:
        pause[0] = 1


@kernel
def record_rate_step(step, every, count, total, rows, samples, pause, upcoming):
    """Count the population's spikes in total (1,) int64.

    Every `every` steps it is moved to samples (capacity, 1).
    """
    total[0] += count[0]
    upcoming[0] = step + every - (step + 1) % every
    if (step + 1) % every:
        return
    r = rows[0]
    samples[r, 0] = total[0]
    total[0] = 0
    rows[0] = r + 1
    if r + 2 > samples.shape[0]:
        pause[0] = 1
