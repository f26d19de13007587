"""A list of calls on a device.

Everything stays there, and Python looks in between chunks of steps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...errors import UnsupportedError
from ..backend import Call, Clockwork
from ..reference.inputs import GROUP
from .binding import clock, jobs, uses
from .device import Buffer, Device, Launch
from .devices import present
from .kernels import Kernel
from .mirror import Mirror, Use
from .order import Job, Touches, largest, together, waits
from .refractory import listed, spelled
from .work import Work, works


class Program:
    """Calls made ready for a device; see `kernels/backend.py` for the meaning of the arguments.

    All arrays of the calls are copied to the device here. `advance` brings back the state and the
    filled rows of probes' buffers; it also notices that Python emptied the buffers between chunks.
    Whoever changes other arrays calls `upload`; `collect` brings back the rest.

    `threads` means nothing here: a device has its own. The launches of a period of steps are
    prepared once, as a CUDA graph on a card. A period is a multiple of every call's `every`, and a
    graph begins at a multiple of the period; its steps outside [step, stop) do nothing.
    """

    def __init__(
        self,
        calls: Sequence[Call],
        clockwork: Clockwork,
        precision: str,
        threads: int = 1,
        device: Device | None = None,
    ) -> None:
        self._device = present() if device is None else device
        for call in calls:
            if not isinstance(call.kernel, Kernel):
                raise UnsupportedError(
                    f"backend 'gpu' has no kernel {call.kernel.__name__!r}, a function of your own; choose 'cpu' or "
                    "'reference'"
                )
        self._works = works(calls)
        _refuse_lists(self._works)
        self._words = np.zeros(3, np.int64)  # see `Clock` in launch.cuh
        arrays = [entry for work in self._works for entry in uses(work)]
        self._mirror = Mirror(self._device, [*arrays, (self._words, Use.WRITTEN)])
        self._buffers = [work.arguments for work in self._works if "rows" in work.arguments]
        self._control = [self._words, *(arguments["rows"] for arguments in self._buffers)]
        self._state = clockwork.state
        self._tables: list[Buffer] = []  # arguments of launches
        self._period = max([self._device.steps, *(call.every for call in calls)])
        self._replay = self._device.prepare(self._sequence(precision), precision)
        self.upload()

    def advance(self, step: int, stop: int) -> int:
        """Run from `step` up to `stop`, or until a buffer is full.

        Returns the first step not run.
        """
        if step >= stop:
            return step
        begin = step - step % self._period
        self._words[:] = begin, step, stop
        for array in self._control:
            self._device.upload(self._mirror.address(array), array)
        self._replay(-(-(stop - begin) // self._period))
        for array in (self._words, self._state):
            self._mirror.download(array)
        for arguments in self._buffers:
            self._fill(arguments)
        return int(self._words[2])

    def collect(self) -> None:
        """Bring all arrays up to date: histories, weights, whatever kernels wrote.

        What came back from the buffers of probes stays as it is, since somebody may have emptied
        them.
        """
        filled = [arguments["rows"].copy() for arguments in self._buffers]
        self._mirror.download()
        for arguments, rows in zip(self._buffers, filled, strict=True):
            arguments["rows"][:] = rows
        for work in self._works:
            if work.lists:
                listed(work.arguments["held"], work.lists)
            if "earliest" in work.arguments:  # of no use to the device
                due = work.arguments["due"]
                work.arguments["earliest"][:] = np.minimum.reduceat(
                    due, np.arange(0, due.size, GROUP)
                )

    def halt(self) -> None:
        """Wait for the device: what it copies comes in order, so the last is there when this is."""
        self._mirror.download(self._words)

    def upload(self) -> None:
        """Take over all arrays as they are now."""
        for work in self._works:
            if work.lists:
                work.arguments["held"][:] = spelled(work.lists)
        self._mirror.upload()

    def _fill(self, arguments: Mapping[str, Any]) -> None:
        """Bring back the filled rows of a probe's buffer."""
        rows = arguments["rows"]
        self._device.download(self._mirror.address(rows), rows)
        for name in ("row_steps", "row_ids", "samples"):
            if name in arguments:
                column = arguments[name]
                self._device.download(self._mirror.address(column), column[: int(rows[0])])

    def _sequence(self, precision: str) -> list[Launch]:
        """The launches of a period.

        Those of a step wait for the step before, the clock's launch for the last step.
        """
        each = [
            (work.every, jobs(work, self._mirror, self._device, precision)) for work in self._works
        ]
        tick = Work(("tick",), {"period": self._period}, self._period)
        last = self._launches(jobs(tick, self._mirror, self._device, precision))
        sequence: list[Launch] = []
        # steps in which the same calls are due are alike
        found: dict[tuple[bool, ...], list[Launch]] = {}
        ends: list[int] = []
        for offset in range(self._period):
            due = tuple(offset % every == 0 for every, _ in each)
            if due not in found:
                found[due] = self._launches(
                    [job for now, (_, own) in zip(due, each, strict=True) if now for job in own]
                )
            ends = self._append(sequence, found[due], offset, ends)
        self._append(sequence, last, 0, ends)
        return sequence

    def _append(
        self, sequence: list[Launch], step: Sequence[Launch], offset: int, ends: list[int]
    ) -> list[int]:
        """Add a step's launches, which wait for those at `ends`.

        Returns the places of those that nobody waits for.
        """
        begin, now = len(sequence), clock(self._mirror.address(self._words), offset)
        for launch in step:
            after = tuple(begin + place for place in launch.after) or tuple(ends)
            sequence.append(launch._replace(arguments=(now, *launch.arguments), after=after))
        awaited = {place for launch in step for place in launch.after}
        return [begin + place for place in range(len(step)) if place not in awaited] or ends

    def _launches(self, step: Sequence[Job]) -> list[Launch]:
        """The launches of one step but for the clock."""
        groups = together(step)
        after = waits([Touches.joined([job.touches for job in group]) for group in groups])
        return [
            self._launch(group, tuple(places)) for group, places in zip(groups, after, strict=True)
        ]

    def _launch(self, group: Sequence[Job], after: tuple[int, ...]) -> Launch:
        """One launch for jobs of one kernel, whose arguments go to the device here."""
        table = np.stack([job.arguments for job in group])
        self._tables.append(self._device.allocate(table.nbytes))
        self._device.upload(self._tables[-1].address, table)
        grid = (*largest([job.grid for job in group]), len(group))
        address = np.array(self._tables[-1].address, np.uint64)
        return Launch(
            group[0].kernel, grid, largest([job.block for job in group]), (address,), after
        )


def _refuse_lists(parts: Sequence[Work]) -> None:
    """Raise UnsupportedError if a probe looks at a list of refractory units.

    There is none on a device.
    """
    lists = {array.ctypes.data for part in parts for pair in part.lists for array in pair}
    for part in parts:
        variable = part.arguments.get("variable")
        if variable is not None and variable.ctypes.data in lists:
            raise UnsupportedError(
                "backend 'gpu' keeps no list of refractory units, so no probe can record it; choose 'cpu'"
            )
