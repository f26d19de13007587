"""Perfect integrate-and-fire, delta synapses."""

from __future__ import annotations

from .scan import hold_back, scan


def integrator_step(v, hold, jump, drive, fired, dt, threshold, reset, hold_steps):
    """Advance one population of perfect integrators by one step, in place; return the spike count.

    v (n,) potential [V]; hold (n,) int32, refractory steps left; jump (n,) weight arriving at the end of
    the step [V], zeroed; drive (n,) I/C [V/s]; fired (n,) uint32 receives the firing indices.
    """
    moved = v + drive * dt + jump
    hold_back(v, hold, moved, reset)
    jump[:] = 0
    return scan(v, hold, fired, threshold, reset, hold_steps)
