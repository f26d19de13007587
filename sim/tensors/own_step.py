"""Whether a user's own function for a step on tensors takes and returns what it must."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import torch

from ...errors import UnsupportedError
from .. import validation as check


def check_asks(model: str, asks: Collection[str], scope: Mapping[str, Any]) -> None:
    """Raise ParameterError for an argument that nothing in `scope` is bound to."""
    for name in asks:
        if name not in scope:
            rule = f"an argument of tensors must be one of {check.listed(scope)}"
            raise check.fail(model, "tensors", rule + check.nearest(name, scope), name)


def check_made(model: str, made: Any, state: Mapping[str, torch.Tensor], shape: torch.Size) -> None:
    """Raise ParameterError unless it is what fired (batch, n), and some of the new state."""
    if not (isinstance(made, tuple) and len(made) == 2 and isinstance(made[1], Mapping)):
        rule = "must return what fired and a dict of the new state"
        raise check.fail(model, "tensors", rule, type(made).__name__)
    fired, changed = made
    _check_shape(model, "what fired", fired, shape)
    for name, value in changed.items():
        if name not in state:
            rule = f"the new state may hold {check.listed(state)}"
            raise check.fail(model, "tensors", rule + check.nearest(name, state), name)
        _check_shape(model, repr(name), value, state[name].shape)


def check_silent(model: str, sends: str, fired: torch.Tensor) -> None:
    """Raise UnsupportedError for spikes of units that send numbers, which have no place here."""
    if bool((fired != 0).any()):
        raise UnsupportedError(
            f"{model}.tensors: what fired must be 0, as 'torch' keeps no spikes of units that send {sends!r} in every "
            f"step (got {int((fired != 0).sum())} spikes); return zeros, or choose one of cpu, reference"
        )


def _check_shape(model: str, what: str, value: Any, shape: torch.Size) -> None:
    if tuple(getattr(value, "shape", (None,))) != tuple(shape):
        got = tuple(value.shape) if isinstance(value, torch.Tensor) else type(value).__name__
        raise check.fail(model, "tensors", f"{what} must have shape {tuple(shape)}", str(got))
