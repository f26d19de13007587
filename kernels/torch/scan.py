"""What the neuron kernels share: refractory units, and what happens at threshold.

Kernels of this room are pure functions on tensors (batch, n): what they get stays as it is. They
bind their parameters by name like those of the other rooms, with these differences:

- `left` (batch, n) int32 has the refractory steps left of every unit, where the others keep a list;
- `spike` makes spikes of potentials, see `surrogate`;
- they return `fired` (batch, n), 1 where a unit fires, else 0, and the new state by name.
"""

from __future__ import annotations

import torch


def short_of(goal, v, moved, coarse):
    """v after one step of decay towards `goal`, but short of the goal.

    It is `moved`, or just below the goal where rounding reached that. A unit whose drive equals its
    threshold approaches it and must never fire. Where more than half of the distance is left after
    a step (`coarse` is 0), rounding cannot reach the goal.
    """
    if not coarse:
        return moved
    finfo = torch.finfo(v.dtype)
    goal = torch.as_tensor(goal, dtype=v.dtype, device=v.device)
    below = goal - (goal.abs() * finfo.eps + finfo.tiny)
    return torch.where((v < goal) & (moved >= goal), below, moved)


def clamp(v, left, reset):
    """Hold refractory units at `reset`; return v, the steps left after this one, and who is held."""
    held = left > 0
    return torch.where(held, _like(reset, v), v), (left - 1).clamp(min=0), held


def scan(v, left, held, threshold, reset, hold_steps, spike):
    """Reset every unit at threshold and start its refractory time; return fired, v and left."""
    fired = awake(spike(v, threshold, reset), held)
    v, left = fire(fired, v, left, reset, hold_steps, spike)
    return fired, v, left


def awake(fired, held):
    """`fired`, but 0 where units are `held`: no slope of theirs leads anywhere."""
    return torch.where(held, torch.zeros_like(fired), fired)


def fire(fired, v, left, reset, hold_steps, spike):
    """Reset the units that `fired`, and start their refractory time; return v and left."""
    return spike.reset(fired, v, reset), torch.where(fired >= 0.5, hold_steps, left).to(left.dtype)


def _like(value, v):
    """A number or tensor (n,) as a tensor of the precision of v."""
    return torch.as_tensor(value, dtype=v.dtype, device=v.device)
