"""The end of decay: denormal numbers slow a processor down."""

from __future__ import annotations

import torch

from ..reference.settle import FLOOR


def settle_step(values):
    """`values` (batch, n), with zero wherever something has decayed to nothing."""
    floor = torch.as_tensor(FLOOR, dtype=values.dtype)
    return torch.where(values.abs() <= floor, torch.zeros_like(values), values)
