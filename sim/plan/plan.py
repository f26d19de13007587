"""A plan: the ordered list of operators that is a run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import UnsupportedError
from ...kernels.backend import NEVER, Backend, Call, Clockwork, Exact, Nap, Program
from ...kernels.cpu.marks import MARKED
from .. import validation as check
from ..description.inputs import Stimulus
from ..description.network import Network
from ..description.parts import Input
from ..html import unfolding_html
from ..operators.build import WOKEN
from ..operators.operator import FirstUnit, Operator, Phase, Stream
from ..operators.projection import ProjectionScope
from ..operators.signals import Memory, Signal, block_name, definite
from ..operators.synapses import Synapses
from .inputs import constant_drive, constants_of, suits
from .probes import Recorder

MARKED_REGIONS = ("state", "flow", "sums")  # of memory, to which deliveries add
PATIENCE = 64  # silent steps after which the loop checks whether the network is at rest


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
    projections: dict[str, ProjectionScope]
    signatures: dict[str, Signal]
    depth: int
    inputs: dict[str, Input] = field(default_factory=dict)
    tallies: dict[str, Signal] = field(default_factory=dict)
    threads: int = 1
    renewals: list[Signal] = field(default_factory=list)

    @property
    def synapses(self) -> dict[str, Synapses]:
        """The synapses of every projection, by its name."""
        return {name: projection.synapses for name, projection in self.projections.items()}

    @property
    def rings(self) -> set[str]:
        """The names of the signals that hold the spikes of past steps, at ``step % depth``."""
        names = (
            f"{part.name}.{kind}"
            for part in self.network.populations
            for kind in ("history", "history_count")
        )
        return set(names)

    def weights(self, name: str, memory: Memory) -> NDArray[np.float64]:
        """The weights (n_synapses,) that a projection has in `memory`, in the order of the draws."""
        return self.synapses[name].drawn(self.stored(name, memory))

    def stored(self, name: str, memory: Memory) -> NDArray[np.float64]:
        """The same in the order in which its store keeps them."""
        store = next(part.store for part in self.network.projections if part.name == name)
        return store.weights(self.projections[name], memory)

    def product(
        self, name: str, memory: Memory, x: NDArray[np.float64], *, transpose: bool, key: int
    ) -> NDArray[np.float64]:
        """What a projection's store makes of numbers; see `Store.product`."""
        store = next(part.store for part in self.network.projections if part.name == name)
        return store.product(self.projections[name], memory, x, transpose=transpose, key=key)

    def memory(self) -> Memory:
        """Fresh memory: the network at time 0."""
        return Memory(self.signals, self.precision)

    def program(
        self,
        memory: Memory,
        stimuli: Mapping[str, Stimulus] | None = None,
        threads: int | None = None,
        before: Mapping[Operator, Sequence[Call]] | None = None,
    ) -> Program:
        """Bind the operators to `memory`.

        stimuli: they take the place of those of the inputs of the same names.

        threads: how many threads to run on; None for as many as the plan was compiled for. before:
        further calls, to be made before operators.
        """
        replaced = self._replacements(stimuli or {})
        return self._program(self.operators, memory, replaced, threads, before or {})

    def part(
        self,
        operators: Sequence[Operator],
        memory: Memory,
        replaced: Mapping[Operator, dict[str, Any]],
    ) -> Program:
        """Bind some of the operators alone, on one thread.

        replaced: other arguments for some of them.
        """
        return self._program(operators, memory, replaced, 1, {})

    def _program(
        self,
        operators: Sequence[Operator],
        memory: Memory,
        replaced: Mapping[Operator, dict[str, Any]],
        threads: int | None,
        before: Mapping[Operator, Sequence[Call]],
    ) -> Program:
        upcoming = np.full(len(operators), NEVER, np.int64)
        memory["asleep"][:], memory["drowsy"][0] = 0, 0
        for signal in self.renewals:
            memory[signal][0] = 0
        sizes = {region: memory[block_name(region)].size for region in MARKED_REGIONS}
        marks = {region: np.zeros((size >> MARKED) + 1, np.uint8) for region, size in sizes.items()}
        calls: list[Call] = []
        for k, operator in enumerate(operators):
            calls += before.get(operator, ())
            calls += self._calls(operator, memory, replaced, upcoming[k : k + 1], marks)
        clockwork = Clockwork(
            upcoming, memory["pause"], memory.blocks["state"], max(PATIENCE, self.depth + 1)
        )
        return self.backend.program(
            calls, clockwork, self.precision, self.threads if threads is None else threads
        )

    @property
    def synapse_bytes(self) -> int:
        """Memory of the synapses [bytes].

        That is targets, weights, delays and, where a rule learns, the reverse index.
        """
        sizes: dict[int, int] = {}  # by where an array ends, since some are the tail of another
        for signal in self.signals:
            own = signal.name.partition(".")[0] in self.projections and signal.region in (
                "fixed",
                "store",
            )
            if signal.layout or own:
                given = signal.initial
                end = (
                    given.ctypes.data + given.nbytes
                    if isinstance(given, np.ndarray) and given.size
                    else id(signal)
                )
                size = math.prod(signal.shape) * definite(signal, self.precision).itemsize
                sizes[end] = max(sizes.get(end, 0), size)
        return sum(sizes.values())

    def meta(self) -> dict[str, Any]:
        """How results of this plan are made."""
        return {
            "seed": self.network.seed,
            "dt": self.dt,
            "precision": self.precision,
            "backend": self.backend.name,
            "engine": "clock",
        }

    def __reduce__(self) -> Any:
        raise UnsupportedError(
            "Plan: cannot be copied or pickled, since it holds addresses; do so with the Simulator"
        )

    def _calls(
        self,
        operator: Operator,
        memory: Memory,
        replaced: Mapping[Operator, dict[str, Any]],
        upcoming: NDArray[np.int64],
        marks: Mapping[str, NDArray[np.uint8]],
    ) -> list[Call]:
        """The calls of an operator: one, or one for each of its shards; upcoming (1,)."""
        arguments: dict[str, Any] = {}
        for name, value in operator.arguments.items():
            if isinstance(value, Signal) and value.region == "upcoming":
                upcoming[0] = 0
                arguments[name] = upcoming
            elif isinstance(value, Stream):
                upcoming[0] = 0  # so that no step is left out
                arguments[name] = value.key(int(memory["sample"][0]))
            elif isinstance(value, FirstUnit):
                arguments[name] = 0
            elif isinstance(value, Signal) and value.region == WOKEN:
                arguments[name] = marks[value.name]
            elif name in replaced.get(operator, ()):
                arguments[name] = replaced[operator][name]
            else:
                arguments[name] = memory[value] if isinstance(value, Signal) else value
        returns = None if operator.returns is None else memory[operator.returns]
        if len(operator.shards) < 2:
            thread = operator.shards[0][2] if operator.shards else operator.thread
            nap = self._nap(operator, 0, arguments, memory, marks)
            owner = operator.owner or operator.label
            return [Call(operator.kernel, arguments, returns, operator.every, thread, nap, owner)]
        n = operator.shards[-1][1]
        calls = []
        for p, (low, high, thread) in enumerate(operator.shards):
            cut = {
                name: value[low:high] if np.shape(value) == (n,) else value
                for name, value in arguments.items()
            }
            cut |= {
                name: low
                for name, value in operator.arguments.items()
                if isinstance(value, FirstUnit)
            }
            place = None if returns is None else returns[p : p + 1]
            nap = self._nap(operator, p, cut, memory, marks)
            calls.append(Call(operator.kernel, cut, place, operator.every, thread, nap))
        return calls

    def _nap(
        self,
        operator: Operator,
        p: int,
        arguments: Mapping[str, Any],
        memory: Memory,
        marks: Mapping[str, NDArray[np.uint8]],
    ) -> Nap | None:
        """How shard `p` of an operator may nap."""
        nap = operator.nap
        if nap is None:
            return None
        low, high, _ = operator.shards[p]
        asleep = memory[nap.asleep][nap.first + p : nap.first + p + 1]
        own = []
        for signal in nap.receptors:
            start = memory.place(signal)
            own.append(
                marks[signal.region][(start + low) >> MARKED : ((start + high - 1) >> MARKED) + 1]
            )
        return Nap(
            asleep, bool(nap.watched), tuple(arguments[name] for name in nap.watched), tuple(own)
        )

    def anew(self, memory: Memory, stimuli: Mapping[str, Stimulus], sample: int, step: int) -> None:
        """Restart inputs at `step`.

        Those that `stimuli` replace and, in all samples of a batch but the first, those that draw
        random numbers: else samples would share numbers that are drawn already.
        """
        for name, described in self.inputs.items():
            draws = name in self.arriving and "sample" in self.arriving[name].arguments
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
    def arriving(self) -> dict[str, Operator]:
        """The operator of each input, by its name; constant currents have none."""
        phases = (Phase.ARRIVE, Phase.ENTER)
        return {
            one.label: one
            for one in self.operators
            if one.phase in phases and one.label in self.inputs
        }

    def _replacements(self, stimuli: Mapping[str, Stimulus]) -> dict[Operator, dict[str, Any]]:
        """By operator, the arguments that change where `stimuli` replace the described ones."""
        replaced: dict[Operator, dict[str, Any]] = {}
        for name, stimulus in stimuli.items():
            described = self.inputs[name]
            suits(described, stimulus)
            if not stimulus.kernel:
                drive = constant_drive(self.network.inputs, described.population, stimuli).astype(
                    self.precision
                )
                replaced |= self.driven(described.population.name, drive)
            else:
                given = constants_of(described, stimulus, self.dt)
                replaced[self.arriving[name]] = {
                    key: self._cast(value, key in stimulus.exact) for key, value in given.items()
                }
        return replaced

    def driven(self, name: str, drive: NDArray[Any]) -> dict[Operator, dict[str, Any]]:
        """The arguments for the constant drive of a population, by operator.

        That is `base` where other currents are added, else `drive`.
        """
        own = [
            operator
            for operator in self.operators
            if operator.label == name and "drive" in operator.arguments
        ]
        held = [operator for operator in own if operator.phase is Phase.ARRIVE]
        return {operator: {"base": drive} for operator in held} or {
            operator: {"drive": drive} for operator in own
        }

    def _cast(self, value: Any, exact: bool) -> Any:
        """An argument of a stimulus in the form that `Build.constants` gives it."""
        if isinstance(value, np.ndarray) and np.issubdtype(value.dtype, np.floating):
            return np.ascontiguousarray(value, np.float64 if exact else self.precision)
        return Exact(value) if exact and np.ndim(value) == 0 else value

    def __str__(self) -> str:
        synapses = sum(part.synapses.n for part in self.projections.values())
        threads = f", {self.threads} threads" if self.threads > 1 else ""
        neurons = sum(population.n for population in self.network.populations)
        lines = [
            f"Plan: {neurons} neurons, {synapses} synapses, dt = {self.dt:g} s, {self.precision}, "
            f"backend {self.backend.name}{threads}, {len(self.operators)} operators per step"
        ]
        for number, operator in enumerate(self.operators, 1):
            lines.append(
                f"{number:3} {operator.phase.name.lower():9}{operator.label}: {operator.name}{_how(operator)}"
            )
            for name, value in operator.arguments.items():
                lines.append(f"      {name:14} {_describe(value, self.precision)}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return unfolding_html(str(self))


def _describe(value: Any, precision: str) -> str:
    if not isinstance(value, Signal):
        return f"{value:g}" if isinstance(value, float) else str(value)
    dtype = precision if value.dtype == "float" else value.dtype
    if not value.shape:
        return f"{dtype}[all of {value.region}]"
    unit = f" [{value.unit}]" if value.unit else ""
    return f"{value.name} {dtype}{list(value.shape)}{unit} in {value.region}"


def _how(operator: Operator) -> str:
    """For `print(plan)`: in how many shards an operator runs, and how often."""
    told = [f"{len(operator.shards)} shards"] if len(operator.shards) > 1 else []
    told += [f"every {operator.every} steps"] if operator.every > 1 else []
    return f" ({', '.join(told)})" if told else ""
