"""From a description to a plan: every part declares its signals and operators, in a fixed order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...errors import NetworkError
from ...kernels.backend import Backend
from .. import validation as check
from ..description.network import Network
from ..description.parts import Population, Projection
from ..description.rules import members
from ..notice import once_a_call
from ..operators.build import Build, woken
from ..operators.operator import Phase, Shard, parameters
from ..operators.projection import ProjectionScope, Proposals, Share
from ..operators.signals import ANY, Signal
from ..operators.synapses import Synapses
from ..operators.traces import Traces
from .bundle import gather
from .capacity import check_memory
from .draw_synapses import draw
from .draw_values import receptor_of
from .inputs import conducts
from .plan import Plan
from .population import PopulationScope, joined
from .probes import build_probe
from .shards import cut, deal, even, owned
from .sums import Sums


@once_a_call
def compile_network(
    network: Network,
    *,
    dt: float,
    precision: str,
    backend: Backend,
    threads: int = 1,
    deterministic: bool = False,
) -> Plan:
    """Turn a description into a plan for `threads` threads.

    deterministic: arrivals are summed in whole numbers, in any order. Raises NetworkError or
    ParameterError where the parts do not fit, CapacityError where memory does not suffice.
    """
    if not network.populations:
        raise NetworkError("Network: has no population yet; add one with Network.population")
    for part in network.populations:
        check_resolved(part, dt)
    check_memory(network, dt=dt, precision=precision)
    shards = _shards(network, threads)
    build = Build(
        dt=dt,
        precision=precision,
        backend=backend,
        shards=shards,
        threads=threads,
        naps=not deterministic,
    )
    synapses = {part.name: draw(network, part, dt) for part in network.projections}
    scopes, projections = _scopes(network, synapses, build)
    _declare(network, scopes, projections, build, deterministic=deterministic)
    recorders = [build_probe(probe, scopes, synapses, build) for probe in network.probes]
    # stable: order of declaration inside a phase
    operators = sorted(build.operators, key=lambda operator: operator.phase)
    return Plan(
        network=network,
        dt=dt,
        precision=precision,
        backend=backend,
        signals=build.signals,
        operators=operators,
        recorders=recorders,
        projections=projections,
        signatures={name: scope.signature for name, scope in scopes.items()},
        depth=max(scope.depth for scope in scopes.values()),
        inputs={part.name: part for part in network.inputs},
        tallies=build.tallies,
        threads=threads,
        renewals=build.renewals,
    )


def _scopes(
    network: Network, synapses: Mapping[str, Synapses], build: Build
) -> tuple[dict[str, PopulationScope], dict[str, ProjectionScope]]:
    """The scopes of all populations and projections, by name."""
    joins = joined(network)
    populations = {
        part.name: PopulationScope(network, part, joins[part.name], synapses, build)
        for part in network.populations
    }
    projections = {}
    for part in network.projections:
        own, counts = synapses[part.name], part.post.model.counts
        projections[part.name] = ProjectionScope(own, build)
        if not part.graded:
            projections[part.name].alike = receptor_of(part, own.occurring) in counts
    return populations, projections


def _declare(
    network: Network,
    scopes: Mapping[str, PopulationScope],
    projections: Mapping[str, ProjectionScope],
    build: Build,
    *,
    deterministic: bool,
) -> None:
    """Declare what inputs, projections and populations do in a step."""
    for described in network.inputs:
        scopes[described.population.name].stimulate(described, network, build)
    sums = Sums.of(network, projections, scopes) if deterministic else Sums()
    for projection in network.projections:
        _connect(projection, projections[projection.name], scopes, sums)
    for bundle in gather([scope for scope in projections.values() if scope.bundled]):
        bundle.declare(build)
    sums.declare(build)
    for scope in scopes.values():
        scope.advance(build)
    if any(operator.nap is not None for operator in build.operators):
        marks = {"asleep": build.asleep, "drowsy": build.drowsy}
        marks |= {f"woken_{part}": woken(part) for part in ("state", "flow")}
        build.operator(Phase.ADVANCE, "all", "drowse_step", marks)


def _shards(network: Network, threads: int) -> dict[str, tuple[Shard, ...]]:
    """The shards of every population; a kernel of the user's own always sees all of its units.

    Populations stay with one thread each where that spreads units and synapses evenly: threads then
    share no array. And synapses that are drawn again are all drawn by every thread that owns some
    of their targets: those always stay.
    """
    ranges = [
        cut(part.n) if isinstance(part.model.kernel, str) else [(0, part.n)]
        for part in network.populations
    ]
    names = [part.name for part in network.populations]
    synapses = dict.fromkeys(names, 0.0)
    for part in network.projections:
        synapses[part.post.name] += part.connectivity.expected(part.pre.n, part.post.n)
    dealt = deal(ranges, threads, range(len(names)))
    if not all(
        even(work, dealt, threads)
        for work in ([float(r[-1][1]) for r in ranges], list(synapses.values()))
    ):
        drawn = {part.post.name for part in network.projections if part.store.can.redraws}
        dealt = deal(ranges, threads, [k for k, name in enumerate(names) if name in drawn])
    return dict(zip(names, dealt, strict=True))


def check_resolved(population: Population, dt: float) -> None:
    """Refuse a step longer than a time constant of the model (its fields called tau...)."""
    for name, value in vars(population.model).items():
        if name.startswith("tau") and dt > np.min(value):
            raise check.fail(
                "Simulator",
                "dt",
                f"must be at most {name} = {np.min(value):g} s of population {population.name!r}",
                dt,
            )


def _connect(
    projection: Projection, own: ProjectionScope, scopes: Mapping[str, PopulationScope], sums: Sums
) -> None:
    """Declare what a projection's store and rule do in a step."""
    pre, post = scopes[projection.pre.name], scopes[projection.post.name]
    receptor = _reached(projection, own, scopes)
    own.owned = owned(post.shards, own.build.threads)
    own.shares = _shares(projection, own)
    for side, scope in (("pre", pre), ("post", post)):
        own.names |= {f"{variable}_{side}": signal for variable, signal in scope.state.items()}
        own.names |= {f"fired_{side}": scope.fired, f"count_{side}": scope.count}
    own.all_fired = {name: own.names[name] for name in ("fired_post", "count_post")}
    own.names |= {"portion": 0, "portions": 1}
    if own.shared:
        own.names |= post.firing(own.build)
    own.names["begin_post"] = own.each_share(lambda k, low, high: low)
    own.names["end_post"] = own.each_share(lambda k, low, high: high)
    own.names |= {name: signal for name, signal in post.modulators.items() if name not in own.names}
    own.names |= {
        "history": pre.history,
        "history_count": pre.history_count,
        "key": np.uint64(own.synapses.key),
    }
    if projection.graded:
        own.names |= {
            "sent": pre.sent,
            "receiving": post.drive if receptor is None else post.receiving(receptor),
        }
    else:
        assert receptor is not None
        own.names["receiving"] = sums.receiving(projection, own, post, receptor)
    if projection.rule is not None:
        own.bounds = projection.rule.bounds(own.synapses.weights)
    stored = projection.store.prepare(own)
    if projection.graded:
        projection.store.multiply(own, stored)
    else:
        projection.store.read(own, stored)
    if projection.rule is not None:
        _learn(projection, own, post, stored)


def _learn(
    projection: Projection, own: ProjectionScope, post: PopulationScope, stored: dict[str, Any]
) -> None:
    """Declare what a projection's rule does in a step, and the store with what it proposes."""
    assert projection.rule is not None

    def arrivals() -> dict[str, Any]:
        return {name: own.names[name] for name in ("history", "history_count")} | {
            "lags": own.listed()["lags"]
        }

    n = own.synapses.n_pre * own.synapses.lags.size
    if not projection.graded:
        for late, phase in (("", Phase.GATHER), (" late", Phase.LEARN)):
            name = f"{own.name}.trace_pre{late.replace(' ', '_')}"
            kernel = "trace_arrival_step"
            own.traces[f"pre{late}"] = Traces(own.build, name, n, kernel, phase, arrivals)
    own.traces["post"] = post.traces(own.build)
    own.traces["post late"] = post.traces(own.build, Phase.RAISE)
    own.weights = stored["weights"] if projection.store.can.adds else None
    direct = projection.rule.direct and own.weights is not None
    own.n_rules = len(members(projection.rule))
    proposals = _proposals(own, own.weights if direct else None)
    own.proposals = proposals
    projection.rule.learn(own, proposals)
    if direct:
        return
    declared = len(own.build.operators)
    projection.store.program(own, stored, proposals)
    if own.weights is None:
        own.programming = own.build.operators[declared:]
        own.signal("programmed", "store", "int64", (1,), most=ANY)


def _shares(projection: Projection, own: ProjectionScope) -> list[Share]:
    """The targets that each thread learns about: cut where rule and store can do that."""
    shares: list[Share] = [
        (low, high, thread) for thread, (low, high) in enumerate(own.owned) if low < high
    ]
    cut = own.build.threads > 1 and projection.shares
    return shares if cut else [(0, own.synapses.n_post, None)]


def _reached(
    projection: Projection, own: ProjectionScope, scopes: Mapping[str, PopulationScope]
) -> str | None:
    """The receptor that a projection reaches, None for the drive.

    It also tells the projection in which phase arrivals are added up.
    """
    post, model, weights = (
        scopes[projection.post.name],
        projection.post.model,
        own.synapses.occurring,
    )
    if projection.graded and projection.receptor is None:
        if "drive" not in parameters(own.build.kernel(model.kernel, type(model).__name__)):
            rule = f"must be one of {', '.join(model.receptors)}, as {type(model).__name__} takes no drive"
            raise check.fail("Network", f"connect receptor of {projection.name}", rule, None)
        return None
    receptor = receptor_of(projection, weights)
    if projection.graded and receptor in model.counts:
        rule = (
            f"must not be {receptor!r}, which counts spikes, as {projection.pre.name} sends numbers"
        )
        raise check.fail("Network", f"connect receptor of {projection.name}", rule, receptor)
    conducts(projection.post, receptor, weights, projection.name)
    own.phase = post.arrival(receptor, Phase.DELIVER)
    return receptor


def _proposals(own: ProjectionScope, weights: Signal | None) -> Proposals:
    """Room for what rules propose in one step.

    Each rule proposes at most one change per synapse from each side, none where it changes
    `weights` itself.
    """
    sizes = [1] * len(own.shares)
    if weights is None:
        sizes = [max(2 * own.n_rules * n, 1) for n in own.own_synapses()]
    low, high = own.bounds

    def room(name: str, dtype: str, one: bool = False) -> Any:
        def make(k: int, *_: int) -> Signal:
            return own.signal(
                f"proposals.{name}{k or ''}", "scratch", dtype, (1 if one else sizes[k],)
            )

        return own.each_share(make)

    change = room("change", "float")
    return Proposals(
        synapse=room("synapse", "uint32"),
        change=change,
        count=room("count", "int64", one=True),
        low=low,
        high=high,
        weights=change if weights is None else weights,
        direct=int(weights is not None),
    )
