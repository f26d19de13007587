"""Izhikevich's two-variable neuron, delta synapses."""

from __future__ import annotations

import torch


def izhikevich_step(v, u, jump, drive, dt, quadratic, linear, constant, a, b, c, d, peak, spike):
    """Advance one Izhikevich population by one step (Heun).

    v (batch, n) potential [V]; u (batch, n) recovery [V/s]; jump: weights that arrive at the end of
    the step [V]; drive: current [V/s].
    """

    def changes(v, u):
        return dt * ((quadratic * v + linear) * v + constant - u + drive), dt * (a * (b * v - u))

    top = torch.as_tensor(peak, dtype=v.dtype, device=v.device)
    dv_1, du_1 = changes(v, u)
    dv_2, du_2 = changes(torch.minimum(v + dv_1, top), u + du_1)
    v = v + ((dv_1 + dv_2) / 2 + jump)
    u = u + (du_1 + du_2) / 2
    fired = spike(v, peak, c)
    return fired, {"v": spike.reset(fired, v, c), "u": u + d * fired}
