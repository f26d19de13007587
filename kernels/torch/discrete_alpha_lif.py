"""Neurons in discrete time whose potential is the difference of two decaying currents."""

from __future__ import annotations

from .discrete import NONE, SUBTRACT, due, fires


def discrete_alpha_lif_step(
    v,
    g_e,
    g_i,
    jump,
    drive,
    decay_excitatory,
    decay_inhibitory,
    gain,
    threshold,
    resets,
    inclusive,
    spike,
):
    """Advance one DiscreteAlphaLIF population by one step.

    v (batch, n) potential; g_e, g_i (batch, n) the currents of which v is made; jump: weights that
    arrive in this step; drive joins them. resets: see `NONE`; a reset to a value sets all to 0.
    """
    rising = g_e * decay_excitatory + (jump + drive)
    falling = g_i * decay_inhibitory - (jump + drive)
    moved = (rising + falling) * gain
    if resets != NONE:
        late = due(v, threshold, 0.0, inclusive, spike)
        falling = spike.reset(late, falling, 0.0)
        if resets == SUBTRACT:
            moved, rising = moved + late * g_i, rising - late * threshold
        else:
            moved, rising = spike.reset(late, moved, 0.0), spike.reset(late, rising, 0.0)
    fired = fires(moved, threshold, 0.0, inclusive, spike)
    return fired, {"v": moved, "g_e": rising, "g_i": falling}
