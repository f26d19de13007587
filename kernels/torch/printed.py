"""Printed kernels on tensors."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import torch

from ..printed.expression import FUNCTIONS
from ..printed.printed import Printed, executed


@cache
def made(printed: Printed) -> Callable[..., Any]:
    """The twin of a printed kernel."""
    scope: dict[str, Any] = {"math": math, "torch": torch, "where": _where, "taken": taken}
    scope |= {name: _lifted(name) for name in (*FUNCTIONS, "absolute")}
    scope["__name__"] = __name__
    made: Callable[..., Any] = executed(printed.tensors, printed.name, __file__, scope)
    return made


def taken(here, came, new, old):
    """New values where something happens, else the old ones.

    came: the spikes at which it happens, None where it does in every step. Smooth spikes count by
    their size, and gradients pass to spikes that might have been, as they do elsewhere.
    """
    if came is None:
        return torch.where(here, new, old)
    step, size = new - old, came.detach()
    made = torch.where(here, torch.where(size == 1, new, old + size * step), old)
    return made + (came - size) * step if came.requires_grad else made


def _where(condition, one, other):
    """One where a condition holds, else the other; each a tensor or a number."""
    if not isinstance(condition, torch.Tensor):
        return one if condition else other
    return torch.where(condition, one, other)


def _lifted(name):
    """A function of torch that takes numbers, too."""
    function = getattr(torch, name)

    def lifted(*values):
        like = next((one for one in values if isinstance(one, torch.Tensor)), None)
        if like is None:
            return float(function(*(torch.tensor(one, dtype=torch.float64) for one in values)))
        return function(
            *(one if isinstance(one, torch.Tensor) else like.new_full((), one) for one in values)
        )

    return lifted
