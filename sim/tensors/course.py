"""What goes into a span of time on tensors, and what comes out of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import torch

PAST: Final = "sent"  # in the state of a population: what it sent in the last steps
# beside the populations' states: weights and traces, by their signals; no part has such a name
LEARNED: Final = "/learned"
State = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Turned:
    """What is the same in all steps up to `turn`, and the same in all from then on.

    rows (2, batch, n).
    """

    rows: torch.Tensor
    turn: int


def whole(value: Any, steps: int) -> Any:
    """The rows of all steps (time, batch, n), where they are not that already."""
    if not isinstance(value, Turned):
        return value
    early = min(value.turn, steps)
    before, after = value.rows
    parts = [before.expand(early, *before.shape), after.expand(steps - early, *after.shape)]
    return torch.cat(parts)


@dataclass
class Span:
    """What comes from outside from step `start` on for `steps` steps, to `samples`.

    samples: their numbers, upon which draws depend. arrivals: by population and receptor (time,
    batch, n); drive: the current of each population, (time, batch, n), or what never changes:
    (batch, n), (n,) or a number.
    """

    start: int
    steps: int
    samples: Sequence[int]
    arrivals: dict[tuple[str, str], torch.Tensor] = field(default_factory=dict)
    drive: dict[str, Any] = field(default_factory=dict)

    def to(self, device: torch.device) -> Span:
        """The same on a device."""
        arrivals = {place: rows.to(device) for place, rows in self.arrivals.items()}
        drive = {
            name: one.to(device) if isinstance(one, torch.Tensor) else one
            for name, one in self.drive.items()
        }
        return Span(self.start, self.steps, self.samples, arrivals, drive)

    def part(self, low: int, high: int) -> Span:
        """The steps from `low` to `high` - 1 of the span, counted from its start."""
        arrivals = {place: rows[low:high] for place, rows in self.arrivals.items()}
        drive = {
            name: one[low:high] if isinstance(one, torch.Tensor) and one.ndim == 3 else one
            for name, one in self.drive.items()
        }
        return Span(self.start + low, high - low, self.samples, arrivals, drive)


@dataclass
class Course:
    """What a span led to.

    sent (time, batch, n): spikes, or the numbers of graded units, by population; seen: the state
    variables that were asked for, by population and variable; state: at the end, by population,
    and what rules change, under `LEARNED`.
    """

    sent: dict[str, torch.Tensor] = field(default_factory=dict)
    seen: dict[tuple[str, str], torch.Tensor] = field(default_factory=dict)
    state: dict[str, State] = field(default_factory=dict)
