"""Leaky rate units, which send their rate."""

from __future__ import annotations

import numpy as np

from .exponential import exponential

RECTIFIED, LOGISTIC = 1, 2  # laws of activation; 0 is linear


def leaky_rate_step(r, drive, decay, gain, offset, law):
    """Let the rates (n,) of one population relax for a step.

    They go towards the activation of their drive. Nobody fires. drive, decay, gain and offset are
    one number or (n,); law: of the activation, see `RECTIFIED`.
    """
    goal = gain * (np.zeros_like(r) + drive - offset)
    if law == RECTIFIED:
        goal = np.maximum(goal, 0)
    elif law == LOGISTIC:
        goal = 1 / (1 + _exponential(-goal))
    r[:] = goal + (r - goal) * decay
    return 0


def _exponential(x):
    """exp(x) without overflow, bounded as in the other rooms.

    In single precision it may differ in the last bit.
    """
    return np.exp(np.clip(x, -87, 88)) if x.dtype == np.float32 else exponential(x)
