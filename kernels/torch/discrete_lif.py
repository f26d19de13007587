"""Leaky integrate-and-fire in discrete time, delta synapses."""

from __future__ import annotations

from .discrete import BEFORE, SPIKE, due, fire, reset_of


def discrete_lif_step(
    v,
    jump,
    drive,
    decay,
    gain,
    offset,
    threshold,
    reset_value,
    resets,
    reset_at,
    inclusive,
    spike,
):
    """Advance one DiscreteLIF population by one step.

    v (batch, n) potential; jump: weights that arrive in this step; drive joins them. resets,
    reset_at: see `NONE` and `SPIKE`.
    """
    late = None if reset_at == SPIKE else due(v, threshold, reset_value, inclusive, spike)
    if reset_at == BEFORE:
        v = reset_of(late, v, threshold, reset_value, resets, spike)
    moved = v * decay + (jump + drive) * gain + offset
    fired, v = fire(moved, late, threshold, reset_value, resets, reset_at, inclusive, spike)
    return fired, {"v": v}
