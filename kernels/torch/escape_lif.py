"""Leaky integrate-and-fire, delta synapses, escape noise."""

from __future__ import annotations

import torch

from .scan import awake, clamp, fire, short_of
from .surrogate import passed


def escape_lif_step(
    v,
    left,
    jump,
    drive,
    decay,
    coarse,
    threshold,
    steepness,
    expected,
    reset,
    hold_steps,
    chance,
    spike,
):
    """Advance one EscapeLIF population by one step.

    v (batch, n) potential [V]; left: see `scan`; jump: weights that arrive at the end of the step
    [V]; drive R*I [V]; chance (batch, n) float64, the uniform numbers of this step. A unit fires
    where its chance is below 1 - exp(-h), h = expected exp((v - threshold) steepness), computed in
    double precision. Gradients are those of the probability: what a spike costs on average.
    """
    v = short_of(drive, v, drive + (v - drive) * decay, coarse) + jump
    hazard = expected * torch.exp((v.double() - threshold) * steepness)
    probability = -torch.expm1(-hazard)
    reached = (chance < 1.0 - torch.exp(-hazard)) & (left <= 0)
    fired = awake(passed(reached, probability.to(v.dtype)), left > 0)
    v, left, _ = clamp(v, left, reset)
    v, left = fire(fired, v, left, reset, hold_steps, spike)
    return fired, {"v": v, "left": left}
