"""What the neuron kernels share: the list of refractory neurons, and what happens at threshold."""

from __future__ import annotations

import numpy as np


def note(reached, fired):
    """Write the indices at which `reached` (n,) is true to `fired`, ascending.

    Returns their number.
    """
    indices = np.flatnonzero(reached)
    fired[: indices.size] = indices
    return indices.size


def scan(v, resting, left, held, fired, threshold, reset, hold_steps):
    """Reset every neuron at threshold, list it in `fired`, start its refractory time.

    Returns the count. held: what `clamp` returned.
    """
    return fire(v >= threshold, v, resting, left, held, fired, reset, hold_steps)


def fire(reached, v, resting, left, held, fired, reset, hold_steps):
    """Reset the neurons where `reached` (n,), list them in `fired`.

    Starts their refractory time. Returns the count. held: what `clamp` returned.
    """
    np.copyto(v, reset, where=reached, casting="same_kind")
    steps = np.broadcast_to(hold_steps, v.shape)
    # a list is full when all are in it
    resters = np.flatnonzero(reached & (steps > 0))[: v.size - held]
    resting[held : held + resters.size] = resters
    left[held : held + resters.size] = steps[resters]
    left[held + resters.size : held + resters.size + 1] = 0
    return note(reached, fired)


def short_of(goal, v, moved):
    """v (n,) after one step of decay towards `goal`, but short of the goal.

    It is `moved`, or just below the goal where rounding reached that. A unit whose drive equals its
    threshold approaches it and must never fire.
    """
    finfo = np.finfo(v.dtype)
    goal = np.asarray(goal, v.dtype)
    return np.where(
        (v < goal) & (moved >= goal), goal - (np.abs(goal) * finfo.eps + finfo.tiny), moved
    )


def clear(values, resting, left):
    """Set the entries of refractory neurons in `values` to 0.

    resting, left: as in `clamp`, before it runs.
    """
    values[refractory(resting, left)] = 0


def refractory(resting, left):
    """The refractory neurons, as `clamp` takes them over from the step before."""
    return resting[: _listed(left)].copy()


def _listed(left):
    """How many refractory neurons there are."""
    ends = np.flatnonzero(left == 0)
    return ends[0] if ends.size else left.size


def clamp(v, resting, left, reset):
    """Hold refractory neurons at `reset`, drop those whose time ends with this step.

    Returns how many stay. resting (n,) uint32 lists the refractory neurons and left (n,) int32 the
    steps that each has left; the list ends where left is 0.
    """
    listed = _listed(left)
    units, steps = resting[:listed].copy(), left[:listed].copy()
    v[units] = np.broadcast_to(reset, v.shape)[units]
    stays = steps > 1
    held = int(stays.sum())
    resting[:held], left[:held] = units[stays], steps[stays] - 1
    left[held : held + 1] = 0
    return held
