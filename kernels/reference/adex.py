"""Adaptive exponential integrate-and-fire, exponential synaptic currents."""

from __future__ import annotations

import numpy as np

from .scan import note


def adex_step(
    v,
    w,
    hold,
    g_e,
    g_i,
    drive,
    fired,
    rate,
    rate_w,
    rest,
    slope,
    onset,
    a,
    increment,
    decay_e,
    decay_i,
    peak,
    reset,
    hold_steps,
):
    """Advance one AdEx population by one step (Heun), in place; return the spike count.

    v (n,) potential [V]; w (n,) adaptation [V]; hold (n,) int32, refractory steps left; g_e, g_i
    (n,) synaptic currents [V]; arriving weights are added to them after the step; drive R*I [V];
    fired (n,) uint32 receives the firing indices. rate: dt/tau; rate_w: dt/tau_w.
    """

    def changes(v, w):
        upstroke = slope * _exponential((v - onset) / slope)
        dv = rate * (rest + drive + g_e + g_i - v + upstroke - w)
        dw = rate_w * (a * (v - rest) - w)
        return dv, dw

    dv_1, dw_1 = changes(v, w)
    g_e *= decay_e
    g_i *= decay_i
    v_1 = np.where(hold > 0, v, np.minimum(v + dv_1, peak))
    dv_2, dw_2 = changes(v_1, w + dw_1)
    v[:] = np.where(hold > 0, reset, v + (dv_1 + dv_2) / 2)
    w += (dw_1 + dw_2) / 2
    hold[:] = np.maximum(hold - 1, 0)
    reached = v >= peak
    np.add(w, increment, out=w, where=reached)
    np.copyto(v, reset, where=reached, casting="same_kind")
    np.copyto(hold, hold_steps, where=reached, casting="same_kind")
    return note(reached, fired)


def _exponential(x):
    """exp(x) without overflow, bounded as in the other rooms."""
    return np.exp(np.clip(x, -87, 88) if x.dtype == np.float32 else np.clip(x, -708, 709))
