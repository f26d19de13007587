"""Leaky integrate-and-fire, alpha-function synaptic currents."""

from __future__ import annotations

from .scan import clamp, scan, short_of


def alpha_lif_step(
    v,
    resting,
    left,
    g_e,
    h_e,
    g_i,
    h_i,
    excitatory,
    inhibitory,
    drive,
    fired,
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
    threshold,
    reset,
    hold_steps,
):
    """Advance one AlphaLIF population by one step, in place; return the spike count.

    v (n,) potential [V]; resting (n,) uint32 and left (n,) int32 list the refractory neurons, see
    `clamp`; g_e, g_i (n,) synaptic currents [V] and h_e, h_i (n,) the currents that feed them [V];
    excitatory, inhibitory (n,) weights that arrive at the end of the step [V], set to 0 after;
    drive R*I [V]; fired (n,) uint32 receives the firing indices. response_*, rising_*: what a g or
    h of 1 adds to v in a step; lag_*: what an h of 1 adds to g, before decay.
    """
    driven = short_of(drive, v, drive + (v - drive) * decay)
    by_e = g_e * response_e + h_e * rising_e
    by_i = g_i * response_i + h_i * rising_i
    v[:] = driven + by_e + by_i
    g_e[:] = (g_e + h_e * lag_e) * decay_e
    g_i[:] = (g_i + h_i * lag_i) * decay_i
    h_e[:] = h_e * decay_e + excitatory * peak
    h_i[:] = h_i * decay_i + inhibitory * peak
    excitatory[:] = inhibitory[:] = 0
    held = clamp(v, resting, left, reset)
    return scan(v, resting, left, held, fired, threshold, reset, hold_steps)
