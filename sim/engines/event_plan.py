"""A network compiled for the event engine: units, their exact kernels, and synapses in order of
delay.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import NetworkError, UnsupportedError
from ...kernels.cpu.event_learning import Learning
from ...kernels.cpu.event_loop import PROJECTION, SEGMENT, Wires
from ...kernels.cpu.event_queue import NEVER, TICKS, new_schedule
from ...kernels.cpu.event_units import GROUP, NEURON, Units
from ...kernels.cpu.verdict import AGAIN, FAILED, NEITHER, STUCK
from ..description.network import Network
from ..description.parts import Population, Probe, Projection
from ..operators.connections import Connections
from ..operators.edges import Edges
from ..plan.capacity import check_memory
from ..plan.draw_values import draw_codes, draw_delays, receptor_of
from ..plan.population import initial_values
from ..seed import stream_key
from .event_rules import Learner, gather, judge
from .event_solved import Solved, kernels_of, ticks


@dataclass(frozen=True)
class EventSynapses:
    """The synapses of one projection in (source, delay, target) order.

    weights (n,); n_segments of one source and delay; per_source (n_pre,), how many synapses each
    source has.
    """

    name: str
    weights: NDArray[np.float64]
    n_segments: int
    per_source: NDArray[np.int64]

    @property
    def n(self) -> int:
        return int(self.weights.size)

    def outgoing(self) -> NDArray[np.int64]:
        """How many synapses each source has (n_pre,)."""
        return self.per_source

    def sources(self) -> NDArray[np.uint32]:
        """The source of every synapse (n,)."""
        return np.repeat(np.arange(self.per_source.size, dtype=np.uint32), self.per_source)


@dataclass
class EventPlan:
    """A compiled network: what `print(plan)` shows is what runs.

    populations: in order of rank; first (n_populations + 1,): the first unit of each; units: at
    time 0, nothing predicted yet; synapses by projection; learners: the projections that learn;
    learning: all of them at time 0.
    """

    network: Network
    populations: list[Population]
    first: NDArray[np.int64]
    units: Units
    wires: Wires
    synapses: dict[str, EventSynapses]
    probes: list[Probe] = field(default_factory=list)
    verdicts: list[tuple[Population, NDArray[np.int64]]] = field(default_factory=list)
    learners: list[Learner] = field(default_factory=list)
    learning: Learning = field(default_factory=lambda: gather([], 0))

    def weights(self, name: str, memory: Any) -> NDArray[np.float64]:
        """The weights (n_synapses,) that a projection has in `memory`."""
        learner = self.learner(name)
        return (
            self.synapses[name].weights.copy()
            if learner is None
            else learner.weights(memory.learning)
        )

    def learner(self, name: str) -> Learner | None:
        """The projection of this name, if it learns."""
        return next((part for part in self.learners if part.projection.name == name), None)

    @property
    def synapse_bytes(self) -> int:
        """Bytes that the synapses take: targets, weights, and segments with their delays."""
        return sum(
            int(getattr(self.wires, name).nbytes)
            for name in ("target", "weight", "segment", "chain")
        )

    def connections(self, name: str, weights: NDArray[np.float64]) -> Connections:
        """The synapses of a projection, which have these weights (n_synapses,)."""
        part = next(part for part in self.network.projections if part.name == name)
        number, synapses = list(self.synapses).index(name), self.synapses[name]
        own = self.wires.segment[self.wires.segment["projection"] == number]
        begin = int(own["first"].min(initial=self.wires.target.size))
        targets = self.wires.target[begin : begin + synapses.n].astype(np.int64) - self.begin(
            part.post
        )
        return Connections(
            sources=synapses.sources().astype(np.int64),
            targets=targets,
            delays=np.repeat(own["delay"], own["end"] - own["first"]) / TICKS,
            weights=weights,
            n_pre=part.pre.n,
            n_post=part.post.n,
        )

    def __reduce__(self) -> Any:
        raise UnsupportedError(
            "Plan: cannot be copied or pickled, since it holds addresses; do so with the Simulator"
        )

    def judge(self, parameters: NDArray[np.float64]) -> None:
        """Raise NetworkError if a user's own kernels broke a rule, which they note behind their
        parameters.
        """
        judge(self.learners, self.learning)
        for population, places in self.verdicts:
            if (verdicts := parameters[places]).any():
                parameters[places] = 0.0  # all copies of the units share them
                owner = f"{type(population.model).__name__} of population {population.name!r}"
                raise NetworkError(f"{owner}: {BROKEN[int(verdicts.max())]}")

    def index(self, population: Population) -> int:
        """The place of a population in order of rank."""
        return next(k for k, part in enumerate(self.populations) if part is population)

    def begin(self, population: Population) -> int:
        """The first unit of a population."""
        return int(self.first[self.index(population)])

    def meta(self) -> dict[str, Any]:
        """How results of this plan are made."""
        return {
            "seed": self.network.seed,
            "precision": "float64",
            "backend": "cpu",
            "engine": "event",
        }

    def __str__(self) -> str:
        synapses = sum(part.n for part in self.synapses.values())
        lines = [
            f"Plan: {self.first[-1]} neurons, {synapses} synapses, no grid: from event to event, float64, backend cpu"
        ]
        for population in self.populations:
            kernels = kernels_of(population)
            names = [
                _name(kernel) for kernel in (kernels.flow, kernels.next, kernels.fire) if kernel
            ]
            lines.append(f"  {population}: {', '.join(names)} on {', '.join(kernels.state)}")
        lines += [f"  {described}" for described in self.network.inputs]
        for projection in self.network.projections:
            part, learner = self.synapses[projection.name], self.learner(projection.name)
            learns = "" if learner is None else f", {', '.join(learner.names)}"
            told = (
                f"{part.n} synapses in {part.n_segments} segments of one source and delay{learns}"
            )
            lines.append(f"  {projection}: {told}")
        lines += [f"  {probe}" for probe in self.probes]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"


def _name(kernel: Any) -> str:
    return kernel if isinstance(kernel, str) else str(kernel.__name__)


def compile_events(network: Network) -> EventPlan:
    """Turn a description into a plan; UnsupportedError for what has no exact solution between
    events.
    """
    if not network.populations:
        raise NetworkError("Network: has no population yet; add one with Network.population")
    for population in network.populations:
        if population.model.sends is not None:
            raise UnsupportedError(
                f"Simulator.engine: population {population.name!r} of {type(population.model).__name__} sends numbers "
                "in every step, and the event engine has none; use engine='clock'"
            )
        kernels_of(population)
    for projection in network.projections:
        _check_projection(projection)
    check_memory(network, dt=None)
    drawn = {part.name: _draw(network, part) for part in network.projections}
    ranks = _ranks(
        network, [part for part in network.projections if (drawn[part.name].delays == 0).any()]
    )
    populations = sorted(network.populations, key=lambda part: ranks[part.name])  # stable
    first = np.cumsum([0] + [part.n for part in populations]).astype(np.int64)
    solved = [Solved(part, _start(network, part)) for part in populations]
    units = _units(solved, first, [ranks[part.name] for part in populations])
    plan = EventPlan(
        network, populations, first, units, Wires(*[None] * len(Wires._fields)), {}, network.probes
    )
    starts = _starts([part.parameters.size for part in solved])
    plan.verdicts = [
        (population, start + np.arange(part.parameters.size).reshape(part.parameters.shape)[:, -1])
        for population, part, start in zip(populations, solved, starts, strict=True)
        if part.own
    ]
    _wire(plan, sorted(network.projections, key=lambda part: ranks[part.post.name]), drawn)
    return plan


def _check_projection(projection: Projection) -> None:
    rule = projection.rule
    if rule is not None and rule.modulators:
        raise UnsupportedError(
            f"Simulator.engine: projection {projection.name!r} learns by {type(rule).__name__}, which reads "
            f"the modulator {rule.modulators[0]!r}; the event engine has none, use engine='clock'"
        )
    if not projection.store.can.static:
        raise UnsupportedError(
            f"Simulator.engine: projection {projection.name!r} has its weights in {type(projection.store).__name__}, "
            "which the event engine cannot read; use engine='clock' or store=Ideal()"
        )


@dataclass(frozen=True)
class _Drawn:
    """Synapses as drawn: delays, one number or (n,) [ticks]; weights, one number or (n,)."""

    edges: Edges
    delays: NDArray[np.int64]
    weights: Any


def _draw(network: Network, projection: Projection) -> _Drawn:
    """The same synapses and weights as on the clock, with delays as they are."""
    pre, post = projection.pre, projection.post
    edges = projection.connectivity.edges(
        pre.n,
        post.n,
        stream_key(network.seed, "connectivity", projection.name),
        recurrent=pre is post,
    )
    delays = ticks(
        draw_delays(projection, edges, stream_key(network.seed, "delay", projection.name))
    )
    levels, drawn = draw_codes(
        projection, edges, stream_key(network.seed, "weight", projection.name)
    )
    if levels is None:
        return _Drawn(edges, delays, drawn)
    return _Drawn(edges, delays, float(levels[0]) if levels.size == 1 else levels[drawn])


def _ranks(network: Network, instant: Sequence[Projection]) -> dict[str, int]:
    """The rank of each population: above all that reach it without delay.

    Raises NetworkError for a cycle of these.
    """
    ranks = {part.name: 0 for part in network.populations}
    for _ in network.populations:
        late = [part for part in instant if ranks[part.post.name] <= ranks[part.pre.name]]
        if not late:
            return ranks
        for part in late:
            ranks[part.post.name] = max(ranks[part.post.name], ranks[part.pre.name] + 1)
    if not any(ranks[part.post.name] <= ranks[part.pre.name] for part in instant):
        return ranks
    names = ", ".join(part.name for part in _cycle(instant))
    raise NetworkError(
        f"Network.connect delay: must be > 0 somewhere on every cycle (got a cycle without delay: {names})"
    )


def _cycle(instant: Sequence[Projection]) -> list[Projection]:
    """The projections on cycles: what is left when those that lead nowhere or come from nowhere are
    taken away.
    """
    left = list(instant)
    while True:
        starts, ends = {part.pre.name for part in left}, {part.post.name for part in left}
        inside = [part for part in left if part.post.name in starts and part.pre.name in ends]
        if len(inside) == len(left):
            return left
        left = inside


def _units(solved: Sequence[Solved], first: NDArray[np.int64], ranks: Sequence[int]) -> Units:
    """All units at time 0, with no drive and nothing predicted."""
    n, sizes = int(first[-1]), np.diff(first)
    group = np.zeros(len(solved), GROUP)
    group["first"], group["end"], group["rank"] = first[:-1], first[1:], ranks
    for name in ("width", "flow", "next", "fire"):
        group[name] = [getattr(part, name) for part in solved]
    within = np.arange(n) - np.repeat(first[:-1], sizes)
    neuron = np.zeros(n, NEURON)
    neuron["group"] = np.repeat(np.arange(len(solved)), sizes)
    neuron["row"] = (
        _starts(sizes * group["width"])[neuron["group"]] + within * group["width"][neuron["group"]]
    )
    strides = np.array(
        [part.parameters.shape[1] if len(part.parameters) > 1 else 0 for part in solved]
    )
    neuron["constants"] = (
        _starts([part.parameters.size for part in solved])[neuron["group"]]
        + within * strides[neuron["group"]]
    )
    neuron["refractory"] = _join(part.refractory for part in solved)
    neuron["drive"], neuron["held"] = np.nan, -1
    state = _join(part.initial for part in solved)
    heap, place, due, size = new_schedule(np.full(n, NEVER))
    return Units(
        neuron=neuron,
        group=group,
        state=state,
        arriving=np.zeros_like(state),
        parameters=_join(part.parameters.ravel() for part in solved),
        spare=np.zeros(int(group["width"].max())),
        touched=np.zeros(n, np.int64),
        heap=heap,
        place=place,
        due=due,
        size=size,
    )


def _start(network: Network, population: Population) -> dict[str, Any]:
    """Where state variables start, as on the clock; UnsupportedError for one that is not solved
    here.
    """
    known = kernels_of(population).state
    for variable in population.initial:
        if variable not in known:
            raise UnsupportedError(
                f"Network.population initial: the event engine has no variable {variable!r} of {population.name!r}, "
                f"only {', '.join(known)}; use engine='clock'"
            )
    return initial_values(network, population)


def _wire(plan: EventPlan, projections: Sequence[Projection], drawn: dict[str, _Drawn]) -> None:
    """Put all synapses into chains of segments, projection by projection."""
    parts = [
        _Chains(drawn[part.name], part.pre.n, plan.begin(part.pre), plan.begin(part.post))
        for part in projections
    ]
    for part, chains in zip(projections, parts, strict=True):
        plan.synapses[part.name] = EventSynapses(
            part.name, chains.weight, chains.delay.size, chains.outgoing
        )
    segment = np.zeros(sum(part.delay.size for part in parts), SEGMENT)
    n_segments, n_synapses = (
        [part.delay.size for part in parts],
        [part.target.size for part in parts],
    )
    segment["delay"], segment["more"] = (
        _join(part.delay for part in parts),
        _join(part.more for part in parts),
    )
    segment["first"] = _join(
        part.start + s for part, s in zip(parts, _starts(n_synapses), strict=True)
    )
    segment["end"] = np.append(segment["first"], sum(n_synapses))[1:]
    segment["projection"] = np.repeat(np.arange(len(parts)), n_segments)
    chain = _join(part.chain + s for part, s in zip(parts, _starts(n_segments), strict=True))
    unit = _join(part.unit for part in parts)
    order = np.argsort(unit, kind="stable")
    firsts = zip(_starts(n_synapses).tolist(), _starts(n_segments).tolist(), strict=True)
    plan.learners = [
        _learner(plan, part, chains, *first)
        for part, chains, first in zip(projections, parts, firsts, strict=True)
        if part.rule is not None
    ]
    plan.learning = gather(plan.learners, int(plan.first[-1]))
    landing = np.array([_landing(plan, part) for part in projections], PROJECTION)
    landing["rule"][[part.rule is not None for part in projections]] = np.arange(len(plan.learners))
    plan.wires = Wires(
        chain_first=np.searchsorted(unit[order], np.arange(plan.first[-1] + 1)),
        chain=chain[order],
        segment=segment,
        projection=landing,
        target=_join((part.target for part in parts), np.uint32),
        weight=_join((_adding(*pair) for pair in zip(projections, parts, strict=True)), np.float64),
    )


def _adding(projection: Projection, chains: _Chains) -> NDArray[np.float64]:
    """What each arrival adds: its weight, or 1 at a receptor that counts."""
    return np.ones_like(chains.weight) if _counts(projection, chains) else chains.weight


def _counts(projection: Projection, chains: _Chains) -> bool:
    """Whether a projection reaches a receptor that counts arrivals."""
    return receptor_of(projection, chains.weight) in projection.post.model.counts


def _learner(
    plan: EventPlan, projection: Projection, chains: _Chains, synapse: int, segment: int
) -> Learner:
    """A projection that learns; synapse, segment: its first ones among all."""
    base = plan.begin(projection.post)
    return Learner(
        projection,
        synapse=synapse,
        segment=segment,
        base=base,
        alike=_counts(projection, chains),
        per_segment=np.diff(np.append(chains.start, chains.target.size)),
        target=chains.target - np.uint32(base),
        weight=chains.weight,
    )


BROKEN = {
    FAILED: "an event kernel raised an error, such as a division of whole numbers by zero",
    NEITHER: "the event kernel `next` must return a time, inf for never (got nan)",
    AGAIN: "the event kernel `next` must be asked again only after a femtosecond or more (got a time from -1e-15 to 0)",
    STUCK: "after a spike the event kernel `next` must not return 0 where the refractory time is 0 (got a unit that "
    "would fire for ever at one time)",
}


class _Chains:
    """The synapses of one projection in (source, delay) order; a segment is a run of one source and
    delay.
    """

    def __init__(self, drawn: _Drawn, n_pre: int, first_pre: int, first_post: int) -> None:
        source, target, delay = drawn.edges.sources, drawn.edges.targets, drawn.delays
        self.outgoing = np.bincount(source, minlength=n_pre)
        weight = np.broadcast_to(np.asarray(drawn.weights, np.float64), source.shape)
        if delay.ndim:
            order = np.lexsort((delay, source))
            source, target, delay, weight = (
                source[order],
                target[order],
                delay[order],
                weight[order],
            )
        delay = np.broadcast_to(delay, source.shape)
        fresh = np.append(True, source[1:] != source[:-1])[: source.size]  # where a chain begins
        self.start = np.flatnonzero(fresh | np.append(True, delay[1:] != delay[:-1])[: source.size])
        self.delay = delay[self.start].astype(np.int64)
        self.more = np.append(~fresh[self.start[1:]], False)[: self.start.size]
        self.chain = np.flatnonzero(fresh[self.start])
        self.unit = source[self.start][self.chain].astype(np.int64) + first_pre
        self.target, self.weight = target + np.uint32(first_post), np.ascontiguousarray(weight)


def chained_weights(network: Network, projection: Projection) -> NDArray[np.float64]:
    """The weights of a projection (n_synapses,), in the order of its chains."""
    return _Chains(_draw(network, projection), projection.pre.n, 0, 0).weight


def receiving(population: Population, receptor: str) -> int:
    """Which state variable of a population's units the weights at a receptor are added to."""
    kernels = kernels_of(population)
    if receptor not in kernels.receives:
        raise UnsupportedError(
            f"engine 'event': {receptor!r} of {population.name!r} is a modulator, which only rules of the clock engine "
            f"read; choose one of {', '.join(kernels.receives)} or engine='clock'"
        )
    return kernels.state.index(kernels.receives[receptor])


def _landing(plan: EventPlan, projection: Projection) -> tuple[int, int, int, int, int]:
    """The PROJECTION of one projection, which learns by no rule yet."""
    base, group = plan.begin(projection.post), plan.units.group[plan.index(projection.post)]
    receptor = receptor_of(projection, plan.synapses[projection.name].weights)
    row = int(plan.units.neuron["row"][base]) + receiving(projection.post, receptor)
    return row, base, int(group["width"]), int(group["rank"]), -1


def _starts(sizes: Any) -> NDArray[np.int64]:
    """Where each of several blocks begins, one behind the other."""
    return np.cumsum([0, *sizes])[:-1].astype(np.int64)


_EMPTY = np.zeros(0, np.int64)


def _join(arrays: Iterable[Any], dtype: Any = None) -> NDArray[Any]:
    """All arrays one behind the other; int64 if there are none."""
    members = list(arrays)
    joined = np.concatenate(members) if members else _EMPTY
    return np.ascontiguousarray(joined if dtype is None else joined.astype(dtype))
