"""What models in discrete time share: whose reset is due, what a reset makes of v, and who fires."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import torch

NONE, SUBTRACT, VALUE = 0, 1, 2  # what a reset does
# when it comes: in the step of the spike; in the next one, before or after that has moved v; or in
# the step of the spike, with what it leaves above threshold carried on to the next one
SPIKE, BEFORE, AFTER, CARRIED = 0, 1, 2, 3


def fires(v, threshold, reset, inclusive, spike):
    """1 where v (batch, n) is above threshold, or, if `inclusive`, at it, else 0; see `Spike`.

    reset: to which v falls, by which slopes are scaled. A threshold of inf is never reached.
    """
    if isinstance(threshold, float) and math.isinf(threshold):
        return torch.zeros_like(v)
    level = threshold if inclusive or spike.smooth else _next_to(threshold, v.dtype)
    return spike(v, level, reset)


def due(v, threshold, reset, inclusive, spike):
    """1 where a reset is due as a step begins, else 0; gradients pass only where they do through
    resets.
    """
    return _through(fires(v, threshold, reset, inclusive, spike), spike)


def reset_of(share, v, threshold, value, resets, spike):
    """What a reset makes of v where `share` (batch, n) is 1."""
    if resets == SUBTRACT:
        return v - share * threshold
    return spike.reset(share, v, value) if resets == VALUE else v


def fire(moved, late, threshold, value, resets, reset_at, inclusive, spike):
    """Who fires, and v after its step.

    moved (batch, n) what decay and input have made of v; late (batch, n) 1 where a reset was due
    when the step began.
    """
    if reset_at in (AFTER, CARRIED):
        moved = reset_of(late, moved, threshold, value, resets, spike)
    fired = fires(moved, threshold, value, inclusive, spike)
    if reset_at == SPIKE:
        moved = reset_of(_through(fired, spike), moved, threshold, value, resets, spike)
    elif reset_at == CARRIED:
        moved = reset_of(_through(fired, spike) - late, moved, threshold, value, resets, spike)
    return fired, moved


def _through(fired, spike):
    """Spikes as resets see them."""
    return fired if spike.through_reset or spike.smooth else fired.detach()


def _next_to(threshold, dtype):
    """The smallest number above a threshold, a number or (n,), in the precision of potentials."""
    if not isinstance(threshold, torch.Tensor):
        return _number_next_to(threshold, dtype)
    level = threshold.detach().to(dtype)
    return threshold + (torch.nextafter(level, torch.full_like(level, math.inf)) - level)


@cache
def _number_next_to(threshold, dtype):
    kind = np.float32 if dtype == torch.float32 else np.float64
    return float(np.nextafter(kind(threshold), kind(math.inf)))
