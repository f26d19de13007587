"""Projections whose synapses are spelled out, so that weights and delays can be parameters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from ...sim import validation as check
from ...sim.description.explicit import Explicit
from ...sim.description.network import Network
from ...sim.description.parts import Projection
from ...sim.description.replaced import replaced
from ...sim.engines.event_compile import compile_events
from ...sim.engines.event_solved import ticks
from ...sim.plan.draw_values import receptor_of

OWNER: Final = "EventProp"

Vector = NDArray[np.float64]


@final
@dataclass(frozen=True, eq=False)
class Values:
    """The weights (n_synapses,) and delays (n_synapses,) [s] of a projection."""

    weights: Vector
    delays: Vector


@final
@dataclass(frozen=True, eq=False)
class SpelledOut:
    """The synapses of a projection, in the order of `Simulator.weights` at the beginning.

    sources, targets (n_synapses,) indices of units; values: those at the beginning.
    """

    sources: NDArray[np.int64]
    targets: NDArray[np.int64]
    values: Values

    def order(self, values: Values) -> NDArray[np.int64]:
        """Where each synapse of the event engine, by (source, delay, target), stands here."""
        order: NDArray[np.int64] = np.lexsort((self.targets, ticks(values.delays), self.sources))
        return order


def spell_out(network: Network, names: Iterable[str]) -> tuple[Network, dict[str, SpelledOut]]:
    """The same network in which the projections of these names are lists of synapses."""
    plan, made, spelled = compile_events(network), network, {}
    for name in names:
        old = next(part for part in made.projections if part.name == name)
        _plain(old)
        told = plan.connections(name, plan.synapses[name].weights)
        new = replace(
            old,
            connectivity=Explicit(told.sources, told.targets),
            weight=told.weights,
            delay=told.delays,
            receptor=receptor_of(old, told.weights),
        )
        made = replaced(made, old, new)
        values = Values(told.weights, told.delays)
        spelled[name] = SpelledOut(told.sources, told.targets, values)
    return made, spelled


def _plain(projection: Projection) -> None:
    """Refuse a store that would round the weights."""
    if projection.store.bits is not None:
        rule = f"must not round the weights of {projection.name!r}, which are trained; use store=Ideal()"
        raise check.fail(OWNER, "train", rule, f"bits={projection.store.bits}")


def with_values(network: Network, values: Mapping[str, Values]) -> Network:
    """The network with other weights and delays in projections that are spelled out."""
    for name, own in values.items():
        old = next(part for part in network.projections if part.name == name)
        network = replaced(network, old, replace(old, weight=own.weights, delay=own.delays))
    return network
