"""The clock engine: steps of dt in one compiled loop, chunk by chunk; batches spread over threads."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError, DivergenceError
from ...kernels.backend import Program
from .. import validation as check
from ..description.inputs import Stimulus
from ..description.network import Network
from ..operators.connections import Connections
from ..operators.signals import MOST_COUNT, SAVED, Memory, Signal, match
from ..plan.plan import Plan
from ..progress import Progress
from ..results.result import Result
from ..results.sink import Sink
from .batch import spread
from .clock_recording import ClockRecording

MOST_RUN = 10**11  # steps of one run: a longer one is a unit error
EMPTY = ("scratch", "sums")  # parts that are empty between runs
AWAY = -1  # where a run is that is not over


class ClockEngine:
    """A plan, its memory and the step it has reached.

    chunk: steps between two visits of Python, for progress and for emptying probe buffers; no result depends on it.

    A run counts only once somebody sets `standing`, the step that the simulation has come to, to `reached`, the step
    that the memory is at. Until then `settle` takes it back, so a run that an error or Ctrl-C ends leaves no trace.
    """

    def __init__(self, plan: Plan, *, chunk: int, threads: int) -> None:
        self.plan, self.chunk, self.threads = plan, chunk, threads
        self.memory = plan.memory()
        self.program: Program | None = plan.program(self.memory)  # None only while a run is taken back
        self.standing = self.reached = 0
        self._before: dict[str, NDArray[Any]] = {}  # what the present run began with

    @property
    def network(self) -> Network:
        return self.plan.network

    @property
    def time(self) -> float:
        """Where the simulation stands [s]."""
        return self.standing * self.plan.dt

    def steps(self, duration: float) -> int:
        """A duration [s] in steps; one that is no whole number of steps is refused."""
        return check.steps("Simulator", "run duration", duration, self.plan.dt, most=MOST_RUN) if duration else 0

    def covering(self, duration: float) -> float:
        """The shortest whole number of steps that covers `duration`, in seconds."""
        return math.ceil(duration / self.plan.dt - 1e-6) * self.plan.dt

    def snapshot(self, step: int | None = None) -> dict[str, NDArray[Any]]:
        """Copies of all that changes in a run, by name, and marks of all that does not; step: in the middle of one."""
        arrays = {signal.name: self.memory[signal].copy() for signal in self._saved()}
        reached = np.array([self.standing if step is None else step], np.int64)
        return arrays | {"step": reached, "wiring": _wiring(self.plan, self.memory)}

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take over the arrays of a `snapshot` of the same network; DataError unless every one fits."""
        self.standing = self.reached = self._take_over(arrays)

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
        """Keep all that a run changes. Its room is kept, too: to get it anew takes longer than to copy."""
        for part in SAVED:
            block = self.memory.blocks[part]
            np.copyto(self._before.setdefault(part, np.empty_like(block)), block)
        self.reached = AWAY

    def _renew(self) -> None:
        """Another program for the memory as it is now, one that has not decided yet when each operator runs next."""
        self.program = None  # a device has no room for two
        self.program = self.plan.program(self.memory)

    def _take_over(self, arrays: Mapping[str, NDArray[Any]]) -> int:
        """Write the arrays of a `snapshot` into memory; return its step."""
        marks: dict[str, NDArray[Any]] = {"step": np.zeros(1, np.int64), "wiring": _wiring(self.plan, self.memory)}
        expected: dict[str, NDArray[Any]] = {signal.name: self.memory[signal] for signal in self._saved()} | marks
        match({name: (array.shape, array.dtype) for name, array in expected.items()}, arrays)
        if not np.array_equal(arrays["wiring"], marks["wiring"]):
            raise DataError("the synapses drawn here are not those of the saved network, which another version drew")
        for signal in self._saved():
            signal.check(arrays[signal.name])
        if not 0 <= int(arrays["step"][0]) < MOST_COUNT:
            raise DataError(f"the saved step must be >= 0 (got {int(arrays['step'][0])})")
        self._check_stimuli(arrays)
        for signal in self._saved():
            self.memory[signal][...] = arrays[signal.name]
        self._renew()
        return int(arrays["step"][0])

    def _check_stimuli(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Raise DataError where a stimulus would have more to catch up with than any run leaves."""
        for part in self.network.inputs:
            kept = {key: arrays.get(f"{part.name}.{key}") for key in part.stimulus.flow(part.population.n)}
            values = {key: array for key, array in kept.items() if array is not None}
            if values and not part.stimulus.stands(values, int(arrays["step"][0]) * self.plan.dt):
                raise DataError(f"the saved times of {part.name} lie before the saved step")

    def _saved(self) -> list[Signal]:
        return [signal for signal in self.plan.signals if signal.region in SAVED]

    def run(
        self, duration: float, progress: Progress, sink: Sink | None = None,
        state: Mapping[str, NDArray[Any]] | None = None,
    ) -> Result:  # fmt: skip
        """Go on for `duration` [s]; a `sink` takes the records piece by piece, and only the last piece is returned.

        state: a `snapshot` on the way, from which such a run goes on that was broken off.
        """
        start, stop = self.standing, self.standing + self.steps(duration)
        step = start
        self._begin()
        if state is not None:
            step = self._take_over(state)
            if not start <= step <= stop:
                raise DataError(f"the saved step must lie between {start} and {stop} (got {step})")
            progress(step - start)
        recording = ClockRecording(self.plan, self.memory, step, stop, sink)
        self._advance(self.program, self.memory, step, stop, recording, progress)
        result = recording.result()
        self.reached = stop
        return result

    def run_batch(self, duration: float, stimuli: Sequence[Mapping[str, Stimulus]], progress: Progress) -> list[Result]:
        """Run a copy of the present state for each entry of `stimuli`; the engine itself does not move."""
        workers = [self.memory.replicate() for _ in range(min(self.threads, len(stimuli)))]
        present = self.memory.snapshot(("state", "flow"))
        results: list[Result | None] = [None] * len(stimuli)
        start, stop = self.standing, self.standing + self.steps(duration)

        def work(worker: int, tick: Progress) -> None:
            memory = workers[worker]
            for sample in range(worker, len(stimuli), len(workers)):
                memory.restore(present)
                memory["sample"][0] = sample
                self.plan.anew(memory, stimuli[sample], sample, start)
                program = self.plan.program(memory, stimuli[sample], threads=1)
                recording = ClockRecording(self.plan, memory, start, stop)
                self._advance(program, memory, start, stop, recording, tick)
                results[sample] = recording.result()

        spread(work, len(workers), progress)
        return [result for result in results if result is not None]

    def weights(self, projection: str) -> NDArray[np.float64]:
        """The present weights of a projection (n_synapses,)."""
        return self.plan.weights(projection, self.memory)

    def connections(self, projection: str) -> Connections:
        """The synapses of a projection with their present weights."""
        synapses = self.plan.synapses[projection]
        return Connections(
            sources=synapses.sources().astype(np.int64), targets=synapses.targets.astype(np.int64),
            delays=np.asarray(synapses.delays() * self.plan.dt, np.float64), weights=self.weights(projection),
            n_pre=synapses.n_pre, n_post=synapses.n_post,
        )  # fmt: skip

    def _advance(
        self, program: Any, memory: Memory, step: int, stop: int, recording: ClockRecording, progress: Progress
    ) -> None:
        while step < stop:
            goal = min(step + self.chunk, stop, recording.next_visit(step))
            reached = program.advance(step, goal)
            memory["pause"][0] = 0
            _check_finite(self.plan, memory, reached)
            if reached == stop or recording.weighs(reached):
                program.collect()
            recording.visit(reached)
            if recording.full:
                program.collect()
                recording.hand_over(reached, partial(self.snapshot, reached))
            progress(reached - step)
            step = reached


def _check_finite(plan: Plan, memory: Memory, step: int) -> None:
    """Raise DivergenceError if a state variable is NaN or infinite: a NaN would never reach a threshold."""
    for signal in plan.signals:
        if signal.region == "state" and signal.dtype == "float" and not (good := np.isfinite(memory[signal])).all():
            unit = int(good.argmin())
            models = [part.model for part in plan.network.populations if signal.name.startswith(f"{part.name}.")]
            grows = f", a parameter of {check.name_of(models[0])} lets it grow" if models else ""
            raise DivergenceError(
                f"{signal.name} of unit {unit} is {memory[signal][unit]} by {step * plan.dt:g} s: "
                f"an input or a weight is too large{grows}, or the step is too long"
            )


def _wiring(plan: Plan, memory: Memory) -> NDArray[np.uint8]:
    """BLAKE2b (16,) of the synapses of all projections and of all fixed whole numbers, such as lists of events."""
    digest = hashlib.blake2b(digest_size=16)
    for name, synapses in plan.synapses.items():
        digest.update(name.encode())
        synapses.mark(digest.update)
    for signal in plan.signals:
        if signal.region == "fixed" and memory[signal].dtype.kind in "iu" and not signal.layout:
            digest.update(signal.name.encode())
            digest.update(np.ascontiguousarray(memory[signal]).data)
    return np.frombuffer(digest.digest(), np.uint8)
