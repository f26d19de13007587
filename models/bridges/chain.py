"""Networks whose populations stand in a row, each joined to the next."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import NetworkError
from ...sim import Distribution, Network, Population, Projection, Step
from ...sim import validation as check
from ...sim.conversion import shown


@dataclass(frozen=True, eq=False)
class Link:
    """A population behind the input: its synapses from the one before it, and onto itself.

    bias: the constant current (n,) that it gets from the first step of its own on, or None.
    """

    population: Population
    arriving: Projection
    recurrent: Projection | None
    bias: NDArray[np.float64] | None


def links_of(owner: str, network: Network, dt: float) -> list[Link]:
    """The populations behind the first one, in the order in which spikes pass through.

    Raises NetworkError for a network of another shape, and where a delay is not one step.
    """
    for projection in network.projections:
        if not single_step(projection, dt):
            told = shown(projection.delay)
            rule = f"every delay must be one step, dt = {dt:g} s"
            raise NetworkError(f"{owner}.network: {rule} (got {told} s of {projection.name!r})")
    row = row_of(owner, network)
    return [
        Link(
            post,
            _only(owner, network, pre, post),
            _only(owner, network, post, post) if _joined(network, post, post) else None,
            _bias(owner, network, post, lag * dt),
        )
        for lag, (pre, post) in enumerate(pairwise(row), 1)
    ]


def single_step(projection: Projection, dt: float) -> bool:
    """Whether all delays of a projection are `dt` [s], rounding aside."""
    delay: Any = projection.delay
    return not isinstance(delay, Distribution) and np.allclose(delay, dt, rtol=1e-6, atol=0.0)


def row_of(owner: str, network: Network) -> list[Population]:
    """All populations, each behind the one that reaches it.

    Raises NetworkError where they do not stand in a row.
    """
    reached = {part.post.name for part in network.projections if part.pre != part.post}
    row = [part for part in network.populations if part.name not in reached][:1]
    while row:
        onwards = {part.post.name: part.post for part in network.projections if part.pre == row[-1]}
        onwards.pop(row[-1].name, None)
        if len(onwards) != 1 or len(row) > len(network.populations):
            break
        row += onwards.values()
    others = sum(part.pre != part.post for part in network.projections) - (len(row) - 1)
    if len(row) < 2 or len(row) != len(network.populations) or others:
        rule = "must be a row of populations, each joined to the next by one projection"
        got = f"{len(network.populations)} populations, {len(network.projections)} projections"
        raise NetworkError(f"{owner}.network: {rule} (got {got})")
    return row


def _joined(network: Network, pre: Population, post: Population) -> list[Projection]:
    return [part for part in network.projections if part.pre == pre and part.post == post]


def _only(owner: str, network: Network, pre: Population, post: Population) -> Projection:
    """The one projection between two populations, which must be plain."""
    found = _joined(network, pre, post)
    if len(found) != 1 or found[0].rule is not None or found[0].receptor not in (None, "jump"):
        rule = f"{pre.name!r} and {post.name!r} must be joined by one projection without a rule"
        raise NetworkError(f"{owner}.network: {rule} (got {len(found)})")
    return found[0]


def _bias(
    owner: str, network: Network, population: Population, begins: float
) -> NDArray[np.float64] | None:
    """The sum of the currents into a population, each constant from a time on."""
    total = None
    for described in network.inputs:
        if described.population != population:
            continue
        stimulus: Any = described.stimulus
        times = np.asarray(stimulus.times) if isinstance(stimulus, Step) else np.zeros(0)
        if times.size != 1 or not math.isclose(float(times[0]), begins, rel_tol=1e-6):
            rule = f"{described.name!r} must be Step([{begins:g}], ...), a current from the first step of its layer on"
            raise check.fail(owner, "network", rule, type(stimulus).__name__)
        row = np.broadcast_to(np.asarray(stimulus.values)[0], population.n)
        total = row if total is None else total + row
    return total
