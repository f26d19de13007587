"""Perfect integrate-and-fire, delta synapses."""

from __future__ import annotations

import torch

from .scan import clamp, scan


def integrator_step(v, carry, left, jump, drive, dt, threshold, reset, hold_steps, spike):
    """Advance one population of perfect integrators by one step.

    v (batch, n) potential [V]; carry (batch, n) the rounding errors of v so far [V], which the next
    step adds; left: see `scan`; jump: weights that arrive at the end of the step [V]; drive I/C
    [V/s].
    """
    more = drive * dt + jump + carry
    total = v + more
    added = total - v
    carry = (v - (total - added)) + (more - added)
    carry = torch.where(left > 0, torch.zeros_like(carry), carry)
    v, left, held = clamp(total, left, reset)
    fired, v, left = scan(v, left, held, threshold, reset, hold_steps, spike)
    carry = torch.where(fired >= 0.5, torch.zeros_like(carry), carry)
    return fired, {"v": v, "carry": carry, "left": left}
