"""What models in discrete time share: whose reset is due, and what a reset makes of v."""

from __future__ import annotations

import numpy as np

NONE, SUBTRACT, VALUE = 0, 1, 2  # what a reset does
# when it comes: in the step of the spike; in the next one, before or after that has moved v; or in
# the step of the spike, with what it leaves above threshold carried on to the next one
SPIKE, BEFORE, AFTER, CARRIED = 0, 1, 2, 3


def above(v, threshold, inclusive):
    """Where v (n,) is above threshold, or, if `inclusive`, at it."""
    return v >= threshold if inclusive else v > threshold


def reset_of(v, threshold, value, resets):
    """What a reset makes of v (n,)."""
    if resets == SUBTRACT:
        return v - threshold
    return np.zeros_like(v) + value if resets == VALUE else v


def fire(moved, due, threshold, value, resets, reset_at, inclusive):
    """v after its step, and who fires.

    moved (n,) what decay and input have made of v; due (n,) whose reset was due when the step
    began.
    """
    if reset_at in (AFTER, CARRIED):
        moved = np.where(due, reset_of(moved, threshold, value, resets), moved)
    fires = above(moved, threshold, inclusive)
    if reset_at == SPIKE:
        moved = np.where(fires, reset_of(moved, threshold, value, resets), moved)
    elif reset_at == CARRIED:
        moved = np.where(fires & ~due, reset_of(moved, threshold, value, resets), moved)
        moved = np.where(due & ~fires, moved + threshold, moved)
    return moved, fires
