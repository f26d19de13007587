"""Leaky integrate-and-fire, exponential synaptic currents."""

from __future__ import annotations

from .scan import hold_back, scan, settle


def cuba_lif_step(
    v, hold, g_e, g_i, excitatory, inhibitory, drive, fired,
    decay, decay_e, decay_i, response_e, response_i, threshold, reset, hold_steps,
):  # fmt: skip
    """Advance one CubaLIF population by one step, in place; return the spike count.

    v (n,) potential [V]; hold (n,) int32, refractory steps left; g_e, g_i (n,) synaptic currents [V];
    excitatory, inhibitory (n,) weights arriving at the end of the step [V], zeroed; drive (n,) R*I [V];
    fired (n,) uint32 receives the firing indices. response_*: what a current of 1 adds to v in a step.
    """
    driven = drive + (v - drive) * decay
    moved = settle(driven + g_e * response_e + g_i * response_i)
    g_e[:] = settle(g_e * decay_e) + excitatory
    g_i[:] = settle(g_i * decay_i) + inhibitory
    excitatory[:] = inhibitory[:] = 0
    hold_back(v, hold, moved, reset)
    return scan(v, hold, fired, threshold, reset, hold_steps)
