"""Which trainings there are, and what each led to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import final

from potentia.experiments.graphs.design import DRAWN, FROZEN, PRUNED, Design


@final
@dataclass(frozen=True, kw_only=True)
class Job:
    """The trainings of one kind of units on one kind of graph, at all densities."""

    task: str
    unit: str
    graph: str
    seed: int


@final
@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one training led to; density: the wanted one, whose true value is in the measures.

    measures: of the graph (`GraphMeasures`); hash: of the spikes of the test.
    """

    task: str
    unit: str
    graph: str
    seed: int
    density: float
    accuracy: float
    measures: dict[str, float]
    hash: str


def jobs(design: Design, seeds: Iterable[int]) -> list[Job]:
    """All of them. Recurrent weights that are frozen cannot be pruned by what they learned."""
    return [
        Job(task=task, unit=unit, graph=graph, seed=seed)
        for seed in seeds
        for task in design.tasks
        for unit in design.units
        for graph in (DRAWN if unit == FROZEN else (*DRAWN, PRUNED))
    ]
