"""What the rules of a batch propose: noted beside the stores, and carried out by them once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...kernels.backend import Call, Exact
from ..operators.operator import Operator
from ..operators.per_thread import PerThread
from ..operators.projection import ProjectionScope, Proposals
from ..operators.signals import Memory
from .plan import Plan

Weights = Mapping[str, NDArray[np.float64]]


def programmed(plan: Plan) -> list[str]:
    """The projections that learn in stores to which changes cannot merely be added."""
    return [name for name, scope in plan.projections.items() if scope.programming]


def noting(plan: Plan, memory: Memory, shadows: Weights) -> dict[Operator, list[Call]]:
    """Calls to make before operators of `plan`, which move `shadows` by what is proposed.

    shadows: weights (n_synapses,) by projection; see `shadow_step`.
    """
    calls: dict[Operator, list[Call]] = {}
    for name, shadow in shadows.items():
        scope = plan.projections[name]
        first = next(operator for operator in plan.operators if operator in scope.programming)
        kernel = plan.backend.kernel("shadow_step")
        calls[first] = [
            Call(
                kernel,
                {
                    "synapse": memory[lists.synapse],
                    "change": memory[lists.change],
                    "proposed": memory[lists.count],
                    "low": Exact(lists.low),
                    "high": Exact(lists.high),
                    "shadow": shadow,
                },
                None,
            )
            for lists in _lists(scope)
        ]
    return calls


def program_once(plan: Plan, memory: Memory, changes: Weights, step: int) -> None:
    """Let stores carry out `changes` (n_synapses,) by projection, as one proposal for each synapse.

    Each time that a store does this it draws other random numbers: `sample` then counts down from
    -1.
    """
    samples: dict[Operator, dict[str, Any]] = {}
    for name, change in changes.items():
        scope = plan.projections[name]
        times = memory[f"{name}.programmed"]
        times[0] += 1
        _propose(scope, memory, change)
        samples |= {operator: {"sample": -times} for operator in scope.programming}
    ordered = [operator for operator in plan.operators if operator in samples]
    program = plan.part(ordered, memory, samples)
    program.advance(step, step + 1)
    program.collect()


def _propose(scope: ProjectionScope, memory: Memory, change: NDArray[np.float64]) -> None:
    """Fill the lists of every share with the changes that are not 0, in order of the synapses."""
    targets = scope.synapses.targets
    for lists, (low, high, _) in zip(_lists(scope), scope.shares, strict=True):
        chosen = np.flatnonzero((change != 0) & (targets >= low) & (targets < high))
        memory[lists.synapse][: chosen.size] = chosen
        memory[lists.change][: chosen.size] = change[chosen]
        memory[lists.count][0] = chosen.size


def _lists(scope: ProjectionScope) -> Sequence[Proposals]:
    """The lists of proposals of every share."""
    proposals = scope.proposals
    assert proposals is not None

    def own(value: Any, k: int) -> Any:
        return value.values[k] if isinstance(value, PerThread) else value

    lists = [
        {name: own(value, k) for name, value in vars(proposals).items()}
        for k in range(len(scope.shares))
    ]
    return [Proposals(**fields) for fields in lists]
