"""Leaky integrate-and-fire, exponential synaptic conductances."""

from __future__ import annotations

import torch

from .scan import clamp, scan, short_of


def coba_lif_step(
    v,
    left,
    g_e,
    g_i,
    drive,
    rate,
    coarse,
    rest,
    reversal_e,
    reversal_i,
    decay_e,
    decay_i,
    mean_e,
    mean_i,
    threshold,
    reset,
    hold_steps,
    spike,
):
    """Advance one CobaLIF population by one step.

    v (batch, n) potential [V]; left: see `scan`; g_e, g_i (batch, n) conductances [leak
    conductance]; arriving weights are added to them after the step; drive R*I [V]. rate: dt/tau;
    mean_*: the mean of a conductance over a step, relative to its value at the beginning.
    """
    open_e, open_i = g_e * mean_e, g_i * mean_i
    total = 1 + open_e + open_i
    target = (rest + open_e * reversal_e + open_i * reversal_i + drive) / total
    v = short_of(target, v, target + (v - target) * torch.exp(-rate * total), coarse)
    v, left, held = clamp(v, left, reset)
    fired, v, left = scan(v, left, held, threshold, reset, hold_steps, spike)
    return fired, {"v": v, "left": left, "g_e": g_e * decay_e, "g_i": g_i * decay_i}
