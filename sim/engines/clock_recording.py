"""Collecting what probes wrote, chunk by chunk, into a result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..description.parts import Population, Projection
from ..operators.signals import Memory
from ..plan.capacity import check_samples
from ..plan.probes import Recorder, recorded
from ..results.records import Samples, Spikes
from ..results.result import Result
from ..results.sink import Sink, State

if TYPE_CHECKING:
    from ..plan.plan import Plan


class Recording:
    """The records of one run in `memory` from step `start` to step `stop`, or what of them no `sink` has taken yet."""

    def __init__(self, plan: Plan, memory: Memory, start: int, stop: int, sink: Sink | None = None) -> None:
        self.plan, self.memory, self.stop, self.sink = plan, memory, stop, sink
        if sink is None:
            check_samples(
                {
                    part.probe: (stop // part.every - start // part.every, self._width(part))
                    for part in plan.recorders
                    if part.every
                }
            )
        self._begin(start)

    @property
    def full(self) -> bool:
        """Whether the sink, if there is one, wants what has come together."""
        return self.sink is not None and self.sink.wants(self._bytes)

    def hand_over(self, step: int, spike_hash: str, state: State) -> None:
        """Give the records up to `step`, where the simulation has this state, to the sink and begin anew."""
        if self.sink is not None:
            self.sink.put(self.result(spike_hash, step), state)
            self._begin(step)

    def next_visit(self, step: int) -> int:
        """The step at which weights are to be read next; far away if no probe asks for them."""
        due = [
            step + recorder.every - step % recorder.every for recorder in self.plan.recorders if recorder.rows is None
        ]
        return min(due, default=1 << 62)

    def weighs(self, step: int) -> bool:
        """Whether weights are to be read after the steps before `step`."""
        return any(recorder.rows is None and step % recorder.every == 0 for recorder in self.plan.recorders)

    def visit(self, step: int) -> None:
        """Empty all buffers after the steps before `step`; read the weights that are due."""
        for recorder, chunks in zip(self.plan.recorders, self._chunks, strict=True):
            if recorder.rows is not None:
                chunks.append(recorder.drain(self.memory))
                self._bytes += sum(column.nbytes for column in chunks[-1])
            elif step % recorder.every == 0:
                self._weigh(recorder, step)

    def result(self, spike_hash: str, stop: int | None = None) -> Result:
        """Everything recorded up to step `stop`, the end of the run if None, in order of time, kept nowhere else."""
        dt = self.plan.dt
        stop = self.stop if stop is None else stop
        result = Result(start=self.start * dt, stop=stop * dt, hash=spike_hash, meta=self.plan.meta())
        result.tallies.update({name: total - self._tallied[name] for name, total in self._tallies().items()})
        for recorder, chunks in zip(self.plan.recorders, self._chunks, strict=True):
            probe = recorder.probe
            if recorder.rows is None:
                result.sample_records[probe.name] = self._weights(recorder)
            elif probe.what == "spikes":
                steps, ids = (
                    (np.concatenate(column) for column in zip(*chunks, strict=True)) if chunks else (_EMPTY, _EMPTY)
                )
                result.spike_records[probe.target.name] = Spikes(
                    np.asarray((steps + 1) * dt, np.float64),
                    ids.astype(np.int64),
                    _size(probe.target),
                    result.start,
                    result.stop,
                    recorder.ids,
                )
            else:
                result.sample_records[probe.name] = self._samples(recorder, chunks)
            chunks.clear()
        return result

    def _begin(self, step: int) -> None:
        self.start, self._bytes, self._tallied = step, 0, self._tallies()
        self._chunks: list[list[list[NDArray[Any]]]] = [[] for _ in self.plan.recorders]
        self._weighed: dict[str, list[tuple[int, NDArray[np.float64]]]] = {}

    def _tallies(self) -> dict[str, float]:
        return {name: self.memory[signal].sum().item() for name, signal in self.plan.tallies.items()}

    def _width(self, recorder: Recorder) -> int:
        """Numbers in a sample."""
        probe = recorder.probe
        n = probe.target.n if isinstance(probe.target, Population) else self.plan.synapses[probe.target.name].n
        return 1 if probe.what == "rate" else recorded(probe, n).size

    def _samples(self, recorder: Recorder, chunks: list[list[NDArray[Any]]]) -> Samples:
        probe, every, dt = recorder.probe, recorder.every, self.plan.dt
        assert isinstance(probe.target, Population)
        empty = np.zeros((0, self._width(recorder)), self.memory[recorder.columns[0]].dtype)
        values = np.concatenate([empty, *(chunk[0] for chunk in chunks)])
        times = np.asarray((self.start // every + 1 + np.arange(len(values))) * every * dt, np.float64)
        ids = recorded(probe, probe.target.n)
        if probe.what == "rate":
            return Samples(times, values / (ids.size * every * dt), np.zeros(1, np.int64), "Hz")
        if probe.what == "counts":
            return Samples(times, values.astype(np.int64), ids, "1")
        return Samples(times, values, ids, probe.target.model.units.get(probe.what, ""))

    def _weigh(self, recorder: Recorder, step: int) -> None:
        projection = recorder.probe.target
        assert isinstance(projection, Projection)
        weights = self.plan.weights(projection.name, self.memory)
        if recorder.probe.ids is not None:
            weights = weights[recorded(recorder.probe, weights.size)]
        self._weighed.setdefault(recorder.probe.name, []).append((step, weights))
        self._bytes += weights.nbytes

    def _weights(self, recorder: Recorder) -> Samples:
        rows = self._weighed.get(recorder.probe.name, [])
        ids = recorded(recorder.probe, self.plan.synapses[recorder.probe.target.name].n)
        values = np.array([row for _, row in rows]).reshape(len(rows), ids.size)
        return Samples(np.array([step for step, _ in rows]) * self.plan.dt, values, ids)


_EMPTY = np.zeros(0, np.int64)


def _size(target: Any) -> int:
    return int(target.n)
