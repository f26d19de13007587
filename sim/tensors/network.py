"""A network on tensors: all of its populations over a span of time, layer by layer."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import torch

from ...errors import UnsupportedError
from ..description.parts import Population, Projection
from ..description.store import Ideal
from ..operators.signals import Memory
from ..plan.bundle import gather
from ..plan.draw_values import receptor_of
from ..plan.plan import Plan
from ..seed import stream_key
from .convolved import ConvolvedWiring
from .course import PAST, Course, Span, State
from .group import Group, Synapses
from .groups import groups
from .learning import Learning, learned
from .plastic import PlasticWiring
from .stored import StoredWiring
from .units import Units, operator_of
from .wiring import Wiring


class TensorNetwork(torch.nn.Module):
    """The populations and projections of a compiled network as tensors.

    A population that no path leads back to runs through the whole span before those that it
    reaches; others are stepped together (`groups`).
    """

    def __init__(self, plan: Plan, memory: Memory) -> None:
        super().__init__()
        network = plan.network
        self.groups, self.learned = groups(network), learned(plan)
        self.units = {part.name: _units(plan, part) for part in network.populations}
        self.wirings = {part.name: _wiring(plan, part, memory) for part in _in_order(plan)}
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
        self.learning = [Learning(plan, self.wirings, members) for members in self.groups]

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
        fixed = [part for part in wirings if not isinstance(part, PlasticWiring)]
        matrices = {} if exact else {part.projection.name: part.matrices() for part in fixed}
        wanted = {*wanted, *(place for one in self.learning for place in one.looks)}
        for members, learning in zip(self.groups, self.learning, strict=True):
            units = {name: self.units[name] for name in members}
            Group(units, wirings, matrices, learning, exact=exact).run(span, course, wanted)
        for name, depth in self.depths.items():
            if depth:
                course.state[name][PAST] = self._past(
                    state[name].get(PAST), course.sent[name], depth
                )
        return course

    def _past(self, past: torch.Tensor | None, sent: torch.Tensor, depth: int) -> torch.Tensor:
        """What a population sent in the last `depth` steps."""
        if sent.shape[0] >= depth:
            return sent[-depth:]
        if past is None:
            past = sent.new_zeros((depth, *sent.shape[1:]))
        return torch.cat([past, sent])[-depth:]


def _units(plan: Plan, part: Population) -> Units:
    own = operator_of(plan, part.name)
    key = stream_key(plan.network.seed, "population", part.name)
    counted = bool(own.arguments.get("counted", 0))
    return Units(part, dt=plan.dt, precision=plan.precision, key=key, counted=counted)


def _wiring(plan: Plan, part: Projection, memory: Memory) -> Synapses:
    own, kind = plan.projections[part.name], type(part.store).__name__
    receptor = part.receptor if part.graded else receptor_of(part, own.synapses.occurring)
    if part.rule is not None and not isinstance(part.store, Ideal):
        raise UnsupportedError(
            f"Simulator.backend: 'torch' lets rules change the weights of Ideal() alone; {part.name} has {kind}(), "
            "so choose one of cpu, reference"
        )
    if part.rule is not None:
        return PlasticWiring(part, own.synapses, receptor, alike=own.alike)
    store = None if part.store.can.static else part.store.tensors(own, memory)
    if store is not None:
        return StoredWiring(part, own.synapses, store, receptor, plan.precision)
    if not part.store.can.static:
        raise UnsupportedError(
            f"Simulator.backend: 'torch' does not run {kind} of {part.name}; choose one of cpu, reference"
        )
    if own.synapses.convolution is not None:
        how = (own.synapses.lags, receptor, plan.precision)
        return ConvolvedWiring(part, own.synapses.convolution, *how, alike=own.alike)
    weights = plan.weights(part.name, memory)
    return Wiring(part, own.synapses, weights, receptor, plan.precision, alike=own.alike)


def _in_order(plan: Plan) -> list[Projection]:
    """The projections in the order in which the clock engine adds what they bring.

    Those that are not bundled come first.
    """
    scopes = plan.projections.values()
    bundles = gather([own for own in scopes if own.bundled])
    names = [own.name for own in scopes if not own.bundled]
    names += [own.name for bundle in bundles for own in bundle.members]
    known = {part.name: part for part in plan.network.projections}
    return [known[name] for name in names]
