"""A network on tensors: all of its populations over a span of time, layer by layer."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import torch

from ...errors import UnsupportedError
from ..description.parts import Population, Projection
from ..operators.operator import Phase
from ..operators.signals import Memory
from ..plan.draw_values import receptor_of
from ..plan.plan import Plan
from ..seed import stream_key
from .convolved import ConvolvedWiring
from .course import PAST, Course, Span, State
from .group import Group, Synapses
from .groups import groups
from .stored import StoredWiring
from .units import Units
from .wiring import Wiring


class TensorNetwork(torch.nn.Module):
    """The populations and projections of a compiled network as tensors.

    A population that no path leads back to runs through the whole span before those that it
    reaches; others are stepped together (`groups`).
    """

    def __init__(self, plan: Plan, memory: Memory) -> None:
        super().__init__()
        network = plan.network
        self.groups = groups(network)
        self.units = {part.name: _units(plan, part) for part in network.populations}
        self.wirings = {part.name: _wiring(plan, part, memory) for part in network.projections}
        self.all_units = torch.nn.ModuleList(self.units.values())
        self.all_wirings = torch.nn.ModuleList(self.wirings.values())
        self.counting = {
            name: part.store.tallies
            for name, part in self.wirings.items()
            if isinstance(part, StoredWiring)
        }
        self.depths = dict.fromkeys(self.units, 0)
        for wiring in self.wirings.values():
            depth = int(wiring.lags.max())
            self.depths[wiring.pre.name] = max(self.depths[wiring.pre.name], depth)

    def run(
        self,
        state: Mapping[str, State],
        span: Span,
        wanted: Collection[tuple[str, str]] = (),
        *,
        exact: bool,
    ) -> Course:
        """What the network does in a span.

        wanted: the (population, variable) that are seen. exact: arrivals are added up one by one in
        the order of the clock engine; else they are products of matrices, which round otherwise,
        but which torch differentiates.
        """
        course = Course(state={name: dict(own) for name, own in state.items()})
        for name in self.counting if exact else ():
            course.state[name] = {key: one.clone() for key, one in state[name].items()}
        wirings = list(self.wirings.values())
        matrices = {} if exact else {name: part.matrices() for name, part in self.wirings.items()}
        for members in self.groups:
            units = {name: self.units[name] for name in members}
            Group(units, wirings, matrices, exact=exact).run(span, course, wanted)
        for name, depth in self.depths.items():
            if depth:
                course.state[name][PAST] = self._past(
                    state[name].get(PAST), course.sent[name], depth
                )
        return course

    def _past(self, past: torch.Tensor | None, sent: torch.Tensor, depth: int) -> torch.Tensor:
        """What a population sent in the last `depth` steps."""
        if past is None:
            past = sent.new_zeros((depth, *sent.shape[1:]))
        return torch.cat([past, sent])[-depth:]


def _units(plan: Plan, part: Population) -> Units:
    own = next(
        one for one in plan.operators if one.label == part.name and one.phase is Phase.ADVANCE
    )
    key = stream_key(plan.network.seed, "population", part.name)
    counted = bool(own.arguments.get("counted", 0))
    return Units(part, dt=plan.dt, precision=plan.precision, key=key, counted=counted)


def _wiring(plan: Plan, part: Projection, memory: Memory) -> Synapses:
    own = None
    if part.rule is None and not part.store.can.static:
        own = part.store.tensors(plan.projections[part.name], memory)
    if part.rule is not None or not (part.store.can.static or own):
        kind = type(part.store if part.rule is None else part.rule).__name__
        raise UnsupportedError(
            f"Simulator.backend: 'torch' does not run {kind} of {part.name}; choose one of cpu, reference"
        )
    synapses = plan.synapses[part.name]
    receptor = part.receptor if part.graded else receptor_of(part, synapses.occurring)
    if own is not None:
        return StoredWiring(part, synapses, own, receptor, plan.precision)
    if synapses.convolution is not None:
        how = (synapses.lags, receptor, plan.precision)
        return ConvolvedWiring(part, synapses.convolution, *how)
    return Wiring(part, synapses, plan.weights(part.name, memory), receptor, plan.precision)
