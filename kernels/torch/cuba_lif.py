"""Leaky integrate-and-fire, exponential synaptic currents."""

from __future__ import annotations

from .scan import clamp, scan, short_of


def cuba_lif_step(
    v,
    left,
    g_e,
    g_i,
    drive,
    decay,
    decay_e,
    decay_i,
    response_e,
    response_i,
    coarse,
    threshold,
    reset,
    hold_steps,
    spike,
):
    """Advance one CubaLIF population by one step.

    v (batch, n) potential [V]; left: see `scan`; g_e, g_i (batch, n) synaptic currents [V];
    arriving weights are added to them after the step; drive R*I [V]. response_*: what a current of
    1 adds to v in a step.
    """
    driven = short_of(drive, v, drive + (v - drive) * decay, coarse)
    v, left, held = clamp(driven + g_e * response_e + g_i * response_i, left, reset)
    fired, v, left = scan(v, left, held, threshold, reset, hold_steps, spike)
    return fired, {"v": v, "left": left, "g_e": g_e * decay_e, "g_i": g_i * decay_i}
