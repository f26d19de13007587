"""What reaches units over a whole span of time, in the one form that compiled layers take.

A layer that hands what it gets to `turns` says so by an attribute `takes_turned`, which is True;
others get the rows of all steps.
"""

from __future__ import annotations

import torch

EACH = -1  # every step has a row of its own


def per_unit(value, like):
    """A number or tensor (n,) as (n,), of the precision of `like` (batch, n)."""
    value = torch.as_tensor(value, dtype=like.dtype, device=like.device)
    return value.expand(like.shape[1]).contiguous()


def turns(value, like):
    """What reaches units as rows (time, 1 or 2; batch or 1; n), and the step `turn`.

    value: (time, batch, n), (batch, n), (n,), a number, or what has `rows` of which the second
    holds from `turn` on. With one row turn does not matter; `EACH`: a row for each step.
    """
    turn = getattr(value, "turn", EACH)
    value = getattr(value, "rows", value)
    value = torch.as_tensor(value, dtype=like.dtype, device=like.device)
    if value.ndim < 2:
        value = value.expand(1, 1, like.shape[1])
    elif value.ndim == 2:
        value = value[None]
    elif turn == EACH and value.stride(0) == 0:
        value = value[:1]
    return value, turn
