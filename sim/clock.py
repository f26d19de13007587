"""The clock engine: steps of dt in one compiled loop, chunk by chunk; batches spread over threads."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any


from . import validation as check
from .inputs import Stimulus
from .network import Network
from .plan import Plan
from .recording import Recording
from .result import Result
from .signals import Memory

Progress = Callable[[int], None]


class ClockEngine:
    """A plan, its memory and the step it has reached.

    chunk: steps between two visits of Python, for progress and for emptying probe buffers; no result depends on it.
    """

    def __init__(self, plan: Plan, *, chunk: int, threads: int) -> None:
        self.plan, self.chunk, self.threads = plan, chunk, threads
        self.memory = plan.memory()
        self.program = plan.program(self.memory)
        self.step = 0

    @property
    def network(self) -> Network:
        return self.plan.network

    @property
    def time(self) -> float:
        """Where the simulation stands [s]."""
        return self.step * self.plan.dt

    def steps(self, duration: float) -> int:
        """A duration [s] in steps; one that is no whole number of steps is refused."""
        return check.steps("Simulator", "run duration", duration, self.plan.dt) if duration else 0

    def covering(self, duration: float) -> float:
        """The shortest whole number of steps that covers `duration`, in seconds."""
        return math.ceil(duration / self.plan.dt - 1e-6) * self.plan.dt

    def run(self, duration: float, progress: Progress) -> Result:
        """Go on for `duration` [s]."""
        stop = self.step + self.steps(duration)
        recording = Recording(self.plan, self.memory, self.step, stop)
        self._advance(self.program, self.memory, self.step, stop, recording, progress)
        self.step = stop
        return recording.result(spike_hash(self.plan, self.memory))

    def run_batch(
        self, duration: float, stimuli: Sequence[Mapping[str, Stimulus]], progress: Progress
    ) -> list[Result]:
        """Run a copy of the present state for each entry of `stimuli`; the engine itself does not move."""
        lanes = [self.memory.replicate() for _ in range(min(self.threads, len(stimuli)))]
        present = self.memory.snapshot(("state", "flow"))
        results: list[Result | None] = [None] * len(stimuli)
        start, stop = self.step, self.step + self.steps(duration)

        def work(lane: int) -> None:
            memory = lanes[lane]
            for sample in range(lane, len(stimuli), len(lanes)):
                memory.restore(present)
                memory["sample"][0] = sample
                program = self.plan.program(memory, stimuli[sample])
                recording = Recording(self.plan, memory, start, stop)
                self._advance(program, memory, start, stop, recording, progress)
                results[sample] = recording.result(spike_hash(self.plan, memory))

        with ThreadPoolExecutor(len(lanes)) as pool:
            for future in [pool.submit(work, lane) for lane in range(len(lanes))]:
                future.result()
        return [result for result in results if result is not None]

    def _advance(
        self, program: Any, memory: Memory, step: int, stop: int, recording: Recording, progress: Progress
    ) -> None:
        while step < stop:
            goal = min(step + self.chunk, stop, recording.next_visit(step))
            reached = program.advance(step, goal)
            memory["pause"][0] = 0
            recording.visit(reached)
            progress(reached - step)
            step = reached


def spike_hash(plan: Plan, memory: Memory) -> str:
    """BLAKE2b of every population's name and running spike signature."""
    digest = hashlib.blake2b(digest_size=16)
    for name in sorted(plan.signatures):
        digest.update(name.encode() + int(memory[plan.signatures[name]][0]).to_bytes(8, "little"))
    return digest.hexdigest()
