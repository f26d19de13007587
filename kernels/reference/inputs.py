"""Stimuli: what arrives from outside at the end of a step."""

from __future__ import annotations

import math

import numpy as np

from .random import mix, normal, uniform

NEVER = 1 << 62
PICO = 1e12  # picoseconds in a second
GROUP = 256  # units of which `poisson_step` knows the next one due


def spike_train_step(
    step, event_steps, event_ids, event_weights, cursor, receiving, drowsy, place, woken, upcoming
):
    """Deliver the listed spikes that arrive by the end of this step; return their number.

    event_steps (n_events,) int64, ascending; event_ids (n_events,) uint32; event_weights
    (n_events,);
    cursor (1,) int64, the first event not delivered yet; drowsy, place, woken: not used here.
    """
    due = slice(cursor[0], max(np.searchsorted(event_steps, step, side="right"), cursor[0]))
    np.add.at(receiving, event_ids[due], event_weights[due])
    cursor[0] = due.stop
    upcoming[0] = event_steps[due.stop] if due.stop < event_steps.size else NEVER
    return due.stop - due.start


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
    same on any grid; drowsy, place, woken: not used here.
    """
    rate, weight = np.broadcast_to(rate, due.shape), _each(receiving, weight)
    # a spike acts at the nearest grid point; this step ends at (step + 1) * dt
    end = (step + 1.5) * dt
    if earliest.min() > end:
        return 0
    stream = mix(np.uint64(key) + np.uint64(sample[0]))
    units = np.arange(due.size)

    def interval(chosen):
        return -np.log(uniform(stream, units[chosen], drawn[chosen])) / rate[chosen]

    with np.errstate(divide="ignore"):  # a rate of 0 waits forever
        new = due < 0
        due[new] = drawn[new] / PICO + interval(new)
        drawn[new] += 1
        arrived = 0
        while (late := due <= end).any():
            receiving[late] += weight[late].astype(receiving.dtype)
            due[late] += interval(late)
            drawn[late] += 1
            arrived += int(late.sum())
    earliest[:] = np.minimum.reduceat(due, np.arange(0, due.size, GROUP))
    upcoming[0] = NEVER if earliest.min() > 1e15 * dt else math.ceil(earliest.min() / dt - 1.5)
    return arrived


def _each(receiving, value):
    """A number or array as float64 (n,), rounded to the simulation's precision."""
    return np.broadcast_to(np.asarray(value, receiving.dtype).astype(np.float64), receiving.shape)


def hold_step(step, base, lasting, drive, until, renewed):
    """Reset the drive to its constant part `base` in steps in which a current changes.

    In all steps if not `lasting`. until (1,) int64: the step in which the first current changes;
    renewed (1,) int64: whether the drive was reset. Then the kernels of the currents, which come
    after, add their currents to it and lower `until` to their next change.
    """
    renewed[0] = step >= until[0]
    if renewed[0]:
        drive[:] = base
        until[0] = NEVER if lasting else step + 1


def timed_array_step(step, values, repeat, drive, until, renewed, upcoming):
    """Add row ``step // repeat`` of `values` (n_rows, n or 1) to the drive.

    Nothing is added after the last row.
    """
    segment = step // repeat
    upcoming[0] = (segment + 1) * repeat if segment < len(values) else NEVER
    if renewed[0]:
        until[0] = min(until[0], upcoming[0])
        drive += values[segment] if segment < len(values) else drive.dtype.type(0)
    return 0


def step_current_step(step, from_steps, levels, drive, until, renewed, upcoming):
    """Add the level whose start was the last to pass.

    levels (n_levels, n or 1); their starts are `from_steps` (n_levels,).
    """
    segment = np.searchsorted(from_steps, step, side="right") - 1
    upcoming[0] = from_steps[segment + 1] if segment + 1 < from_steps.size else NEVER
    if renewed[0]:
        until[0] = min(until[0], upcoming[0])
        drive += levels[segment] if segment >= 0 else drive.dtype.type(0)
    return 0


def noise_step(step, key, sample, mean, std, repeat, drive, until, renewed):
    """Add Gaussian noise, redrawn every `repeat` steps, to the drive.

    Its mean and std are one number or (n,).
    """
    if not renewed[0]:
        return 1
    until[0] = min(until[0], (step // repeat + 1) * repeat)
    stream = mix(np.uint64(key) + np.uint64(sample[0]))
    mean, std = (np.asarray(value, drive.dtype) for value in (mean, std))
    drive[:] = drive + (mean + std * normal(stream, step // repeat, np.arange(drive.size)))
    return 1
