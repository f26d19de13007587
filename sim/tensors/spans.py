"""One sample as many: states, and what comes from outside, for all samples of a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

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
