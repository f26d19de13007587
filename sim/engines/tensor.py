"""The clock engine's semantics on tensors: all samples of a batch at once, and modules to train."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from ...kernels import backend as backends
from ..description.inputs import Stimulus
from ..description.network import Network
from ..description.surrogate import Surrogate
from ..operators.signals import Memory
from ..plan.compile import compile_network
from ..progress import Progress
from ..results.result import Result
from ..tensors import memory as states
from ..tensors.course import Course, Span, State
from ..tensors.gradients import without
from ..tensors.module import NetworkModule
from ..tensors.plan import TensorPlan
from ..tensors.spans import batched, joined
from . import clock_state
from .batch_learning import ADDED, Changes
from .changes import set_population, set_projection
from .clock import ClockEngine
from .clock_recording import ClockRecording
from .engine import Arrays, Engine
from .train_request import Trained


def compile_tensors(network: Network, **how: Any) -> TensorPlan:
    """A plan of a network on tensors; how: see `compile_network`.

    Raises UnsupportedError for models, stores and rules that have no form on tensors.
    """
    return TensorPlan.of(compile_network(network, backend=backends.load(backends.TENSORS), **how))


@final
class TensorEngine(ClockEngine):
    """A clock engine that takes its steps on tensors."""

    plan: TensorPlan

    def run_batch(
        self,
        duration: float,
        stimuli: Sequence[Mapping[str, Stimulus]],
        progress: Progress,
        learn: str | None = None,
        first: int = 0,
    ) -> list[Result]:
        """Run a copy of the present state for each entry of `stimuli`; see `Engine.run_batch`.

        As many samples as there is room for run at once, none of which is changed by the others.
        """
        steps = self.steps(duration)
        at_once = self.plan.most_samples(steps) if steps else 0
        if not at_once:
            return super().run_batch(duration, stimuli, progress, learn, first)
        adds = learn in ADDED
        changes = Changes(self._learned(self.memory) if adds else {})
        results: list[Result] = []
        for low in range(0, len(stimuli), at_once):
            some = stimuli[low : low + at_once]
            for result, weights in self._run_at_once(steps, some, progress, first + low):
                if adds:
                    changes.add(len(results), weights, progress)
                results.append(result)
        if adds and learn is not None:
            self._learn(changes, learn)
        return results

    def _run_at_once(
        self,
        steps: int,
        stimuli: Sequence[Mapping[str, Stimulus]],
        progress: Progress,
        first: int,
    ) -> Iterator[tuple[Result, dict[str, NDArray[np.float64]]]]:
        """The results of samples that run at once, each with the weights that rules led to.

        first: the number of the first of them.
        """
        plan, start = self.plan, self.step
        more = ("store",) if plan.tensors.learned else ()
        memory = self.memory.replicate(more)
        present = memory.snapshot(("state", "flow", *more))
        spans = []
        for sample, given in enumerate(stimuli, first):
            memory.restore(present)
            memory["sample"][0] = sample
            plan.anew(memory, given, sample, start)
            spans.append(plan.span(plan.stimuli(memory, given), start, steps, sample))
        memory.restore(present)
        state = batched(states.read(plan, plan.tensors, memory, start), len(spans))
        courses = without(partial(self._courses, state, joined(spans)))
        for k in range(len(spans)):
            memory.restore(present)
            memory["sample"][0] = first + k
            result = self._recorded(courses, memory, start, k)
            progress(steps)
            yield result, self._learned(memory)

    def _courses(self, state: dict[str, State], span: Span) -> list[Course]:
        """The course of a span, in pieces where probes look at weights that change."""
        plan, courses, low = self.plan, list[Course](), 0
        while low < span.steps:
            high = min(span.steps, plan.next_look(span.start + low) - span.start)
            piece = span.part(low, high)
            courses.append(plan.tensors.run(state, piece, plan.wanted, exact=True))
            state, low = courses[-1].state, high
        return courses

    def _recorded(
        self, courses: Sequence[Course], memory: Memory, start: int, sample: int
    ) -> Result:
        """The result of one sample, in memory as it was when the first course began."""
        plan, ends = self.plan, [start]
        for course in courses:
            ends.append(ends[-1] + len(next(iter(course.sent.values()))))
        recording = ClockRecording(plan, memory, start, ends[-1])
        for course, step, stop in zip(courses, ends[:-1], ends[1:], strict=True):
            states.write(plan, plan.tensors, memory, course.state, stop, sample)
            clock_state.check_finite(plan, memory, stop)
            plan.records(memory).take(course, memory, step, sample)
            reached = step
            while reached < stop:
                reached = min(stop, recording.next_visit(reached))
                recording.visit(reached)
        return recording.result()

    def module(
        self, trained: Sequence[Trained], surrogates: Mapping[str, Surrogate], pieces: int | None
    ) -> NetworkModule:
        """The network in its present state for torch; see `Simulator.module`."""
        start = self._like(self.memory.replicate(("store",)), self.step)
        how, asked = (self.plan.dt, self.plan.precision), (trained, surrogates, pieces)

        def described(values: Mapping[Trained, NDArray[np.float64]]) -> Network:
            engine: Engine = start
            for (part, field), value in values.items():
                engine = _changed(engine, part, field, value)
            return engine.network

        return NetworkModule(
            self.plan,
            start.memory,
            self.step,
            trained=trained,
            surrogates=surrogates,
            pieces=pieces,
            described=described,
            again=(_again, (self.plan.network, *how, start.snapshot(), *asked)),
        )


def _again(
    network: Network,
    dt: float,
    precision: str,
    arrays: Arrays,
    trained: Sequence[Trained],
    surrogates: Mapping[str, Surrogate],
    pieces: int | None,
) -> NetworkModule:
    """A module from what `NetworkModule.__reduce__` kept of it."""
    compiled = partial(compile_tensors, dt=dt, precision=precision)
    engine = TensorEngine(compiled(network), compiled, chunk=1, threads=1)
    engine.restore(arrays)
    return engine.module(trained, surrogates, pieces)


def _changed(engine: Engine, part: str, field: str | None, value: NDArray[np.float64]) -> Engine:
    """An engine for a network in which a projection has other weights, or a model another field."""
    if field is None:
        found = next(one for one in engine.network.projections if one.name == part)
        return set_projection(engine, found, {"weights": value})
    population = next(one for one in engine.network.populations if one.name == part)
    return set_population(engine, population, {field: value if value.ndim else float(value)})
