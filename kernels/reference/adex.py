"""Adaptive exponential integrate-and-fire, exponential synaptic currents."""

from __future__ import annotations

import numpy as np

from .scan import hold_back, scan, settle


def adex_step(
    v, w, hold, g_e, g_i, excitatory, inhibitory, drive, fired, rate, rate_w, rest, slope, onset, a,
    increment, decay_e, decay_i, peak, reset, hold_steps,
):  # fmt: skip
    """Advance one AdEx population by one step (Heun), in place; return the spike count.

    v (n,) potential [V]; w (n,) adaptation [V]; hold (n,) int32, refractory steps left; g_e, g_i (n,)
    synaptic currents [V]; excitatory, inhibitory (n,) weights arriving at the end of the step [V], zeroed;
    drive (n,) R*I [V]; fired (n,) uint32 receives the firing indices. rate: dt/tau; rate_w: dt/tau_w.
    """

    def changes(v, w):
        upstroke = slope * _exponential((v - onset) / slope)
        dv = rate * (rest + drive + g_e + g_i - v + upstroke - w)
        dw = rate_w * (a * (v - rest) - w)
        return dv, dw

    dv_1, dw_1 = changes(v, w)
    g_e[:] = settle(g_e * decay_e)
    g_i[:] = settle(g_i * decay_i)
    v_1 = np.where(hold > 0, v, np.minimum(v + dv_1, peak))
    dv_2, dw_2 = changes(v_1, w + dw_1)
    moved = settle(v + (dv_1 + dv_2) / 2)
    w[:] = settle(w + (dw_1 + dw_2) / 2)
    g_e += excitatory
    g_i += inhibitory
    excitatory[:] = inhibitory[:] = 0
    hold_back(v, hold, moved, reset)
    np.add(w, increment, out=w, where=v >= peak)
    return scan(v, hold, fired, peak, reset, hold_steps)


def _exponential(x):
    """exp(x) without overflow, bounded as in the other rooms."""
    return np.exp(np.clip(x, -87, 88) if x.dtype == np.float32 else np.clip(x, -708, 709))
