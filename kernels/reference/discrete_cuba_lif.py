"""Leaky integrate-and-fire in discrete time, decaying synaptic currents."""

from __future__ import annotations

import numpy as np

from .discrete import BEFORE, above, fire, reset_of
from .scan import note


def discrete_cuba_lif_step(
    v,
    g,
    jump,
    drive,
    fired,
    decay,
    decay_current,
    gain,
    response,
    offset,
    threshold,
    reset_value,
    old,
    resets,
    reset_at,
    inclusive,
):
    """Advance one DiscreteCubaLIF population by one step, in place; return the spike count.

    v (n,) potential; g (n,) synaptic current; jump (n,) weights that arrive in this step, set to 0
    after; drive joins them; fired (n,) uint32 receives the firing indices. old: whether v is moved
    by g as it was before the step. resets, reset_at: see `NONE` and `SPIKE`.
    """
    due = above(v, threshold, inclusive)
    if reset_at == BEFORE:
        v[:] = np.where(due, reset_of(v, threshold, reset_value, resets), v)
    current = g * decay_current + (jump + drive) * gain
    moved = v * decay + (g if old else current) * response + offset
    moved, fires = fire(moved, due, threshold, reset_value, resets, reset_at, inclusive)
    v[:], g[:] = moved, current
    jump[:] = 0
    return note(fires, fired)
