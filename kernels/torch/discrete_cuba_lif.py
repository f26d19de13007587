"""Leaky integrate-and-fire in discrete time, decaying synaptic currents."""

from __future__ import annotations

from .discrete import BEFORE, SPIKE, due, fire, reset_of


def discrete_cuba_lif_step(
    v,
    g,
    jump,
    drive,
    decay,
    decay_current,
    gain,
    response,
    offset,
    threshold,
    reset_value,
    old,
    resets,
    reset_at,
    inclusive,
    spike,
):
    """Advance one DiscreteCubaLIF population by one step.

    v (batch, n) potential; g (batch, n) synaptic current; jump: weights that arrive in this step;
    drive joins them. old: whether v is moved by g as it was before the step. resets, reset_at: see
    `NONE` and `SPIKE`.
    """
    late = None if reset_at == SPIKE else due(v, threshold, reset_value, inclusive, spike)
    if reset_at == BEFORE:
        v = reset_of(late, v, threshold, reset_value, resets, spike)
    current = g * decay_current + (jump + drive) * gain
    moved = v * decay + (g if old else current) * response + offset
    fired, v = fire(moved, late, threshold, reset_value, resets, reset_at, inclusive, spike)
    return fired, {"v": v, "g": current}
