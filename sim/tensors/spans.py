"""What comes from outside in a span of time, for one sample or for all samples of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from .course import Span


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
