"""The event engine: from event to event, on no grid, with exact spike times."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import DivergenceError
from ...kernels.cpu import event_loop as loop
from ...kernels.cpu.caching import cached
from ...kernels.cpu.event_memory import table
from ...kernels.cpu.event_queue import TICKS
from .. import validation as check
from ..description.inputs import Stimulus
from ..description.network import Network
from ..description.parts import Population, Projection
from ..operators.connections import Connections
from ..progress import Progress
from ..results.result import Result
from ..results.sink import Sink
from .batch import spread
from .batch_learning import ADDED, Changes
from .event_chains import chained_weights
from .event_compile import compile_events
from .event_memory import EventMemory, within
from .event_plan import EventPlan
from .event_recording import EventRecording, check_probe
from .event_solved import LIMIT, kernels_of, ticks

PIECE = 10e-3  # [s] between two signs of progress, at most PIECES a run; no result depends on it
PIECES = 100


def _check_finite(memory: EventMemory) -> None:
    """Raise DivergenceError if a state variable or a weight is NaN or infinite.

    A NaN never reaches a threshold, so it would pass for silence.
    """
    for learner in memory.plan.learners:
        if not (good := np.isfinite(weights := learner.weights(memory.learning))).all():
            synapse = int(good.argmin())
            rules = " and ".join(type(part.rule).__name__ for part in learner.rules)
            raise DivergenceError(
                f"{learner.projection.name}.weights of synapse {synapse} is {weights[synapse]} by "
                f"{memory.now / TICKS:g} s: {rules} must keep weights finite"
            )
    if (good := np.isfinite(memory.units.state)).all():
        return
    place, plan, neuron = int(good.argmin()), memory.plan, memory.units.neuron
    unit = int(np.searchsorted(neuron["row"], place, side="right")) - 1
    population = plan.populations[int(neuron["group"][unit])]
    variable = kernels_of(population).state[place - int(neuron["row"][unit])]
    raise DivergenceError(
        f"{population.name}.{variable} of unit {unit - plan.begin(population)} is {memory.units.state[place]} by "
        f"{memory.now / TICKS:g} s: an input or a weight is too large"
    )


class EventEngine:
    """A plan, its memory and the time it has reached.

    A run works on a copy of the memory. It counts only once somebody sets `standing`, the number of
    the memory where the simulation stands, to `reached`, that of the copy.
    """

    def __init__(
        self, plan: EventPlan, memory: EventMemory | None = None, *, threads: int = 1
    ) -> None:
        self.plan, self.threads = plan, threads
        for probe in self.plan.probes:
            check_probe(self.plan, probe)
        self.standing = self.reached = 0
        self._memories = {0: EventMemory(plan) if memory is None else memory}
        chains = np.diff(self.plan.wires.chain_first)
        self._most = int(chains.max(initial=0))

    @property
    def network(self) -> Network:
        return self.plan.network

    @property
    def memory(self) -> EventMemory:
        """The memory where the simulation stands."""
        return self._memories[self.standing]

    @property
    def time(self) -> float:
        """Where the simulation stands [s]."""
        return max(self.memory.now, 0) / TICKS

    def settle(self) -> None:
        """Take back a run that was broken off; forget the memory before one that was not."""
        self._memories = {self.standing: self.memory}
        self.reached = self.standing

    def steps(self, duration: float, field: str = "run duration") -> int:
        """The stretches in which a run of `duration` [s] tells of its progress."""
        if self.time + duration > LIMIT:
            raise check.fail(
                "Simulator",
                field,
                f"must end by {LIMIT:g} s for the event engine",
                duration,
            )
        return max(1, min(PIECES, math.ceil(duration / PIECE)))

    def covering(self, duration: float) -> float:
        """A run of `duration` [s] includes its end."""
        return duration

    def snapshot(self) -> dict[str, NDArray[Any]]:
        """Copies of all that changes in a run, by name."""
        return self.memory.snapshot()

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take over the arrays of a `snapshot` of the same network."""
        memory = self.memory.replicate()
        memory.restore(arrays)
        self._memories[self.standing] = memory

    def run(
        self,
        duration: float,
        progress: Progress,
        sink: Sink | None = None,
        state: Mapping[str, NDArray[Any]] | None = None,
    ) -> Result:
        """Go on for `duration` [s] and return the records.

        A `sink` takes the records section by section; then only the last section is returned.

        state: a `snapshot` on the way, from which such a run goes on that was broken off.
        """
        memory = self.memory.replicate()
        result = self._run(memory, duration, progress, sink, state)
        self._memories[self.standing + 1] = memory
        self.reached = self.standing + 1
        return result

    def run_batch(
        self,
        duration: float,
        stimuli: Sequence[Mapping[str, Stimulus]],
        progress: Progress,
        learn: str | None = None,
        first: int = 0,
    ) -> list[Result]:
        """Run a copy of the present state for each entry of `stimuli`; time does not go on.

        first: the number of the first sample, upon which its draws depend. learn: by "mean" or
        "sum" the engine has then reached a state in which its weights are changed.
        """
        results: list[Result | None] = [None] * len(stimuli)
        workers = min(self.threads, len(stimuli))
        changes = Changes(self._learned(self.memory)) if learn in ADDED else None

        def work(worker: int, tick: Progress) -> None:
            for sample in range(worker, len(stimuli), workers):
                memory = self.memory.replicate()
                memory.stimulate(stimuli[sample], first + sample)
                results[sample] = self._run(memory, duration, tick)
                if changes is not None:
                    changes.add(sample, self._learned(memory), tick)

        spread(work, workers, progress)
        if learn and changes is not None:
            self._learn(changes, learn)
        return [result for result in results if result is not None]

    def _learned(self, memory: EventMemory) -> dict[str, NDArray[np.float64]]:
        """The weights that rules change, by projection."""
        return {part.projection.name: part.weights(memory.learning) for part in self.plan.learners}

    def _learn(self, changes: Changes, learn: str) -> None:
        """Change the weights by what the samples of a batch have come to."""
        memory = self.memory.replicate()
        for part in self.plan.learners:
            weights = changes.weights(learn, part.projection.name, (part.low, part.high))
            part.set_weights(memory.learning, weights)
        self._memories[self.standing + 1] = memory
        self.reached = self.standing + 1

    def variables(self, population: Population) -> tuple[str, ...]:
        """The state variables that can be set."""
        return kernels_of(population).state

    def state(self, population: Population, variable: str) -> NDArray[np.float64]:
        """The present values of a state variable (n,).

        Units are brought to the present on a copy.
        """
        memory = self.memory.replicate()
        memory.bring(population)
        return np.asarray(memory.units.state[memory.rows(population, variable)], np.float64)

    def reset(self, *, keep_weights: bool) -> EventEngine:
        """An engine that stands at the beginning, if asked with the present weights."""
        memory = EventMemory(self.plan)
        if keep_weights:
            memory.learning.weight[:] = self.memory.learning.weight
        return EventEngine(self.plan, memory, threads=self.threads)

    def with_state(
        self, population: Population, values: Mapping[str, NDArray[np.float64]]
    ) -> EventEngine:
        """An engine in which state variables have other values, each (n,).

        The first variable of a unit that is refractory stays clamped.
        """
        memory = self.memory.replicate()
        memory.bring(population)
        for variable, value in values.items():
            rows = memory.rows(population, variable)
            free = np.ones(rows.size, np.bool_)
            if variable == kernels_of(population).state[0]:
                free = ~memory.resting(population)
            memory.units.state[rows[free]] = value[free]
        memory.predict(population)
        return EventEngine(self.plan, memory, threads=self.threads)

    def writes(self, projection: Projection) -> bool:
        """Whether the weights of a projection are numbers in memory, as those that learn are."""
        return self.plan.learner(projection.name) is not None

    def bounds(self, projection: Projection) -> tuple[float, float]:
        """Between which numbers the weights of a projection must lie."""
        learner = self.plan.learner(projection.name)
        return (-math.inf, math.inf) if learner is None else (learner.low, learner.high)

    def with_weights(self, projection: Projection, weights: NDArray[np.float64]) -> EventEngine:
        """An engine in which a projection that `writes` has other weights (n_synapses,)."""
        memory, learner = self.memory.replicate(), self.plan.learner(projection.name)
        if learner is not None:
            learner.set_weights(memory.learning, weights)
        return EventEngine(self.plan, memory, threads=self.threads)

    def order(self, numbered: Network, projection: Projection) -> NDArray[np.int64]:
        """Where each synapse of a projection stands in the description (n_synapses,).

        numbered: the network in which every weight of the projection is its own number.
        """
        return np.asarray(chained_weights(numbered, projection), np.int64)

    def stimulated(self, network: Network, name: str) -> EventEngine:
        """An engine for a network in which one input has another stimulus, which begins now.

        The stimulus must be of the same kind.
        """
        stimulus = next(part.stimulus for part in network.inputs if part.name == name)
        memory = self.memory.replicate()
        memory.plan = replace(self.plan, network=network)
        memory.stimulate({name: stimulus}, 0)
        return EventEngine(memory.plan, memory, threads=self.threads)

    def twin(self) -> EventEngine:
        """An engine in the same state that goes its own way."""
        return EventEngine(self.plan, self.memory.replicate(), threads=self.threads)

    def recompiled(self, network: Network, fresh: Collection[str] = ()) -> EventEngine:
        """An engine for a network of the same parts in the present state.

        Units whose model is another one are brought to the present as they were, and predict anew.
        """
        plan, before = compile_events(network), self.memory.replicate()
        pairs = zip(self.network.populations, network.populations, strict=True)
        changed = [pair for pair in pairs if pair[0].model is not pair[1].model]
        for old, _ in changed:
            before.bring(old)
        memory = EventMemory(plan)
        memory.restore(before.snapshot())
        for old, new in changed:
            memory.reset_anew(old, new)
            memory.predict(new)
        return EventEngine(plan, memory, threads=self.threads)

    def weights(self, projection: str) -> NDArray[np.float64]:
        """The present weights of a projection (n_synapses,)."""
        return self.plan.weights(projection, self.memory)

    def product(
        self, projection: str, x: NDArray[np.float64], *, transpose: bool, key: int
    ) -> NDArray[np.float64]:
        """The product of a projection's weights with numbers.

        It is exact, as this engine has plain weights only.
        """
        table = self.connections(projection).matrix()
        return np.asarray(x @ (table.T if transpose else table))

    def connections(self, projection: str) -> Connections:
        """The synapses of a projection with their present weights."""
        return self.plan.connections(projection, self.weights(projection))

    def _run(
        self,
        memory: EventMemory,
        duration: float,
        progress: Progress,
        sink: Sink | None = None,
        state: Mapping[str, NDArray[Any]] | None = None,
    ) -> Result:
        stretches, start = self.steps(duration), max(memory.now, 0)
        stop = start + int(ticks(duration))
        if state is not None:
            within("now", state["now"], start, stop)
            memory.restore(state)
            start = memory.now
        recording = EventRecording(
            self.plan, memory.units, memory.before, memory.flight.delivered, start, stop, sink
        )
        for stretch in range(1, stretches + 1):
            goal = start + (stop - start) * stretch // stretches
            self._advance(memory, goal, recording)
            self.plan.judge(memory.units.parameters)
            _check_finite(memory)
            if recording.full and stretch < stretches:
                recording.hand_over(goal, memory.snapshot)
            progress(1)
        return recording.result()

    def _advance(self, memory: EventMemory, stop: int, recording: EventRecording) -> None:
        """Carry out all events up to `stop` [ticks]."""
        advance = cached(loop.advance)
        units, wires, records = (
            table(memory.units),
            table(self.plan.wires),
            table(recording.records),
        )
        inputs, learning = table(memory.inputs), table(memory.learning)
        while True:
            ended = advance(stop, units, wires, table(memory.flight), inputs, learning, records)
            if ended == loop.QUEUE_FULL:
                memory.grow(self._most)
                continue
            recording.drain()
            if ended == loop.DONE:
                memory.now = stop
                return
