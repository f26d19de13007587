"""Izhikevich's two-variable neuron, delta synapses."""

from __future__ import annotations

import numpy as np

from .scan import note


def izhikevich_step(v, u, jump, drive, fired, dt, quadratic, linear, constant, a, b, c, d, peak):
    """Advance one Izhikevich population by one step (Heun), in place; return the spike count.

    v (n,) potential [V]; u (n,) recovery [V/s]; jump (n,) weights that arrive at the end of the
    step [V], set to 0 after; drive (n,) current [V/s]; fired (n,) uint32 receives the firing
    indices.
    """

    def changes(v, u):
        return dt * ((quadratic * v + linear) * v + constant - u + drive), dt * (a * (b * v - u))

    dv_1, du_1 = changes(v, u)
    dv_2, du_2 = changes(np.minimum(v + dv_1, peak), u + du_1)
    v += (dv_1 + dv_2) / 2 + jump
    u += (du_1 + du_2) / 2
    jump[:] = 0
    reached = v >= peak
    np.copyto(v, c, where=reached, casting="same_kind")
    np.add(u, d, out=u, where=reached)
    return note(reached, fired)
