"""Leaky integrate-and-fire, alpha-function synaptic currents."""

from __future__ import annotations

from .scan import clamp, scan, short_of


def alpha_lif_step(
    v,
    left,
    g_e,
    h_e,
    g_i,
    h_i,
    excitatory,
    inhibitory,
    drive,
    decay,
    decay_e,
    decay_i,
    lag_e,
    lag_i,
    response_e,
    response_i,
    rising_e,
    rising_i,
    peak,
    coarse,
    threshold,
    reset,
    hold_steps,
    spike,
):
    """Advance one AlphaLIF population by one step.

    v (batch, n) potential [V]; left: see `scan`; g_e, g_i (batch, n) synaptic currents [V] and h_e,
    h_i the currents that feed them [V]; excitatory, inhibitory: weights that arrive at the end of
    the step [V]; drive R*I [V]. response_*, rising_*: what a g or h of 1 adds to v in a step;
    lag_*: what an h of 1 adds to g, before decay.
    """
    driven = short_of(drive, v, drive + (v - drive) * decay, coarse)
    by_e = g_e * response_e + h_e * rising_e
    by_i = g_i * response_i + h_i * rising_i
    v, left, held = clamp(driven + by_e + by_i, left, reset)
    fired, v, left = scan(v, left, held, threshold, reset, hold_steps, spike)
    currents = {
        "g_e": (g_e + h_e * lag_e) * decay_e,
        "g_i": (g_i + h_i * lag_i) * decay_i,
        "h_e": h_e * decay_e + excitatory * peak,
        "h_i": h_i * decay_i + inhibitory * peak,
    }
    return fired, {"v": v, "left": left, **currents}
