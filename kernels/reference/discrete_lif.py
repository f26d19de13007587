"""Leaky integrate-and-fire in discrete time, delta synapses."""

from __future__ import annotations

import numpy as np

from .discrete import BEFORE, above, fire, reset_of
from .scan import note


def discrete_lif_step(
    v,
    jump,
    drive,
    fired,
    decay,
    gain,
    offset,
    threshold,
    reset_value,
    resets,
    reset_at,
    inclusive,
):
    """Advance one DiscreteLIF population by one step, in place; return the spike count.

    v (n,) potential; jump (n,) weights that arrive in this step, set to 0 after; drive joins them;
    fired (n,) uint32 receives the firing indices. resets, reset_at: see `NONE` and `SPIKE`.
    """
    due = above(v, threshold, inclusive)
    if reset_at == BEFORE:
        v[:] = np.where(due, reset_of(v, threshold, reset_value, resets), v)
    moved = v * decay + (jump + drive) * gain + offset
    moved, fires = fire(moved, due, threshold, reset_value, resets, reset_at, inclusive)
    v[:] = moved
    jump[:] = 0
    return note(fires, fired)
