"""Leaky integrate-and-fire, exponential synaptic conductances."""

from __future__ import annotations

import numpy as np

from .scan import hold_back, scan, settle


def coba_lif_step(
    v, hold, g_e, g_i, excitatory, inhibitory, drive, fired, rate, rest, reversal_e, reversal_i,
    decay_e, decay_i, mean_e, mean_i, threshold, reset, hold_steps,
):  # fmt: skip
    """Advance one CobaLIF population by one step, in place; return the spike count.

    v (n,) potential [V]; hold (n,) int32, refractory steps left; g_e, g_i (n,) conductances [leak
    conductance]; excitatory, inhibitory (n,) weights arriving at the end of the step [leak conductance],
    zeroed; drive (n,) R*I [V]; fired (n,) uint32 receives the firing indices. rate: dt/tau; mean_*: the
    mean of a conductance over a step, relative to its beginning.
    """
    open_e, open_i = g_e * mean_e, g_i * mean_i
    total = 1 + open_e + open_i
    pull = rest + open_e * reversal_e + open_i * reversal_i + drive
    target = pull / total
    moved = settle(target + (v - target) * np.exp(-rate * total))
    g_e[:] = settle(g_e * decay_e) + excitatory
    g_i[:] = settle(g_i * decay_i) + inhibitory
    excitatory[:] = inhibitory[:] = 0
    hold_back(v, hold, moved, reset)
    return scan(v, hold, fired, threshold, reset, hold_steps)
