"""Leaky integrate-and-fire with an adaptive threshold, delta synapses."""

from __future__ import annotations

import numpy as np

from .scan import hold_back, scan, settle


def adaptive_lif_step(v, a, hold, jump, drive, fired, decay, decay_a, increment, threshold, reset, hold_steps):
    """Advance one AdaptiveLIF population by one step, in place; return the spike count.

    v (n,) potential [V]; a (n,) what adaptation adds to the threshold [V]; hold (n,) int32, refractory
    steps left; jump (n,) weight arriving at the end of the step [V], zeroed; drive (n,) R*I [V];
    fired (n,) uint32 receives the firing indices.
    """
    moved = settle(drive + (v - drive) * decay) + jump
    a[:] = settle(a * decay_a)
    hold_back(v, hold, moved, reset)
    jump[:] = 0
    raised = threshold + a
    np.add(a, increment, out=a, where=v >= raised)
    return scan(v, hold, fired, raised, reset, hold_steps)
