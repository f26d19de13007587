"""Leaky integrate-and-fire, delta synapses."""

from __future__ import annotations

from .scan import clamp, scan, short_of


def lif_step(v, resting, left, jump, drive, fired, decay, threshold, reset, hold_steps):
    """Advance one LIF population by one step, in place; return the spike count.

    v (n,) potential [V]; resting (n,) uint32 and left (n,) int32 list the refractory neurons, see
    `clamp`;
    jump (n,) weights that arrive at the end of the step [V], set to 0 after; drive R*I [V]; fired
    (n,) uint32, whose first `count` entries receive the firing indices. In all neuron kernels drive
    and constants are one number or (n,).
    """
    v[:] = short_of(drive, v, drive + (v - drive) * decay) + jump
    jump[:] = 0
    held = clamp(v, resting, left, reset)
    return scan(v, resting, left, held, fired, threshold, reset, hold_steps)
