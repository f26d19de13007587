"""Leaky integrate-and-fire, delta synapses."""

from __future__ import annotations

from .scan import clamp, scan, short_of


def lif_step(v, left, jump, drive, decay, coarse, threshold, reset, hold_steps, spike):
    """Advance one LIF population by one step.

    v (batch, n) potential [V]; left: see `scan`; jump: weights that arrive at the end of the step
    [V]; drive R*I [V]. In all neuron kernels drive and constants are one number or (n,).
    """
    v = short_of(drive, v, drive + (v - drive) * decay, coarse) + jump
    v, left, held = clamp(v, left, reset)
    fired, v, left = scan(v, left, held, threshold, reset, hold_steps, spike)
    return fired, {"v": v, "left": left}
