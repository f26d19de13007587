"""From a description to a plan of the event engine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import NetworkError, UnsupportedError
from ...kernels.cpu.event_loop import PROJECTION, SEGMENT, Wires
from ...kernels.cpu.event_queue import NEVER, new_schedule
from ...kernels.cpu.event_units import GROUP, NEURON, Units
from .. import validation as check
from ..description.network import Network
from ..description.parts import Population, Projection
from ..description.rules import members
from ..plan.capacity import check_memory
from ..plan.draw_values import receptor_of
from ..plan.model_numbers import initial_values
from .event_chains import Chains, Drawn, draw
from .event_plan import EventPlan, EventSynapses
from .event_ranks import ranks_of
from .event_rules import Learner, first_rules, gather
from .event_solved import Solved, kernels_of, receiving


def compile_events(network: Network) -> EventPlan:
    """The plan of a description; UnsupportedError for what has no exact solution between events."""
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
    drawn = {part.name: draw(network, part) for part in network.projections}
    ranks = ranks_of(
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
    for rule in members(projection.rule):
        if rule.modulators:
            raise UnsupportedError(
                f"Simulator.engine: projection {projection.name!r} learns by {type(rule).__name__}, which reads "
                f"the modulator {rule.modulators[0]!r}; the event engine has none, use engine='clock'"
            )
    if not projection.store.can.static:
        raise UnsupportedError(
            f"Simulator.engine: projection {projection.name!r} has its weights in {type(projection.store).__name__}, "
            "which the event engine cannot read; use engine='clock' or store=Ideal()"
        )
    if projection.rule is not None:
        _adds(projection)


def _adds(projection: Projection) -> None:
    """Refuse a store that carries out in its own way what a rule proposes, or rounds weights."""
    if not projection.store.can.adds:
        raise UnsupportedError(
            f"Simulator.engine: projection {projection.name!r} learns in {type(projection.store).__name__}, to whose "
            "weights the event engine cannot add; use engine='clock' or store=Ideal()"
        )
    if projection.store.bits is not None:
        raise check.fail(
            projection.store, "bits", "must be None where a rule learns", projection.store.bits
        )


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
    """The initial values of state variables, the same as on the clock engine.

    Raises UnsupportedError for a variable that the event engine does not have.
    """
    known = kernels_of(population).state
    for variable in population.initial:
        if variable not in known:
            raise UnsupportedError(
                f"Network.population initial: the event engine has no variable {variable!r} of {population.name!r}, "
                f"only {', '.join(known)}; use engine='clock'"
            )
    return initial_values(network, population)


def _wire(plan: EventPlan, projections: Sequence[Projection], drawn: dict[str, Drawn]) -> None:
    """Give the plan all synapses as chains of segments, projection by projection."""
    chains = [
        Chains(drawn[part.name], part.pre.n, plan.begin(part.pre), plan.begin(part.post))
        for part in projections
    ]
    for part, own in zip(projections, chains, strict=True):
        plan.synapses[part.name] = EventSynapses(
            part.name, own.weight, own.delay.size, own.outgoing
        )
    plan.learners = _learners(plan, projections, chains)
    plan.learning = gather(plan.learners, int(plan.first[-1]))
    plan.wires = _wires(plan, projections, chains)


def _wires(plan: EventPlan, projections: Sequence[Projection], chains: list[Chains]) -> Wires:
    """The chains of all projections in the arrays that the loop walks."""
    first_segment = _starts([own.delay.size for own in chains])
    chain = _join(own.chain + first for own, first in zip(chains, first_segment, strict=True))
    unit = _join(own.unit for own in chains)
    order = np.argsort(unit, kind="stable")
    landing = np.array([_landing(plan, part) for part in projections], PROJECTION)
    landing["rule"][[part.rule is not None for part in projections]] = first_rules(plan.learners)
    return Wires(
        chain_first=np.searchsorted(unit[order], np.arange(plan.first[-1] + 1)),
        chain=chain[order],
        segment=_segments(chains),
        projection=landing,
        target=_join((own.target for own in chains), np.uint32),
        weight=_join(
            (_adding(*pair) for pair in zip(projections, chains, strict=True)), np.float64
        ),
    )


def _segments(chains: Sequence[Chains]) -> NDArray[Any]:
    """The SEGMENT of every segment of all projections."""
    sizes, n_synapses = [own.delay.size for own in chains], [own.target.size for own in chains]
    segment = np.zeros(sum(sizes), SEGMENT)
    segment["delay"] = _join(own.delay for own in chains)
    segment["more"] = _join(own.more for own in chains)
    segment["first"] = _join(
        own.start + first for own, first in zip(chains, _starts(n_synapses), strict=True)
    )
    segment["end"] = np.append(segment["first"], sum(n_synapses))[1:]
    segment["projection"] = np.repeat(np.arange(len(chains)), sizes)
    return segment


def _adding(projection: Projection, chains: Chains) -> NDArray[np.float64]:
    """What each arrival adds: its weight, or 1 at a receptor that counts."""
    return np.ones_like(chains.weight) if _counts(projection, chains) else chains.weight


def _counts(projection: Projection, chains: Chains) -> bool:
    """Whether a projection reaches a receptor that counts arrivals."""
    return receptor_of(projection, chains.weight) in projection.post.model.counts


def _learners(
    plan: EventPlan, projections: Sequence[Projection], chains: list[Chains]
) -> list[Learner]:
    """The projections that learn."""
    synapse = _starts([own.target.size for own in chains]).tolist()  # the first of each projection
    segment = _starts([own.delay.size for own in chains]).tolist()
    learners = []
    for k, (projection, own) in enumerate(zip(projections, chains, strict=True)):
        if projection.rule is None:
            continue
        base = plan.begin(projection.post)
        learner = Learner(
            projection,
            synapse=synapse[k],
            segment=segment[k],
            base=base,
            alike=_counts(projection, own),
            per_segment=np.diff(np.append(own.start, own.target.size)),
            target=own.target - np.uint32(base),
            weight=own.weight,
        )
        learners.append(learner)
    return learners


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
