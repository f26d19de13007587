"""A list of calls on a device: everything stays there, and Python looks in between chunks of steps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...errors import UnsupportedError
from ..backend import Call, Clockwork
from ..reference.inputs import GROUP
from .binding import launches, uses
from .device import Device, Launch, present
from .kernels import Kernel
from .mirror import Mirror, Use
from .order import waits
from .refractory import listed, spelled
from .work import Work, works


class Program:
    """Calls made ready for a device; see `kernels/backend.py` for the meaning of the arguments.

    All arrays of the calls are copied to the device here. `advance` brings back what kernels wrote, of a probe's buffer
    the filled rows, and takes over what Python does between chunks: it empties buffers. Whoever changes other arrays
    calls `upload`.

    Lanes mean nothing here: a device has threads of its own. The launches of several steps are prepared once, as a CUDA
    graph on a card; its length is a multiple of every call's period, so a graph begins at a multiple of it, and steps
    outside [step, stop) do nothing.
    """

    def __init__(
        self, calls: Sequence[Call], clockwork: Clockwork, precision: str, lanes: int = 1, device: Device | None = None
    ) -> None:
        self._device = present() if device is None else device
        for call in calls:
            if not isinstance(call.kernel, Kernel):
                raise UnsupportedError(
                    f"backend 'gpu' has no kernel {call.kernel.__name__!r}, a function of your own; choose 'cpu' or "
                    "'reference'"
                )
        self._works = works(calls, self._device.most_threads)
        _refuse_lists(self._works)
        self._words = np.zeros(3, np.int64)  # see `Clock` in launch.cuh
        self._tick = Work(("tick",), {"clock": self._words, "pause": clockwork.pause}, 1)
        for work in self._works:
            work.arguments["clock"] = self._words
        arrays = [entry for work in [*self._works, self._tick] for entry in uses(work)]
        own = [(self._words, Use.WRITTEN), (clockwork.pause, Use.WRITTEN)]
        self._mirror = Mirror(self._device, [*arrays, *own])
        self._buffers = [work.arguments for work in self._works if "rows" in work.arguments]
        self._control = [clockwork.pause, self._words, *(arguments["rows"] for arguments in self._buffers)]
        self._period = max([self._device.steps, *(call.every for call in calls)])
        self._replay = self._device.prepare(self._sequence(precision), precision)
        self.upload()

    def advance(self, step: int, stop: int) -> int:
        """Run from `step` up to `stop`, or until a buffer is full; return the first step not run."""
        if step >= stop:
            return step
        begin = step - step % self._period
        self._words[:] = begin, step, stop
        for array in self._control:
            self._device.upload(self._mirror.address(array), array)
        self._replay(-(-(stop - begin) // self._period))
        self._download()
        return int(self._words[2])

    def upload(self) -> None:
        """Take over all arrays as they are now."""
        for work in self._works:
            if work.lists:
                work.arguments["held"][:] = spelled(work.lists)
        self._mirror.upload()

    def _download(self) -> None:
        self._mirror.download()
        for arguments in self._buffers:
            filled = int(arguments["rows"][0])
            for column in (value for name, value in arguments.items() if name in ("row_steps", "row_ids", "samples")):
                self._device.download(self._mirror.address(column), column[:filled])
        for work in self._works:
            if work.lists:
                listed(work.arguments["held"], work.lists)
            if "earliest" in work.arguments:  # of no use to the device
                due = work.arguments["due"]
                work.arguments["earliest"][:] = np.minimum.reduceat(due, np.arange(0, due.size, GROUP))

    def _sequence(self, precision: str) -> list[Launch]:
        """The launches of a period."""
        works = [*self._works, self._tick]
        each = [(work.every, launches(work, self._mirror, self._device, precision)) for work in works]
        sequence: list[Launch] = []
        found: dict[tuple[bool, ...], list[list[int]]] = {}  # steps in which the same calls are due wait alike
        for offset in range(self._period):
            due = tuple(offset % every == 0 for every, _ in each)
            step = [launch for now, (_, own) in zip(due, each, strict=True) if now for launch in own]
            if due not in found:
                found[due] = waits([touches for _, touches in step])
            begin = len(sequence)
            for (launch, _), after in zip(step, found[due], strict=True):
                places = [begin + place for place in after] or [begin - 1] * (begin > 0)
                sequence.append(launch._replace(after=tuple(places)))
        return sequence


def _refuse_lists(parts: Sequence[Work]) -> None:
    """Raise UnsupportedError if a probe looks at a list of refractory units: there is none on a device."""
    lists = {array.ctypes.data for part in parts for pair in part.lists for array in pair}
    for part in parts:
        variable = part.arguments.get("variable")
        if variable is not None and variable.ctypes.data in lists:
            raise UnsupportedError(
                "backend 'gpu' keeps no list of refractory units, so no probe can record it; choose 'cpu'"
            )
