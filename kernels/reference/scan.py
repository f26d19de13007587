"""Pieces shared by the neuron kernels: the refractory list, and what happens at threshold."""

from __future__ import annotations

import numpy as np


def note(reached, fired):
    """Write where `reached` (n,) bool holds to `fired`, ascending; return the count."""
    indices = np.flatnonzero(reached)
    fired[: indices.size] = indices
    return indices.size


def scan(v, resting, left, held, fired, threshold, reset, hold_steps):
    """Reset every neuron at threshold, note it in `fired`, let it rest; return the count. held: from `clamp`."""
    reached = v >= threshold
    np.copyto(v, reset, where=reached, casting="same_kind")
    steps = np.broadcast_to(hold_steps, v.shape)
    resters = np.flatnonzero(reached & (steps > 0))
    resting[held : held + resters.size] = resters
    left[held : held + resters.size] = steps[resters]
    left[held + resters.size : held + resters.size + 1] = 0
    return note(reached, fired)


def clamp(v, resting, left, reset):
    """Hold refractory neurons at `reset`, drop those whose time ends with this step; return how many stay.

    resting (n,) uint32 lists the refractory neurons and left (n,) int32 their steps; the list ends where left is 0.
    """
    ends = np.flatnonzero(left == 0)
    listed = ends[0] if ends.size else left.size
    units, steps = resting[:listed].copy(), left[:listed].copy()
    v[units] = np.broadcast_to(reset, v.shape)[units]
    stays = steps > 1
    held = int(stays.sum())
    resting[:held], left[:held] = units[stays], steps[stays] - 1
    left[held : held + 1] = 0
    return held
