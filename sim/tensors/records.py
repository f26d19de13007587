"""What probes see of a span on tensors."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...kernels.torch.send import send_step
from ..description.parts import Population
from ..operators.signals import Memory
from ..plan.probes import COUNTED, Recorder, recorded
from .course import Course

if TYPE_CHECKING:
    from ..plan.plan import Plan

Columns = list[NDArray[Any]]


@dataclass(frozen=True)
class TensorRecorder(Recorder):
    """The records of one probe, which stand in the records of a memory."""

    taken: MutableMapping[Memory, Records] = field(default_factory=dict)

    @classmethod
    def of(cls, recorder: Recorder, taken: MutableMapping[Memory, Records]) -> TensorRecorder:
        own = {one.name: getattr(recorder, one.name) for one in fields(Recorder)}
        return cls(**own, taken=taken)

    def drain(self, memory: Memory) -> Columns:
        """What came together since the last time, column by column."""
        if self.rows is None:
            return []
        empty = [
            np.zeros((0, *memory[column].shape[1:]), memory[column].dtype)
            for column in self.columns
        ]
        if self.ids is not None and self.probe.what != "spikes":
            empty = [np.zeros((0, 1 if self.pooled else self.ids.size), empty[0].dtype)]
        kept = self.taken[memory].kept if memory in self.taken else {}
        parts = [empty, *kept.pop(self.probe.name, [])]
        return [np.concatenate([part[k] for part in parts]) for k in range(len(empty))]


class Records:
    """What the probes of a plan saw of one memory, until it is drained."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.graded = {one.name for one in plan.network.populations if one.model.sends is not None}
        self.kept: dict[str, list[Columns]] = {}

    def take(self, course: Course, memory: Memory, start: int, sample: int = 0) -> None:
        """Enter one sample of a span that began at step `start`; also into the spike hash."""
        for name, signal in self.plan.signatures.items():
            sent = course.sent[name][:, sample].detach()
            spikes = sent.numpy()[: 0 if name in self.graded else None]
            steps, units = np.nonzero(spikes)
            if units.size:
                send_step(
                    (steps + start).astype(np.uint64), units.astype(np.uint64), memory[signal]
                )
            for recorder in self.plan.recorders:
                probe = recorder.probe
                if isinstance(probe.target, Population) and probe.target.name == name:
                    own = (steps, units)
                    self._see(recorder, own, course, memory, start, sample)

    def _see(
        self,
        recorder: Recorder,
        spikes: tuple[NDArray[Any], NDArray[Any]],
        course: Course,
        memory: Memory,
        start: int,
        sample: int,
    ) -> None:
        """Keep what one probe of a population sees."""
        probe, (steps, units) = recorder.probe, spikes
        if probe.what == "spikes":
            wanted = slice(None) if recorder.ids is None else np.isin(units, recorder.ids)
            columns = [steps[wanted] + start, units[wanted].astype(np.uint32)]
        elif probe.what in COUNTED:
            length = len(course.sent[probe.target.name])
            columns = [self._counts(recorder, spikes, memory, start, length)]
        else:
            rows = course.seen[probe.target.name, probe.what][:, sample].detach().numpy()
            first = -(start + 1) % recorder.every
            subset = recorded(probe, rows.shape[1])
            columns = [rows[first :: recorder.every][:, subset]]
        self.kept.setdefault(probe.name, []).append(columns)

    def _counts(
        self,
        recorder: Recorder,
        spikes: tuple[NDArray[Any], NDArray[Any]],
        memory: Memory,
        start: int,
        length: int,
    ) -> NDArray[Any]:
        """Spikes counted between samples; what comes after the last sample stays in memory."""
        (steps, units), every, probe = spikes, recorder.every, recorder.probe
        whole = f"{probe.name}.total" in memory.views
        tally = memory[f"{probe.name}.{'total' if whole else 'tally'}"]
        windows = (steps + start) // every - start // every
        counts = np.zeros(((start + length) // every - start // every + 1, tally.size), tally.dtype)
        np.add.at(counts, (windows, np.zeros_like(units) if whole else units), 1)
        counts[0] += tally
        tally[...] = counts[-1]
        counts = counts[:-1]
        if recorder.ids is None:
            return counts
        counts = counts[:, recorder.ids]
        return counts.sum(axis=1, keepdims=True, dtype=np.int64) if recorder.pooled else counts
