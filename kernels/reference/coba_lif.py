"""Leaky integrate-and-fire, exponential synaptic conductances."""

from __future__ import annotations

import numpy as np

from .scan import clamp, scan, short_of


def coba_lif_step(
    v,
    resting,
    left,
    g_e,
    g_i,
    drive,
    fired,
    rate,
    rest,
    reversal_e,
    reversal_i,
    decay_e,
    decay_i,
    mean_e,
    mean_i,
    threshold,
    reset,
    hold_steps,
):
    """Advance one CobaLIF population by one step, in place; return the spike count.

    v (n,) potential [V]; resting (n,) uint32 and left (n,) int32 list the refractory neurons, see
    `clamp`; g_e, g_i (n,) conductances [leak conductance]; arriving weights are added to them after
    the step; drive R*I [V];
    fired (n,) uint32 receives the firing indices. rate: dt/tau; mean_*: the mean of a conductance
    over a step, relative to its value at the beginning.
    """
    open_e, open_i = g_e * mean_e, g_i * mean_i
    total = 1 + open_e + open_i
    pull = rest + open_e * reversal_e + open_i * reversal_i + drive
    target = pull / total
    v[:] = short_of(target, v, target + (v - target) * np.exp(-rate * total))
    g_e *= decay_e
    g_i *= decay_i
    held = clamp(v, resting, left, reset)
    return scan(v, resting, left, held, fired, threshold, reset, hold_steps)
