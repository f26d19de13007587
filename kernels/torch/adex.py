"""Adaptive exponential integrate-and-fire, exponential synaptic currents."""

from __future__ import annotations

import torch

from .scan import awake


def adex_step(
    v,
    w,
    hold,
    g_e,
    g_i,
    drive,
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
    spike,
):
    """Advance one AdEx population by one step (Heun).

    v (batch, n) potential [V]; w (batch, n) adaptation [V]; hold (batch, n) int32, refractory steps
    left; g_e, g_i (batch, n) synaptic currents [V]; arriving weights are added to them after the
    step; drive R*I [V]. rate: dt/tau; rate_w: dt/tau_w.
    """

    def changes(v, w, g_e, g_i):
        upstroke = slope * _exponential((v - onset) / slope)
        dv = rate * (rest + drive + g_e + g_i - v + upstroke - w)
        dw = rate_w * (a * (v - rest) - w)
        return dv, dw

    top = torch.as_tensor(peak, dtype=v.dtype, device=v.device)
    bottom = torch.as_tensor(reset, dtype=v.dtype, device=v.device)
    dv_1, dw_1 = changes(v, w, g_e, g_i)
    g_e, g_i = g_e * decay_e, g_i * decay_i
    v_1 = torch.where(hold > 0, v, torch.minimum(v + dv_1, top))
    dv_2, dw_2 = changes(v_1, w + dw_1, g_e, g_i)
    v = torch.where(hold > 0, bottom, v + (dv_1 + dv_2) / 2)
    w = w + (dw_1 + dw_2) / 2
    fired = awake(spike(v, peak, reset), hold > 0)
    hold = torch.where(fired >= 0.5, hold_steps, (hold - 1).clamp(min=0)).to(hold.dtype)
    state = {"v": spike.reset(fired, v, reset), "w": w + increment * fired, "hold": hold}
    return fired, {**state, "g_e": g_e, "g_i": g_i}


def _exponential(x):
    """exp(x) without overflow, bounded as in the other rooms."""
    bounds = (-87, 88) if x.dtype == torch.float32 else (-708, 709)
    return torch.exp(x.clamp(*bounds))
