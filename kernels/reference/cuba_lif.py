"""Leaky integrate-and-fire, exponential synaptic currents."""

from __future__ import annotations

from .scan import clamp, scan, short_of


def cuba_lif_step(
    v,
    resting,
    left,
    g_e,
    g_i,
    drive,
    fired,
    decay,
    decay_e,
    decay_i,
    response_e,
    response_i,
    threshold,
    reset,
    hold_steps,
):
    """Advance one CubaLIF population by one step, in place; return the spike count.

    v (n,) potential [V]; resting (n,) uint32 and left (n,) int32 list the refractory neurons, see
    `clamp`; g_e, g_i (n,) synaptic currents [V]; arriving weights are added to them after the step;
    drive R*I [V]; fired (n,) uint32 receives the firing indices. response_*: what a current of 1
    adds to v in a step.
    """
    driven = short_of(drive, v, drive + (v - drive) * decay)
    v[:] = driven + g_e * response_e + g_i * response_i
    g_e *= decay_e
    g_i *= decay_i
    held = clamp(v, resting, left, reset)
    return scan(v, resting, left, held, fired, threshold, reset, hold_steps)
