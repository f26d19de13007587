"""Leaky integrate-and-fire, delta synapses, escape noise."""

import numpy as np

from .caching import kernel
from .exponential import exponential
from .random import GOLDEN_WORD, mix, row_key, unit
from .scan import at, clamp, hold, short_of


@kernel
def escape_lif_step(
    v,
    resting,
    left,
    jump,
    drive,
    fired,
    decay,
    coarse,
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
    (n,) uint32, whose first `count` entries receive the firing indices; coarse: see `short_of`.
    Unit i fires where uniform(key, step, first_unit + i) is below 1 - exp(-h), h = expected exp((v
    - threshold) steepness): expected, of spikes in a step at threshold; threshold [V], steepness
    [1/V] and it in double precision, so that all backends draw the same spikes.
    """
    for i in range(v.shape[0]):
        driven = at(drive, i) + (v[i] - at(drive, i)) * at(decay, i)
        v[i] = short_of(at(drive, i), v, i, driven, coarse) + jump[i]
        jump[i] = 0
    k = 0
    # refractory neurons, whose v is set to their reset below, never fire
    while k < left.size and left[k] != 0:
        v[resting[k]] = -np.inf
        k += 1
    row, count = row_key(key, step), 0
    for i in range(v.shape[0]):
        word = mix(row + GOLDEN_WORD * np.uint64(first_unit + i + 1))
        hazard = at(expected, i) * exponential(
            (np.float64(v[i]) - at(threshold, i)) * at(steepness, i)
        )
        # the first is cheap and mostly enough
        if unit(word) < hazard and unit(word) < 1.0 - exponential(-hazard):
            fired[count] = i
            count += 1
    held = clamp(v, resting, left, reset)
    for k in range(count):
        i = fired[k]
        v[i] = at(reset, i)
        held = hold(i, resting, left, held, at(hold_steps, i))
    return count
