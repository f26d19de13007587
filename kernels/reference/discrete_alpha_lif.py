"""Neurons in discrete time whose potential is the difference of two decaying currents."""

from __future__ import annotations

import numpy as np

from .discrete import NONE, SUBTRACT, above
from .scan import note


def discrete_alpha_lif_step(
    v,
    g_e,
    g_i,
    jump,
    drive,
    fired,
    decay_excitatory,
    decay_inhibitory,
    gain,
    threshold,
    resets,
    inclusive,
):
    """Advance one DiscreteAlphaLIF population by one step, in place; return the spike count.

    v (n,) potential; g_e, g_i (n,) the currents of which v is made; jump (n,) weights that arrive
    in this step, set to 0 after; drive joins them; fired (n,) uint32 receives the firing indices.
    resets: see `NONE`; a reset to a value sets all to 0.
    """
    due = above(v, threshold, inclusive) & (resets != NONE)
    rising = g_e * decay_excitatory + (jump + drive)
    falling = g_i * decay_inhibitory - (jump + drive)
    moved = (rising + falling) * gain
    if resets == SUBTRACT:
        moved = np.where(due, moved + g_i, moved)
        rising = np.where(due, rising - threshold, rising)
    else:
        moved = np.where(due, 0, moved)
        rising = np.where(due, 0, rising)
    v[:], g_e[:], g_i[:] = moved, rising, np.where(due, 0, falling)
    jump[:] = 0
    return note(above(v, threshold, inclusive), fired)
