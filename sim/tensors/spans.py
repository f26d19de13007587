"""One sample as many: states, and what comes from outside, for all samples of a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from .. import validation as check
from .course import PAST, Span, State


def batched(
    states: Mapping[str, State], batch: int, device: torch.device | None = None
) -> dict[str, State]:
    """The states of populations in each sample of a batch, those of one sample repeated."""
    return {
        name: {key: _repeated(value, key, batch).to(device) for key, value in own.items()}
        for name, own in states.items()
    }


def _repeated(value: torch.Tensor, key: str, batch: int) -> torch.Tensor:
    dimension = 1 if key == PAST else 0
    if value.shape[dimension] == batch:
        return value
    shape = list(value.shape)
    shape[dimension] = batch
    return value.expand(shape)


def fitting(
    owner: str, states: Mapping[str, State], like: Mapping[str, State], batch: int | None
) -> int:
    """The batch size of states; raises ParameterError unless they fit.

    like: states of the same network, of any batch; batch: the size wanted, if any. States of a
    single sample fit each.
    """
    sizes = {own.shape[0] for part in states.values() for key, own in part.items() if key != PAST}
    if _kinds(states) != _kinds(like) or len(sizes) > 1:
        rule = "must be that of an earlier call of a module of this network"
        raise check.fail(owner, "state", rule, f"one of {check.listed(states) or 'nothing'}")
    size = next(iter(sizes), 1)
    if batch is not None and size not in (1, batch):
        rule = f"must be of one sample, or of as many as the inputs have ({batch})"
        raise check.fail(owner, "state", rule, size)
    return size


def _kinds(states: Mapping[str, State]) -> dict[str, Any]:
    """The shapes and types of all state, whatever the batch; what was sent may be missing."""
    return {
        name: {key: (one.shape[1:], one.dtype) for key, one in own.items() if key != PAST}
        for name, own in states.items()
    }


def joined(spans: Sequence[Span]) -> Span:
    """One span of all samples, each of which comes with its own."""
    first = spans[0]
    arrivals = {
        place: torch.cat([one.arrivals[place] for one in spans], 1) for place in first.arrivals
    }
    drive = {name: _joined([one.drive[name] for one in spans]) for name in first.drive}
    samples = [number for one in spans for number in one.samples]
    return Span(first.start, first.steps, samples, arrivals, drive)


def _joined(drives: list[Any]) -> Any:
    """The drives of a population in all samples: (time, batch, n), or what never changes."""
    if any(isinstance(drive, torch.Tensor) and drive.ndim == 3 for drive in drives):
        return torch.cat(drives, 1)
    first = drives[0]
    if all(drive is first or _same(drive, first) for drive in drives):
        return first
    like = next(drive for drive in drives if isinstance(drive, torch.Tensor))
    rows = [torch.as_tensor(drive, dtype=like.dtype).expand(like.shape) for drive in drives]
    return torch.stack(rows)


def _same(drive: Any, other: Any) -> bool:
    if isinstance(drive, torch.Tensor) and isinstance(other, torch.Tensor):
        return torch.equal(drive, other)
    return not isinstance(drive, torch.Tensor) and bool(drive == other)
