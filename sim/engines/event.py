"""The event engine: from event to event, on no grid, with exact spike times."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError, DivergenceError
from ...kernels.cpu import event_loop as loop
from ...kernels.cpu.caching import cached
from ...kernels.cpu.event_inputs import Inputs
from ...kernels.cpu.event_loop import Flight
from ...kernels.cpu.event_memory import table
from ...kernels.cpu.event_queue import NEVER, TICKS, new_schedule
from ...kernels.cpu.event_units import Units, bring, foresee, set_drives
from .. import validation as check
from ..description.inputs import Stimulus
from ..description.network import Network
from ..description.parts import Population, Projection
from ..operators.connections import Connections
from ..operators.signals import match
from ..progress import Progress
from ..results.result import Result
from ..results.sink import Sink
from .batch import spread
from .batch_learning import ADDED, Changes
from .event_inputs import build_inputs, drive, poisson
from .event_plan import EventPlan, chained_weights, compile_events
from .event_recording import EventRecording, check_probe, counted
from .event_rules import copied
from .event_solved import LIMIT, kernels_of, ticks

PIECE = 10e-3  # [s] between two signs of progress, at most PIECES a run; no result depends on it
PIECES = 100
EXACT = 1e-15  # relative: the rounding of a time between ticks and seconds
MOST_HASH = (1 << 64) - 1
ROOM = 1024  # spikes in flight before the queue grows
# Columns of the units that a snapshot holds; what is left out follows from the rest.
SAVED = {"neuron": ("last", "held", "fired", "unsure"), "group": ("signature",)}
SHARED = ("parameters",)  # of all copies


class EventMemory:
    """All that changes in a run: units, spikes in flight, what learns, cursors of the inputs, the time ...

    before: the counts at the last samples.

    now [ticks]: all events up to and including it are over; -1 before those at time 0.
    """

    precision = "float64"

    def __init__(self, plan: EventPlan, sample: int = 0) -> None:
        self.plan, self.now = plan, -1
        self.units, self.learning = _own(plan.units), copied(plan.learning)
        self.flight = Flight(_EMPTY, _EMPTY, np.zeros(1, np.int64), 0, np.zeros(1, np.int64))
        self.grow(ROOM)
        self.before = np.zeros(counted(plan), np.int64)
        self.stimulate({}, sample)

    def replicate(self) -> EventMemory:
        """A copy that goes its own way."""
        copy = object.__new__(EventMemory)
        copy.plan, copy.now, copy.units, copy.before = self.plan, self.now, _own(self.units), self.before.copy()
        copy.learning = copied(self.learning)
        copy.flight = self.flight._replace(**{name: getattr(self.flight, name).copy() for name in _FLYING})
        copy.inputs = self.inputs._replace(**{name: getattr(self.inputs, name).copy() for name in _MOVING})
        return copy

    def stimulate(self, stimuli: Mapping[str, Stimulus], sample: int) -> None:
        """Take other stimuli from now on: lists of events by their absolute times, Poisson trains from the present."""
        self.inputs: Inputs = build_inputs(self.plan, stimuli, sample, self.now, getattr(self, "inputs", None))
        wanted = drive(self.plan, self.inputs, self.now)
        for first, end in zip(self.plan.first[:-1], self.plan.first[1:], strict=True):
            cached(set_drives)(table(self.units), first, wanted[first:end], max(self.now, 0))

    def numbers(self, population: Population) -> slice:
        """The units of a population."""
        first = self.plan.begin(population)
        return slice(first, first + population.n)

    def rows(self, population: Population, variable: str) -> NDArray[np.int64]:
        """Where a state variable of each unit stands in the state (n,)."""
        rows: NDArray[np.int64] = self.units.neuron["row"][self.numbers(population)]
        return rows + kernels_of(population).state.index(variable)

    def bring(self, population: Population) -> None:
        """Bring all units of a population to the present."""
        own = self.numbers(population)
        cached(bring)(table(self.units), own.start, own.stop, max(self.now, 0))

    def predict(self, population: Population) -> None:
        """Let all units of a population, which stand at the present, predict anew; none fires before what is next."""
        own = self.numbers(population)
        cached(foresee)(table(self.units), own.start, own.stop, self.now + 1)

    def grow(self, room: int) -> None:
        """Make room for at least `room` more spikes in flight."""
        more = np.zeros(max(room, self.flight.times.size), np.int64)
        times, codes = (np.concatenate([array, more]) for array in self.flight[:2])
        self.flight = self.flight._replace(times=times, codes=codes, room=times.size)

    def snapshot(self) -> dict[str, NDArray[Any]]:
        """Copies of all that cannot be worked out again."""
        times, codes = (array[: self.flight.size[0]] for array in self.flight[:2])
        order, trains = np.lexsort((codes, times)), poisson(self.inputs)
        saved = {name: getattr(self.units, part)[name].copy() for part, names in SAVED.items() for name in names}
        if self.learning.n_rules:
            saved |= {
                "weights": self.learning.weight.copy(), "traces": self.learning.left["value"].copy(),
                "raised": self.learning.left["last"].copy(),
            }  # fmt: skip
        return saved | {
            "now": np.array([self.now], np.int64), "before": self.before.copy(),
            "delivered": self.flight.delivered.copy(), "due": self.units.due.copy(), "state": self.units.state.copy(),
            "flight_times": times[order], "flight_codes": codes[order],
            "train_cursor": self.inputs.slot["cursor"][trains], "train_clock": self.inputs.slot["clock"][trains],
        }  # fmt: skip

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take over a `snapshot`; DataError unless everything fits."""
        expected = {name: (array.shape, array.dtype) for name, array in self.snapshot().items()}
        for name in ("flight_times", "flight_codes"):
            expected[name] = (np.shape(arrays.get("flight_times", ())), np.dtype(np.int64))
        match(expected, arrays)
        _within("now", arrays["now"], -1, int(LIMIT * TICKS))
        now, codes, times = int(arrays["now"][0]), arrays["flight_codes"], arrays["flight_times"]
        for name, bounds in self._bounds(now, expected).items():
            _within(name, arrays[name], *bounds)
        if (np.lexsort((codes, times)) != np.arange(times.size)).any():
            raise DataError("the saved spikes in flight must stand in order of their times")
        self.now = now
        self.flight = Flight(times.copy(), codes.copy(), np.array([times.size]), times.size, arrays["delivered"].copy())
        self.grow(ROOM)  # a sorted list is a heap already
        self._restore_units(arrays)
        if self.learning.n_rules:
            self.learning.weight[:] = arrays["weights"]
            self.learning.left["value"], self.learning.left["last"] = arrays["traces"], arrays["raised"]
        trains = poisson(self.inputs)
        for name in ("cursor", "clock"):
            self.inputs.slot[name][trains] = arrays[f"train_{name}"]
        self.inputs.slot["fresh"][trains] = arrays["train_cursor"] == 0
        self.before[:] = arrays["before"]
        self.stimulate({}, 0)

    def _bounds(self, now: int, names: Iterable[str]) -> dict[str, tuple[float, float]]:
        """The least and the greatest value of each array of a snapshot at `now`; KeyError for one without."""
        largest, time = float(np.finfo(np.float64).max), max(now, 0) / TICKS
        bounds: dict[str, tuple[float, float]] = {
            "now": (-1, int(LIMIT * TICKS)), "flight_times": (now, NEVER - 1), "due": (now, NEVER),
            "last": (0, max(now, 0)), "flight_codes": (0, self.plan.wires.segment.size - 1), "held": (-1, NEVER),
            "fired": (0, NEVER), "unsure": (0, 1), "signature": (0, MOST_HASH), "before": (0, NEVER),
            "delivered": (0, NEVER), "state": (-largest, largest), "train_cursor": (0, NEVER),
            "train_clock": (time * (1 - EXACT), math.inf), "weights": (-largest, largest), "traces": (0, largest),
            "raised": (0, max(now, 0)),
        }  # fmt: skip
        return {name: bounds[name] for name in names}

    def _restore_units(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        heap, place, due, size = new_schedule(arrays["due"])
        self.units = self.units._replace(heap=heap, place=place, due=due, size=size)
        for part, names in SAVED.items():
            for name in names:
                getattr(self.units, part)[name] = arrays[name]
        self.units.state[:] = arrays["state"]
        self.units.neuron["drive"] = drive(self.plan, build_inputs(self.plan, {}, 0, self.now), self.now)


_EMPTY = np.zeros(0, np.int64)
_FLYING = ("times", "codes", "size", "delivered")  # arrays of the flight that change in a run
_MOVING = ("slot", "heap", "place", "due", "size")  # arrays of the inputs that change in a run


def _own(units: Units) -> Units:
    """The same units with arrays of their own where they change."""
    return Units(**{name: array if name in SHARED else array.copy() for name, array in units._asdict().items()})


def _within(name: str, array: NDArray[Any], low: float, high: float) -> None:
    if array.size and not (array.min() >= low and array.max() <= high):
        raise DataError(
            f"the saved {name} must lie between {low:g} and {high:g} (got {array.min():g} to {array.max():g})"
        )


def _check_finite(memory: EventMemory) -> None:
    """Raise DivergenceError if a state variable or a weight is NaN or infinite: a NaN would never reach a threshold."""
    for learner in memory.plan.learners:
        if not (good := np.isfinite(weights := learner.weights(memory.learning))).all():
            synapse = int(good.argmin())
            raise DivergenceError(
                f"{learner.projection.name}.weights of synapse {synapse} is {weights[synapse]} by "
                f"{memory.now / TICKS:g} s: {type(learner.projection.rule).__name__} must keep weights finite"
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

    A run works on a copy of the memory. It counts only once somebody sets `standing`, the number of the memory where
    the simulation stands, to `reached`, that of the copy.
    """

    def __init__(self, plan: EventPlan, memory: EventMemory | None = None, *, threads: int = 1) -> None:
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

    def steps(self, duration: float) -> int:
        """The stretches in which a run of `duration` [s] tells of its progress."""
        if self.time + duration > LIMIT:
            raise check.fail("Simulator", "run duration", f"must end by {LIMIT:g} s for the event engine", duration)
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
        self, duration: float, progress: Progress, sink: Sink | None = None,
        state: Mapping[str, NDArray[Any]] | None = None,
    ) -> Result:  # fmt: skip
        """Go on for `duration` [s]; a `sink` takes the records segment by segment, and only the last one is returned.

        state: a `snapshot` on the way, from which such a run goes on that was broken off.
        """
        memory = self.memory.replicate()
        result = self._run(memory, duration, progress, sink, state)
        self._memories[self.standing + 1] = memory
        self.reached = self.standing + 1
        return result

    def run_batch(
        self, duration: float, stimuli: Sequence[Mapping[str, Stimulus]], progress: Progress, learn: str | None = None
    ) -> list[Result]:
        """Run a copy of the present state for each entry of `stimuli`; time does not go on.

        learn: by "mean" or "sum" the engine has then reached a state in which its weights are changed.
        """
        results: list[Result | None] = [None] * len(stimuli)
        workers = min(self.threads, len(stimuli))
        changes = Changes(self._learned(self.memory)) if learn in ADDED else None

        def work(worker: int, tick: Progress) -> None:
            for sample in range(worker, len(stimuli), workers):
                memory = self.memory.replicate()
                memory.stimulate(stimuli[sample], sample)
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
        memory, learners = self.memory.replicate(), self.plan.learners
        weights = changes.weights(learn, {part.projection.name: (part.low, part.high) for part in learners})
        for part in learners:
            part.set_weights(memory.learning, weights[part.projection.name])
        self._memories[self.standing + 1] = memory
        self.reached = self.standing + 1

    def variables(self, population: Population) -> tuple[str, ...]:
        """The state variables that can be set."""
        return kernels_of(population).state

    def state(self, population: Population, variable: str) -> NDArray[np.float64]:
        """The present values of a state variable (n,); units are brought to the present on a copy."""
        memory = self.memory.replicate()
        memory.bring(population)
        return np.asarray(memory.units.state[memory.rows(population, variable)], np.float64)

    def reset(self, *, keep_weights: bool) -> EventEngine:
        """An engine that stands at the beginning, if asked with the present weights."""
        memory = EventMemory(self.plan)
        if keep_weights:
            memory.learning.weight[:] = self.memory.learning.weight
        return EventEngine(self.plan, memory, threads=self.threads)

    def with_state(self, population: Population, values: Mapping[str, NDArray[np.float64]]) -> EventEngine:
        """An engine in which state variables have other values, each (n,).

        The first variable of a unit that is refractory stays clamped.
        """
        memory = self.memory.replicate()
        memory.bring(population)
        for variable, value in values.items():
            rows = memory.rows(population, variable)
            free = np.ones(rows.size, np.bool_)
            if variable == kernels_of(population).state[0]:
                free = memory.units.neuron["held"][memory.numbers(population)] < max(memory.now, 0)
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
        """The weights (n_synapses,) of a projection of which, in `numbered`, each is the number of its synapse."""
        return np.asarray(chained_weights(numbered, projection), np.int64)

    def stimulated(self, network: Network, name: str) -> EventEngine:
        """An engine for a network in which one input has another stimulus of the same kind, which begins now."""
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
        for _, new in changed:
            memory.predict(new)
        return EventEngine(plan, memory, threads=self.threads)

    def weights(self, projection: str) -> NDArray[np.float64]:
        """The present weights of a projection (n_synapses,)."""
        return self.plan.weights(projection, self.memory)

    def product(self, projection: str, x: NDArray[np.float64], *, transpose: bool, key: int) -> NDArray[np.float64]:
        """The product of a projection's weights with numbers, exactly: this engine has plain weights only."""
        table = self.connections(projection).matrix()
        return np.asarray(x @ (table.T if transpose else table))

    def connections(self, projection: str) -> Connections:
        """The synapses of a projection with their present weights."""
        return self.plan.connections(projection, self.weights(projection))

    def _run(
        self, memory: EventMemory, duration: float, progress: Progress, sink: Sink | None = None,
        state: Mapping[str, NDArray[Any]] | None = None,
    ) -> Result:  # fmt: skip
        stretches, start = self.steps(duration), max(memory.now, 0)
        stop = start + int(ticks(duration))
        if state is not None:
            _within("now", state["now"], start, stop)
            memory.restore(state)
            start = memory.now
        recording = EventRecording(self.plan, memory.units, memory.before, memory.flight.delivered, start, stop, sink)
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
        units, wires, records = table(memory.units), table(self.plan.wires), table(recording.records)
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
