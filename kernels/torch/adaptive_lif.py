"""Leaky integrate-and-fire with an adaptive threshold, delta synapses."""

from __future__ import annotations

from .scan import awake, clamp, fire, short_of


def adaptive_lif_step(
    v,
    a,
    left,
    jump,
    drive,
    decay,
    decay_a,
    increment,
    coarse,
    threshold,
    reset,
    hold_steps,
    spike,
):
    """Advance one AdaptiveLIF population by one step.

    v (batch, n) potential [V]; a (batch, n) rise of the threshold by adaptation [V]; left: see
    `scan`; jump: weights that arrive at the end of the step [V]; drive R*I [V].
    """
    v = short_of(drive, v, drive + (v - drive) * decay, coarse) + jump
    a = a * decay_a
    v, left, held = clamp(v, left, reset)
    fired = awake(spike(v, threshold + a, reset), held)
    v, left = fire(fired, v, left, reset, hold_steps, spike)
    return fired, {"v": v, "a": a + increment * fired, "left": left}
