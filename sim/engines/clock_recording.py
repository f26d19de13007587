"""Collecting what probes wrote on the clock engine, chunk by chunk, into a result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import NDArray

from ..description.parts import Projection
from ..operators.signals import Memory
from ..plan.plan import Plan
from ..plan.probes import Recorder, recorded
from ..results.records import Samples
from .recording import Recording

if TYPE_CHECKING:
    from ..results.sink import Sink


@final
class ClockRecording(Recording):
    """The records of one run in `memory`; times are steps."""

    def __init__(
        self, plan: Plan, memory: Memory, start: int, stop: int, sink: Sink | None = None
    ) -> None:
        super().__init__([part.probe for part in plan.recorders], plan.meta(), stop, sink)
        self.plan, self.memory = plan, memory
        self._begin(start)
        self._check_room()

    def next_visit(self, step: int) -> int:
        """The step at which weights are to be read next; far away if no probe asks for them."""
        due = [
            step + recorder.every - step % recorder.every
            for recorder in self.plan.recorders
            if recorder.rows is None
        ]
        return min(due, default=1 << 62)

    def weighs(self, step: int) -> bool:
        """Whether weights are to be read after the steps before `step`."""
        return any(
            recorder.rows is None and step % recorder.every == 0 for recorder in self.plan.recorders
        )

    def visit(self, step: int) -> None:
        """Empty all buffers after the steps before `step`; read the weights that are due."""
        for k, (recorder, chunks) in enumerate(zip(self.plan.recorders, self._chunks, strict=True)):
            if recorder.rows is not None:
                chunks.append(recorder.drain(self.memory))
                self._bytes += sum(column.nbytes for column in chunks[-1])
            elif step % recorder.every == 0:
                self._weigh(k, recorder, step)

    def seconds(self, times: Any) -> Any:
        """Steps in seconds."""
        return times * self.plan.dt

    def _begin(self, start: int) -> None:
        super()._begin(start)
        self._chunks: list[list[list[NDArray[Any]]]] = [[] for _ in self.probes]
        self._weighed: list[list[tuple[int, NDArray[np.float64]]]] = [[] for _ in self.probes]

    def _every(self, k: int) -> int:
        return self.plan.recorders[k].every

    def _kept_weights(self, k: int) -> int:
        return self._synapses(k).size

    def _signatures(self) -> dict[str, int]:
        return {name: int(self.memory[signal][0]) for name, signal in self.plan.signatures.items()}

    def _tallies(self) -> dict[str, float]:
        return {
            name: self.memory[signal].sum().item() for name, signal in self.plan.tallies.items()
        }

    def _spikes(self, k: int) -> tuple[NDArray[Any], NDArray[Any]]:
        steps, ids = self._column(k, 0, _EMPTY), self._column(k, 1, _EMPTY)
        self._chunks[k].clear()
        return steps + 1, ids

    def _values(self, k: int) -> NDArray[Any]:
        recorder = self.plan.recorders[k]
        values = self._column(
            k, 0, np.zeros((0, self._width(k)), self.memory[recorder.columns[0]].dtype)
        )
        self._chunks[k].clear()
        return values

    def _column(self, k: int, column: int, empty: NDArray[Any]) -> NDArray[Any]:
        """One column of what probe `k` has written."""
        return np.concatenate([empty, *(chunk[column] for chunk in self._chunks[k])])

    def _weigh(self, k: int, recorder: Recorder, step: int) -> None:
        projection = recorder.probe.target
        assert isinstance(projection, Projection)
        weights = self.plan.weights(projection.name, self.memory)
        if recorder.probe.ids is not None:
            weights = weights[recorded(recorder.probe, weights.size)]
        self._weighed[k].append((step, weights))
        self._bytes += weights.nbytes

    def _weights(self, k: int, stop: int) -> Samples:
        rows, ids = self._weighed[k], self._synapses(k)
        values = np.array([row for _, row in rows]).reshape(len(rows), ids.size)
        return Samples(np.array([step for step, _ in rows]) * self.plan.dt, values, ids)

    def _synapses(self, k: int) -> NDArray[np.int64]:
        """The synapses whose weights probe `k` sees."""
        probe = self.probes[k]
        return recorded(probe, self.plan.synapses[probe.target.name].n)


_EMPTY = np.zeros(0, np.uint32)
