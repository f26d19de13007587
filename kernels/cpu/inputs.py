"""Stimuli: what arrives from outside at the end of a step."""

import math

import numpy as np

from ..reference.inputs import GROUP, PICO
from .caching import kernel
from .marks import MARKED
from .random import mix, normal, uniform
from .scan import at

NEVER = np.int64(1) << np.int64(62)


@kernel
def spike_train_step(
    step, event_steps, event_ids, event_weights, cursor, receiving, drowsy, place, woken, upcoming
):
    """Deliver the listed spikes that arrive by the end of this step; return their number.

    event_steps (n_events,) int64, ascending; event_ids (n_events,) uint32; event_weights
    (n_events,);
    cursor (1,) int64, the first event not delivered yet; drowsy, place, woken: see `deliver_step`.
    """
    k = begin = cursor[0]
    while k < event_steps.size and event_steps[k] <= step:
        receiving[event_ids[k]] += event_weights[k]
        if drowsy[0]:
            woken[(place + event_ids[k]) >> MARKED] = 1
        k += 1
    cursor[0] = k
    upcoming[0] = event_steps[k] if k < event_steps.size else NEVER
    return k - begin


@kernel
def poisson_step(
    step,
    key,
    sample,
    dt,
    rate,
    weight,
    due,
    drawn,
    earliest,
    receiving,
    drowsy,
    place,
    woken,
    upcoming,
):
    """Deliver independent Poisson trains, one per unit; return the number of spikes.

    rate [Hz] and weight, one number or (n,); due (n,) float64, time of each unit's next spike [s],
    negative before the first draw; drawn (n,) int64, the number of the next interval to draw, and
    before the first draw the picoseconds at which the train begins; earliest (n_groups,) float64,
    the smallest `due` of every 256 units. Interval k of unit i is -ln(u(key, i, k)) / rate, the
    same on any grid; drowsy, place, woken: see `deliver_step`.
    """
    # a spike acts at the nearest grid point; this step ends at (step + 1) * dt
    end = (step + 1.5) * dt
    stream = mix(key + np.uint64(sample[0]))
    arrived, soonest = 0, math.inf
    for group in range(earliest.size):
        if earliest[group] <= end:
            smallest = math.inf
            for i in range(group * GROUP, min((group + 1) * GROUP, due.size)):
                if due[i] < 0.0:
                    due[i] = drawn[i] / PICO - math.log(uniform(stream, i, drawn[i])) / at(rate, i)
                    drawn[i] += 1
                while due[i] <= end:
                    receiving[i] += at(weight, i)
                    due[i] -= math.log(uniform(stream, i, drawn[i])) / at(rate, i)
                    drawn[i] += 1
                    arrived += 1
                    if drowsy[0]:
                        woken[(place + i) >> MARKED] = 1
                smallest = min(smallest, due[i])
            earliest[group] = smallest
        soonest = min(soonest, earliest[group])
    upcoming[0] = NEVER if soonest > 1e15 * dt else np.int64(math.ceil(soonest / dt - 1.5))
    return arrived


@kernel
def hold_step(step, base, lasting, drive, until, renewed):
    """Reset the drive to its constant part `base` in steps in which a current changes.

    In all steps if not `lasting`. until (1,) int64: the step in which the first current changes;
    renewed (1,) int64: whether the drive was reset. Then the kernels of the currents, which come
    after, add their currents to it and lower `until` to their next change.
    """
    renewed[0] = step >= until[0]
    if renewed[0]:
        for i in range(drive.size):
            drive[i] = at(base, i)
        until[0] = NEVER if lasting else step + 1


@kernel
def timed_array_step(step, values, repeat, drive, until, renewed, upcoming):
    """Add row ``step // repeat`` of `values` (n_rows, n or 1) to the drive.

    Nothing is added after the last row.
    """
    segment = step // repeat
    upcoming[0] = (segment + 1) * repeat if segment < values.shape[0] else NEVER
    if not renewed[0]:
        return 0
    until[0] = min(until[0], upcoming[0])
    if segment < values.shape[0]:
        wide = values.shape[1] > 1
        for i in range(drive.size):
            drive[i] += values[segment, i if wide else 0]
    return 0


@kernel
def step_current_step(step, from_steps, levels, drive, until, renewed, upcoming):
    """Add the level whose start was the last to pass.

    levels (n_levels, n or 1); their starts are `from_steps` (n_levels,).
    """
    segment = np.searchsorted(from_steps, step, side="right") - 1
    upcoming[0] = from_steps[segment + 1] if segment + 1 < from_steps.size else NEVER
    if not renewed[0]:
        return 0
    until[0] = min(until[0], upcoming[0])
    if segment >= 0:
        wide = levels.shape[1] > 1
        for i in range(drive.size):
            drive[i] += levels[segment, i if wide else 0]
    return 0


@kernel
def noise_step(step, key, sample, mean, std, repeat, drive, until, renewed):
    """Add Gaussian noise, redrawn every `repeat` steps, to the drive.

    Its mean and std are one number or (n,).
    """
    if not renewed[0]:
        return 1
    until[0] = min(until[0], (step // repeat + 1) * repeat)
    stream = mix(key + np.uint64(sample[0]))
    for i in range(drive.size):
        drive[i] += at(mean, i) + at(std, i) * normal(stream, step // repeat, i)
    return 1
