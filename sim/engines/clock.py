"""The clock engine: steps of dt in one compiled loop, chunk by chunk; batches on threads."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError
from ...kernels.backend import Program
from .. import validation as check
from ..description.inputs import Stimulus
from ..description.network import Network
from ..description.parts import Population, Projection
from ..free_memory import check_bytes
from ..operators.connections import Connections
from ..operators.signals import SAVED, Memory
from ..plan.draw_synapses import draw
from ..plan.plan import Plan
from ..plan.programming import noting, program_once, programmed
from ..plan.stimulated import stimulated
from ..progress import Progress
from ..results.result import Result
from ..results.sink import Sink
from . import clock_state
from .batch import spread
from .batch_learning import ADDED, Changes
from .clock_recording import ClockRecording

MOST_RUN = 10**11  # steps of one run: a longer one is a unit error
EMPTY = ("scratch", "sums")  # regions that are empty between runs
AWAY = -1  # where a run is that is not over


class ClockEngine:
    """A plan, its memory and the step it has reached.

    chunk: steps between two visits of Python, for progress and for emptying probe buffers; no
    result depends on it.

    A run counts only once somebody sets `standing`, the number of the state that the simulation has
    come to, to `reached`, that of the state that the memory is in. Until then `settle` takes it
    back, so a run that an error or Ctrl-C ends leaves no trace.

    compiled: makes a plan of another network in the same way as `plan` was made.
    """

    def __init__(
        self, plan: Plan, compiled: Callable[[Network], Plan], *, chunk: int, threads: int
    ) -> None:
        self.plan, self.compiled, self.chunk, self.threads = plan, compiled, chunk, threads
        self.memory = plan.memory()
        # None until it is needed, and while a run is taken back
        self.program: Program | None = plan.program(self.memory)
        self.standing = self.reached = 0
        self._steps = {0: 0}  # by the numbers of states
        self._before: dict[str, NDArray[Any]] = {}  # what the present run began with

    @property
    def network(self) -> Network:
        return self.plan.network

    @property
    def time(self) -> float:
        """Where the simulation stands [s]."""
        return self.step * self.plan.dt

    @property
    def step(self) -> int:
        """The step that the simulation stands at."""
        return self._steps[self.standing]

    def steps(self, duration: float, field: str = "run duration") -> int:
        """A duration [s] in steps; one that is no whole number of steps is refused."""
        return (
            check.steps("Simulator", field, duration, self.plan.dt, most=MOST_RUN)
            if duration
            else 0
        )

    def covering(self, duration: float) -> float:
        """The shortest whole number of steps that covers `duration`, in seconds."""
        return math.ceil(duration / self.plan.dt - 1e-6) * self.plan.dt

    def snapshot(self, step: int | None = None) -> dict[str, NDArray[Any]]:
        """Copies of all that changes in a run, by name, and marks of what does not.

        step: where a run stands that is still going on.
        """
        return clock_state.snapshot(self.plan, self.memory, self.step if step is None else step)

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take over the arrays of a `snapshot` of the same network.

        Raises DataError unless every one fits.
        """
        self._steps[self.standing] = self._take_over(arrays)

    def settle(self) -> None:
        """Take back a run that was broken off."""
        if self.reached == self.standing:
            return
        if self.program is not None:  # else an interrupt ended this before
            self.program.halt()
        self.memory.restore(self._before)
        self.memory.clear(EMPTY)
        self._renew()
        self.reached = self.standing

    def _begin(self) -> None:
        """Keep all that a run changes.

        Its room is kept, too: to get it anew takes longer than to copy.
        """
        self._steps = {self.standing: self.step}
        for region in SAVED:
            block = self.memory.blocks[region]
            np.copyto(self._before.setdefault(region, np.empty_like(block)), block)
        self.reached = AWAY

    def _reach(self, step: int) -> None:
        """What began is over, and the memory is at `step`."""
        self._steps[self.standing + 1] = step
        self.reached = self.standing + 1

    def _renew(self) -> None:
        """Make the program anew for the memory as it is now.

        A program remembers when each operator must run next; a new one has no such memory.
        """
        self.program = None  # a device has no room for two
        self.program = self.plan.program(self.memory)

    def _take_over(self, arrays: Mapping[str, NDArray[Any]]) -> int:
        """Go on from the arrays of a `snapshot`; return its step."""
        step = clock_state.take_over(self.plan, self.memory, arrays)
        self._renew()
        return step

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
        start, stop = self.step, self.step + self.steps(duration)
        step = start
        self._begin()
        if self.program is None:
            self._renew()
        if state is not None:
            step = self._take_over(state)
            if not start <= step <= stop:
                raise DataError(f"the saved step must lie between {start} and {stop} (got {step})")
            progress(step - start)
        recording = ClockRecording(self.plan, self.memory, step, stop, sink)
        self._advance(self.program, self.memory, step, stop, recording, progress)
        result = recording.result()
        self._reach(stop)
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

        first: the number of the first sample, upon which its draws depend. learn: where a rule
        changes weights, each copy has weights of its own; by "mean" or "sum" the engine has then
        reached a state in which its own are changed.
        """
        n_workers, more = min(self.threads, len(stimuli)), ("store",) if learn else ()
        adds = learn in ADDED
        if learn:
            self._check_room(n_workers)
        workers = [self.memory.replicate(more) for _ in range(n_workers)]
        present = self.memory.snapshot(("state", "flow", *more))
        held = self._held() if adds else {}
        changes = Changes(self._learned(self.memory) | held if adds else {})
        results: list[Result | None] = [None] * len(stimuli)
        start, stop = self.step, self.step + self.steps(duration)

        def work(worker: int, tick: Progress) -> None:
            memory = workers[worker]
            for sample in range(worker, len(stimuli), len(workers)):
                memory.restore(present)
                memory["sample"][0] = first + sample
                self.plan.anew(memory, stimuli[sample], first + sample, start)
                shadows = {name: weights.copy() for name, weights in held.items()}
                before = noting(self.plan, memory, shadows)
                program = self.plan.program(memory, stimuli[sample], threads=1, before=before)
                recording = ClockRecording(self.plan, memory, start, stop)
                self._advance(program, memory, start, stop, recording, tick)
                results[sample] = recording.result()
                if adds:
                    changes.add(sample, self._learned(memory) | shadows, tick)

        spread(work, len(workers), progress)
        if adds and learn is not None:
            self._learn(changes, learn)
        return [result for result in results if result is not None]

    def _learned(self, memory: Memory) -> dict[str, NDArray[np.float64]]:
        """The weights that rules change and to which changes can be added, by projection."""
        return {
            name: memory[scope.weights].astype(np.float64)
            for name, scope in self.plan.projections.items()
            if scope.weights is not None
        }

    def _held(self) -> dict[str, NDArray[np.float64]]:
        """The weights that rules change by way of a store that does more than add, by projection."""
        return {name: self.plan.stored(name, self.memory) for name in programmed(self.plan)}

    def _learn(self, changes: Changes, learn: str) -> None:
        """Change the weights by what the samples of a batch have come to."""
        self._begin()
        for name, scope in self.plan.projections.items():
            if scope.weights is not None:
                self.memory[scope.weights][...] = changes.weights(learn, name, scope.bounds)
        self.program = None  # a device has no room for two
        if totals := {name: changes.of(learn, name) for name in programmed(self.plan)}:
            program_once(self.plan, self.memory, totals, self.step)
        self._renew()  # a card has weights of its own
        self._reach(self.step)

    def _check_room(self, n_workers: int) -> None:
        """Raise CapacityError unless each thread of a batch has room for weights of its own."""
        held = 8 * sum(self.plan.synapses[name].n for name in programmed(self.plan))
        needed = float((n_workers + 2) * (self.memory.blocks["store"].nbytes + held))
        told = f"{n_workers} threads with weights of their own, one for each sample at work; take fewer threads"
        check_bytes("Simulator.run", needed, told)

    def variables(self, population: Population) -> tuple[str, ...]:
        """The state variables that can be set."""
        return tuple(name for name, dtype in population.model.state.items() if dtype == "float")

    def state(self, population: Population, variable: str) -> NDArray[np.float64]:
        """The present values of a state variable (n,)."""
        return self.memory[f"{population.name}.{variable}"].astype(np.float64)

    def reset(self, *, keep_weights: bool) -> ClockEngine:
        """An engine at time 0; with `keep_weights` the content of all stores stays as it is."""
        regions = [region for region in SAVED if not (keep_weights and region == "store")]
        return self._like(self.memory.renewed(regions), 0)

    def with_state(
        self, population: Population, values: Mapping[str, NDArray[np.float64]]
    ) -> ClockEngine:
        """An engine in which state variables have other values, each (n,)."""
        memory = self.memory.replicate()
        for variable, value in values.items():
            memory[f"{population.name}.{variable}"][...] = value
            sent = f"{population.name}.sent"
            if variable == population.model.sends and sent in memory.views:
                # its targets see it at once
                memory[sent][(self.step - 1) % memory[sent].shape[0]] = value
        return self._like(memory, self.step)

    def writes(self, projection: Projection) -> bool:
        """Whether the weights of a projection are numbers in memory.

        Then they can be changed without compiling anew.
        """
        return self.plan.projections[projection.name].weights is not None

    def bounds(self, projection: Projection) -> tuple[float, float]:
        """Between which numbers the weights of a projection must lie."""
        low, high = self.plan.projections[projection.name].bounds
        # Weights that were clipped may be the rounded bounds.
        rounded = np.array([low, high], self.plan.precision)
        return min(low, float(rounded[0])), max(high, float(rounded[1]))

    def with_weights(self, projection: Projection, weights: NDArray[np.float64]) -> ClockEngine:
        """An engine in which a projection that `writes` has other weights (n_synapses,)."""
        memory = self.memory.replicate(("store",))
        signal = self.plan.projections[projection.name].weights
        if signal is not None:
            memory[signal][...] = self.plan.synapses[projection.name].placed(weights)
        return self._like(memory, self.step)

    def order(self, numbered: Network, projection: Projection) -> NDArray[np.int64]:
        """Where each synapse of a projection stands in the description (n_synapses,).

        numbered: the network in which every weight of the projection is its own number.
        """
        return np.asarray(draw(numbered, projection, self.plan.dt).weights, np.int64)

    def stimulated(self, network: Network, name: str) -> ClockEngine:
        """An engine for a network in which one input has another stimulus, which begins now.

        The stimulus must be of the same kind.
        """
        plan = stimulated(self.plan, network, name)
        memory = self.memory.replicate(signals=plan.signals)
        plan.anew(memory, {name: plan.inputs[name].stimulus}, 0, self.step)
        return self._like(memory, self.step, plan)

    def twin(self) -> ClockEngine:
        """An engine in the same state that goes its own way.

        This one has no program until it runs again.
        """
        self.program = None  # a device has no room for two
        return self._like(self.memory.replicate(("store",)), self.step)

    def recompiled(self, network: Network, fresh: Collection[str] = ()) -> ClockEngine:
        """An engine for a network of the same parts, in the present state.

        fresh: the projections whose stores are new.
        """
        plan = self.compiled(network)
        memory = plan.memory()
        clock_state.hand_on(self.memory, plan, memory, self.step, fresh)
        made = self._like(memory, self.step, plan)
        made.program = plan.program(memory)  # now: a user's own kernel may not take what it gets
        return made

    def _like(self, memory: Memory, step: int, plan: Plan | None = None) -> ClockEngine:
        """An engine of the same kind with this memory at this step.

        Its program is made when it runs.
        """
        made = object.__new__(type(self))
        made.plan, made.compiled = self.plan if plan is None else plan, self.compiled
        made.chunk, made.threads, made.memory, made.program = self.chunk, self.threads, memory, None
        made.standing = made.reached = 0
        made._steps = {0: step}
        made._before = self._before if plan is None else {}
        return made

    def weights(self, projection: str) -> NDArray[np.float64]:
        """The present weights of a projection (n_synapses,)."""
        return self.plan.weights(projection, self.memory)

    def product(
        self, projection: str, x: NDArray[np.float64], *, transpose: bool, key: int
    ) -> NDArray[np.float64]:
        """The product of a projection's weights with numbers; see `Store.product`."""
        return self.plan.product(projection, self.memory, x, transpose=transpose, key=key)

    def connections(self, projection: str) -> Connections:
        """The synapses of a projection with their present weights."""
        synapses = self.plan.synapses[projection]
        return Connections(
            sources=synapses.sources().astype(np.int64),
            targets=synapses.drawn(synapses.targets).astype(np.int64),
            delays=np.asarray(synapses.delays() * self.plan.dt, np.float64),
            weights=self.weights(projection),
            n_pre=synapses.n_pre,
            n_post=synapses.n_post,
        )

    def _advance(
        self,
        program: Any,
        memory: Memory,
        step: int,
        stop: int,
        recording: ClockRecording,
        progress: Progress,
    ) -> None:
        while step < stop:
            goal = min(step + self.chunk, stop, recording.next_visit(step))
            reached = program.advance(step, goal)
            memory["pause"][0] = 0
            clock_state.check_finite(self.plan, memory, reached)
            if reached == stop or recording.weighs(reached):
                program.collect()
            recording.visit(reached)
            if recording.full:
                program.collect()
                recording.hand_over(reached, partial(self.snapshot, reached))
            progress(reached - step)
            step = reached
