"""Which trainings there are, and what each led to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, final

HYBRID: Final = "hybrid"
FROZEN: Final = "frozen"  # the core keeps the weights that it begins with
ANN: Final = "ann"  # rectified units in the place of spiking ones
NETWORKS: Final = (HYBRID, FROZEN, ANN)


@final
@dataclass(frozen=True, kw_only=True)
class Job:
    """The training of one network from one seed."""

    network: str
    seed: int


@final
@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one training led to.

    accuracies: on the test set, by how it was run; joules: of one image [J], part by part;
    measures: what else was counted; confusion: [true][told] on devices; example: one image on its
    way through the network; hash: of all spikes.
    """

    network: str
    seed: int
    accuracies: dict[str, float]
    joules: dict[str, float] = field(default_factory=dict)
    measures: dict[str, float] = field(default_factory=dict)
    confusion: list[list[int]] = field(default_factory=list)
    example: dict[str, Any] = field(default_factory=dict)
    hash: str = ""


def jobs(seeds: Iterable[int]) -> list[Job]:
    """All of them, those of one seed beside each other."""
    return [Job(network=network, seed=seed) for seed in seeds for network in NETWORKS]
