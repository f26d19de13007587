"""Leaky integrate-and-fire, delta synapses, escape noise."""

from __future__ import annotations

import numpy as np

from .random import uniform
from .scan import clamp, fire, refractory, short_of


def escape_lif_step(
    v,
    resting,
    left,
    jump,
    drive,
    fired,
    decay,
    threshold,
    steepness,
    expected,
    reset,
    hold_steps,
    key,
    step,
    first_unit,
):
    """Advance one EscapeLIF population by one step, in place; return the spike count.

    v (n,) potential [V]; resting (n,) uint32 and left (n,) int32 list the refractory neurons, see
    `clamp`;
    jump (n,) weights that arrive at the end of the step [V], set to 0 after; drive R*I [V]; fired
    (n,) uint32, whose first `count` entries receive the firing indices. Unit i fires where
    uniform(key, step, first_unit + i) is below 1 - exp(-h), h = expected exp((v - threshold)
    steepness): expected, of spikes in a step at threshold; threshold [V], steepness [1/V] and it in
    double precision, so that all backends draw the same spikes.
    """
    v[:] = short_of(drive, v, drive + (v - drive) * decay) + jump
    jump[:] = 0
    with np.errstate(over="ignore"):  # a rate that is too large for a number fires for certain
        hazard = expected * np.exp((v.astype(np.float64) - threshold) * steepness)
    reached = uniform(key, step, first_unit + np.arange(v.size)) < 1.0 - np.exp(-hazard)
    reached[refractory(resting, left)] = False
    held = clamp(v, resting, left, reset)
    return fire(reached, v, resting, left, held, fired, reset, hold_steps)
