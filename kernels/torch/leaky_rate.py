"""Leaky rate units, which send their rate."""

from __future__ import annotations

import torch

from ..reference.leaky_rate import LOGISTIC, RECTIFIED


def leaky_rate_step(r, drive, decay, gain, offset, law):
    """Let the rates r (batch, n) relax for a step towards the activation of their drive.

    Nobody fires. drive, decay, gain and offset are one number or (n,); law: of the activation.
    """
    goal = gain * (torch.zeros_like(r) + drive - offset)
    if law == RECTIFIED:
        goal = goal.clamp(min=0)
    elif law == LOGISTIC:
        goal = torch.sigmoid(goal)
    return None, {"r": goal + (r - goal) * decay}
