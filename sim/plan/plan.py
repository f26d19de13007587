"""From a description to a plan: the ordered list of operators that is a run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import NetworkError, UnsupportedError
from ...kernels.backend import NEVER, Backend, Call, Clockwork, Exact, Nap, Program
from ...kernels.cpu.marks import MARKED
from .. import validation as check
from ..description.inputs import Constant, Stimulus
from ..description.network import Input, Network, Population, Projection
from ..description.store import Proposals
from ..notice import once_a_call
from ..operators.build import WOKEN, Build, woken
from ..operators.operator import Operator, Phase, Piece
from ..operators.signals import Memory, Signal, block_name, definite
from ..operators.synapses import Synapses, draw
from .bundle import gather
from .capacity import check_memory
from .draw_values import receptor_of
from .pieces import cut, deal, even, owned
from .population import PopulationScope, conducts, constant_drive, constants_of, joined, suits
from .probes import Recorder, build_probe
from .sums import Sums

MARKED_PARTS = ("state", "flow", "sums")  # of memory, to which deliveries add
PATIENCE = 64  # silent steps before the loop looks whether the network is at rest


@dataclass
class Plan:
    """A compiled network: operators in the order in which they run, and the signals they work on.

    ``print(plan)`` is the documentation of a run.
    """

    network: Network
    dt: float
    precision: str
    backend: Backend
    signals: list[Signal]
    operators: list[Operator]
    recorders: list[Recorder]
    synapses: dict[str, Synapses]
    signatures: dict[str, Signal]
    depth: int
    inputs: dict[str, Input] = field(default_factory=dict)
    tallies: dict[str, Signal] = field(default_factory=dict)
    lanes: int = 1
    renewals: list[Signal] = field(default_factory=list)

    def memory(self) -> Memory:
        """Fresh memory: the network at time 0."""
        return Memory(self.signals, self.precision)

    def program(
        self, memory: Memory, stimuli: Mapping[str, Stimulus] | None = None, lanes: int | None = None
    ) -> Program:
        """Bind the operators to `memory`; `stimuli` stand in for the inputs of the same names.

        lanes: threads to run on, all that the plan has lanes for if None.
        """
        replaced = self._replacements(stimuli or {})
        upcoming = np.full(len(self.operators), NEVER, np.int64)
        memory["asleep"][:], memory["drowsy"][0] = 0, 0
        for signal in self.renewals:
            memory[signal][0] = 0
        marks = {part: np.zeros((memory[block_name(part)].size >> MARKED) + 1, np.uint8) for part in MARKED_PARTS}
        calls = [call for k in range(len(self.operators)) for call in self._calls(k, memory, replaced, upcoming, marks)]
        clockwork = Clockwork(upcoming, memory["pause"], memory.blocks["state"], max(PATIENCE, self.depth + 1))
        return self.backend.program(calls, clockwork, self.precision, self.lanes if lanes is None else lanes)

    @property
    def synapse_bytes(self) -> int:
        """Bytes that the synapses take: targets, weights, delays and, where a rule learns, their reverse index."""
        return sum(
            math.prod(signal.shape) * definite(signal, self.precision).itemsize
            for signal in self.signals
            if signal.layout or (signal.name.rpartition(".")[0] in self.synapses and signal.part in ("fixed", "store"))
        )

    def meta(self) -> dict[str, Any]:
        """How results of this plan are made."""
        return {
            "seed": self.network.seed, "dt": self.dt, "precision": self.precision, "backend": self.backend.name,
            "engine": "clock",
        }  # fmt: skip

    def __reduce__(self) -> Any:
        raise UnsupportedError("Plan: cannot be copied or pickled, since it holds addresses; do so with the Simulator")

    def _calls(
        self, k: int, memory: Memory, replaced: Mapping[Operator, dict[str, Any]], upcoming: NDArray[np.int64],
        marks: Mapping[str, NDArray[np.uint8]],
    ) -> list[Call]:  # fmt: skip
        """The calls of an operator: one, or one for each of its pieces."""
        operator = self.operators[k]
        arguments: dict[str, Any] = {}
        for name, value in operator.arguments.items():
            if isinstance(value, Signal) and value.part == "upcoming":
                upcoming[k] = 0
                arguments[name] = upcoming[k : k + 1]
            elif isinstance(value, Signal) and value.part == WOKEN:
                arguments[name] = marks[value.name]
            elif name in replaced.get(operator, ()):
                arguments[name] = replaced[operator][name]
            else:
                arguments[name] = memory[value] if isinstance(value, Signal) else value
        returns = None if operator.returns is None else memory[operator.returns]
        if len(operator.pieces) < 2:
            lane = operator.pieces[0][2] if operator.pieces else operator.lane
            nap = self._nap(operator, 0, arguments, memory, marks)
            owner = operator.owner or operator.label
            return [Call(operator.kernel, arguments, returns, operator.every, lane, nap, owner)]
        n = operator.pieces[-1][1]
        calls = []
        for p, (low, high, lane) in enumerate(operator.pieces):
            cut = {name: value[low:high] if np.shape(value) == (n,) else value for name, value in arguments.items()}
            place = None if returns is None else returns[p : p + 1]
            nap = self._nap(operator, p, cut, memory, marks)
            calls.append(Call(operator.kernel, cut, place, operator.every, lane, nap))
        return calls

    def _nap(
        self, operator: Operator, p: int, arguments: Mapping[str, Any], memory: Memory,
        marks: Mapping[str, NDArray[np.uint8]],
    ) -> Nap | None:  # fmt: skip
        """How piece `p` of an operator may pause."""
        nap = operator.nap
        if nap is None:
            return None
        low, high, _ = operator.pieces[p]
        asleep = memory[nap.asleep][nap.first + p : nap.first + p + 1]
        own = []
        for signal in nap.receptors:
            start = memory.place(signal)
            own.append(marks[signal.part][(start + low) >> MARKED : ((start + high - 1) >> MARKED) + 1])
        return Nap(asleep, bool(nap.watched), tuple(arguments[name] for name in nap.watched), tuple(own))

    def anew(self, memory: Memory, stimuli: Mapping[str, Stimulus], sample: int, step: int) -> None:
        """Let inputs begin at `step`, whatever they did before.

        Those that `stimuli` replace, and in samples of a batch but the first those that draw: else samples would share
        what is drawn already.
        """
        for name, described in self.inputs.items():
            draws = name in self._arriving and "sample" in self._arriving[name].arguments
            if name not in stimuli and not (draws and sample > 0):
                continue
            stimulus, n = stimuli.get(name, described.stimulus), described.population.n
            starts = stimulus.anew(n, self.dt, step)
            for key, (_, shape, initial) in stimulus.flow(n).items():
                kept = memory[f"{name}.{key}"]
                if kept.shape != shape:
                    rule = f"must keep {key!r} in the shape {kept.shape} of the stimulus that it replaces"
                    raise check.fail(stimulus, "flow", rule, f"shape {shape}")
                try:
                    kept[...] = starts.get(key, initial)
                except (AttributeError, TypeError, ValueError):
                    rule = f"must return a dictionary in which {key!r}, if it is there, fits the shape {shape}"
                    raise check.fail(stimulus, "anew", rule, starts) from None

    @cached_property
    def _arriving(self) -> dict[str, Operator]:
        """What each input does in a step, by its name; constant currents do nothing."""
        phases = (Phase.ARRIVE, Phase.ENTER)
        return {part.label: part for part in self.operators if part.phase in phases and part.label in self.inputs}

    def _replacements(self, stimuli: Mapping[str, Stimulus]) -> dict[Operator, dict[str, Any]]:
        """Arguments that take the place of those of operators, for other stimuli than the described ones."""
        replaced: dict[Operator, dict[str, Any]] = {}
        for name, stimulus in stimuli.items():
            described = self.inputs[name]
            suits(described, stimulus)
            if isinstance(stimulus, Constant):
                drive = constant_drive(self.network.inputs, described.population, stimuli).astype(self.precision)
                replaced |= self._driven(described.population.name, drive)
            else:
                given = constants_of(described, stimulus, self.dt)
                replaced[self._arriving[name]] = {
                    key: self._cast(value, key in stimulus.exact) for key, value in given.items()
                }
        return replaced

    def _driven(self, name: str, drive: NDArray[Any]) -> dict[Operator, dict[str, Any]]:
        """Where the constant part of the drive of a population goes: changing currents are added to a `base`."""
        own = [part for part in self.operators if part.label == name and "drive" in part.arguments]
        held = [part for part in own if part.phase is Phase.ARRIVE]
        return {part: {"base": drive} for part in held} or {part: {"drive": drive} for part in own}

    def _cast(self, value: Any, exact: bool) -> Any:
        """A stimulus' argument as `Build.constants` would have it."""
        if isinstance(value, np.ndarray) and np.issubdtype(value.dtype, np.floating):
            return np.ascontiguousarray(value, np.float64 if exact else self.precision)
        return Exact(value) if exact and np.ndim(value) == 0 else value

    def __str__(self) -> str:
        synapses = sum(part.n for part in self.synapses.values())
        lanes = f", {self.lanes} threads" if self.lanes > 1 else ""
        neurons = sum(population.n for population in self.network.populations)
        lines = [
            f"Plan: {neurons} neurons, {synapses} synapses, dt = {self.dt:g} s, {self.precision}, "
            f"backend {self.backend.name}{lanes}, {len(self.operators)} operators per step"
        ]
        for number, operator in enumerate(self.operators, 1):
            lines.append(f"{number:3} {operator.phase.name.lower():8}{operator.label}: {operator.name}{_how(operator)}")
            for name, value in operator.arguments.items():
                lines.append(f"      {name:14} {_describe(value, self.precision)}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        from ..html import plan_html

        return plan_html(self)


def _describe(value: Any, precision: str) -> str:
    if not isinstance(value, Signal):
        return f"{value:g}" if isinstance(value, float) else str(value)
    dtype = precision if value.dtype == "float" else value.dtype
    if not value.shape:
        return f"{dtype}[all of {value.part}]"
    unit = f" [{value.unit}]" if value.unit else ""
    return f"{value.name} {dtype}{list(value.shape)}{unit} in {value.part}"


def _how(operator: Operator) -> str:
    """Whether an operator runs in pieces, in a lane or only now and then, for `print(plan)`."""
    told = [f"{len(operator.pieces)} pieces"] if len(operator.pieces) > 1 else []
    told += [f"every {operator.every} steps"] if operator.every > 1 else []
    return f" ({', '.join(told)})" if told else ""


@once_a_call
def compile_network(
    network: Network, *, dt: float, precision: str, backend: Backend, lanes: int = 1, deterministic: bool = False
) -> Plan:
    """Turn a description into a plan for `lanes` threads; deterministic: arrivals are summed in whole numbers.

    Raises NetworkError or ParameterError where the parts do not fit, CapacityError where memory does not suffice.
    """
    if not network.populations:
        raise NetworkError("Network: has no population yet; add one with Network.population")
    for part in network.populations:
        _resolves(part, dt)
    check_memory(network, dt=dt)
    pieces = _pieces(network, lanes)
    build = Build(dt=dt, precision=precision, backend=backend, pieces=pieces, lanes=lanes, naps=not deterministic)
    synapses = {part.name: draw(network, part, dt) for part in network.projections}
    joins = joined(network)
    scopes = {
        part.name: PopulationScope(network, part, joins[part.name], synapses, build) for part in network.populations
    }
    for projection in network.projections:
        own = synapses[projection.name]
        own.alike = receptor_of(projection, own.occurring) in projection.post.model.counts
    for described in network.inputs:
        scopes[described.population.name].stimulate(described, network, build)
    sums = Sums.of(network, synapses, scopes) if deterministic else Sums()
    for projection in network.projections:
        _connect(projection, synapses[projection.name], scopes, sums, build)
    for bundle in gather(build.static):
        bundle.declare(build)
    sums.declare(build)
    for scope in scopes.values():
        scope.advance(build)
    if any(operator.nap is not None for operator in build.operators):
        marks = {"asleep": build.asleep, "drowsy": build.drowsy}
        marks |= {f"woken_{part}": woken(part) for part in ("state", "flow")}
        build.operator(Phase.ADVANCE, "all", "drowse_step", marks)
    recorders = [build_probe(probe, scopes, synapses, build) for probe in network.probes]
    operators = sorted(
        build.operators, key=lambda operator: operator.phase
    )  # stable: order of declaration inside a phase
    return Plan(
        network=network, dt=dt, precision=precision, backend=backend, signals=build.signals, operators=operators,
        recorders=recorders, synapses=synapses, signatures={name: scope.signature for name, scope in scopes.items()},
        depth=max(scope.depth for scope in scopes.values()), inputs={part.name: part for part in network.inputs},
        tallies=build.tallies, lanes=lanes, renewals=build.renewals,
    )  # fmt: skip


def _pieces(network: Network, lanes: int) -> dict[str, tuple[Piece, ...]]:
    """The pieces of every population; a kernel of the user's own always sees all of its units.

    Populations stay with one thread each where that spreads units and synapses evenly: threads then share no array. And
    synapses that are drawn again are all drawn by every thread that owns some of their targets: those always stay.
    """
    ranges = [cut(part.n) if isinstance(part.model.kernel, str) else [(0, part.n)] for part in network.populations]
    names = [part.name for part in network.populations]
    synapses = dict.fromkeys(names, 0.0)
    for part in network.projections:
        synapses[part.post.name] += part.connectivity.expected(part.pre.n, part.post.n)
    dealt = deal(ranges, lanes, range(len(names)))
    if not all(even(work, dealt, lanes) for work in ([float(r[-1][1]) for r in ranges], list(synapses.values()))):
        drawn = {part.post.name for part in network.projections if part.store.redraws}
        dealt = deal(ranges, lanes, [k for k, name in enumerate(names) if name in drawn])
    return dict(zip(names, dealt, strict=True))


def _resolves(population: Population, dt: float) -> None:
    """Refuse a step longer than a time constant of the model (its fields called tau...)."""
    for name, value in vars(population.model).items():
        if name.startswith("tau") and dt > np.min(value):
            raise check.fail(
                "Simulator", "dt", f"must be at most {name} = {np.min(value):g} s of population {population.name!r}", dt
            )


def _connect(
    projection: Projection, synapses: Synapses, scopes: Mapping[str, PopulationScope], sums: Sums, build: Build
) -> None:
    """Declare what a projection's store and rule do in a step."""
    pre, post = scopes[projection.pre.name], scopes[projection.post.name]
    receptor = receptor_of(projection, synapses.occurring)
    conducts(projection.post, receptor, synapses.occurring, projection.name)
    synapses.phase = post.arrival(receptor, Phase.DELIVER)
    synapses.lanes = owned(post.pieces, build.lanes)
    synapses.scope.update(
        history=pre.history, history_count=pre.history_count, fired_post=post.fired, count_post=post.count,
        receiving=sums.receiving(projection, synapses, post, receptor, build), key=np.uint64(synapses.key),
    )  # fmt: skip
    if projection.rule is not None:
        synapses.bounds = projection.rule.bounds(synapses.weights)
    scope = projection.store.prepare(synapses, build)
    projection.store.read(synapses, scope, build)
    if projection.rule is not None:
        direct = projection.rule.direct and projection.store.adds
        proposals = _proposals(synapses, build, scope["weights"] if direct else None)
        projection.rule.learn(synapses, proposals, build)
        if not direct:
            projection.store.program(synapses, scope, proposals, build)


def _proposals(synapses: Synapses, build: Build, weights: Signal | None) -> Proposals:
    """Room for what a rule proposes in one step: at most one change per synapse from each side, none to `weights`."""
    name, capacity = f"{synapses.name}.proposals", max(2 * synapses.n, 1) if weights is None else 1
    low, high = synapses.bounds
    change = build.signal(f"{name}.change", "scratch", "float", (capacity,))
    return Proposals(
        synapse=build.signal(f"{name}.synapse", "scratch", "uint32", (capacity,)), change=change,
        count=build.signal(f"{name}.count", "scratch", "int64", (1,)), low=low, high=high,
        weights=change if weights is None else weights, direct=int(weights is not None),
    )  # fmt: skip
