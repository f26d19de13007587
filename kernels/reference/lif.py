"""Leaky integrate-and-fire, delta synapses."""

from __future__ import annotations

from .scan import hold_back, scan, settle


def lif_step(v, hold, jump, drive, fired, decay, threshold, reset, hold_steps):
    """Advance one LIF population by one step, in place; return the spike count.

    v (n,) potential [V]; hold (n,) int32, refractory steps left; jump (n,) weight arriving at the end of
    the step [V], zeroed; drive (n,) R*I [V]; fired (n,) uint32, whose first `count` entries receive the
    firing indices.
    """
    moved = settle(drive + (v - drive) * decay) + jump
    hold_back(v, hold, moved, reset)
    jump[:] = 0
    return scan(v, hold, fired, threshold, reset, hold_steps)
