"""Shards shared by the neuron kernels: the refractory list, and what happens at threshold."""

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
    resters = np.flatnonzero(reached & (steps > 0))[: v.size - held]  # a list is full when all are in it
    resting[held : held + resters.size] = resters
    left[held : held + resters.size] = steps[resters]
    left[held + resters.size : held + resters.size + 1] = 0
    return note(reached, fired)


def short_of(goal, v, moved):
    """`moved`, to where v (n,) decays in a step towards `goal`, or just below the goal if rounding carried it there.

    A unit whose drive is its threshold comes as close as you like and never fires.
    """
    finfo = np.finfo(v.dtype)
    goal = np.asarray(goal, v.dtype)
    return np.where((v < goal) & (moved >= goal), goal - (np.abs(goal) * finfo.eps + finfo.tiny), moved)


def clear(values, resting, left):
    """Set what refractory neurons have in `values` to 0; the lists are those of `clamp`, before it runs."""
    values[resting[: _listed(left)]] = 0


def _listed(left):
    """How many refractory neurons there are."""
    ends = np.flatnonzero(left == 0)
    return ends[0] if ends.size else left.size


def clamp(v, resting, left, reset):
    """Hold refractory neurons at `reset`, drop those whose time ends with this step; return how many stay.

    resting (n,) uint32 lists the refractory neurons and left (n,) int32 their steps; the list ends where left is 0.
    """
    listed = _listed(left)
    units, steps = resting[:listed].copy(), left[:listed].copy()
    v[units] = np.broadcast_to(reset, v.shape)[units]
    stays = steps > 1
    held = int(stays.sum())
    resting[:held], left[:held] = units[stays], steps[stays] - 1
    left[held : held + 1] = 0
    return held
