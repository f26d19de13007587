"""What goes into a span of time on tensors, and what comes out of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import torch

PAST: Final = "sent"  # in the state of a population: what it sent in the last steps
State = dict[str, torch.Tensor]


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


@dataclass
class Course:
    """What a span led to.

    sent (time, batch, n): spikes, or the numbers of graded units, by population; seen: the state
    variables that were asked for, by population and variable; state: at the end, by population.
    """

    sent: dict[str, torch.Tensor] = field(default_factory=dict)
    seen: dict[tuple[str, str], torch.Tensor] = field(default_factory=dict)
    state: dict[str, State] = field(default_factory=dict)
