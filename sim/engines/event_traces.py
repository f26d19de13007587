"""Traces on the event engine: one array for each group of spikes and decay time, whoever asks."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...kernels.cpu.event_learning import LEFT, RAISED
from ..description.rule import EventTrace

Range = tuple[int, int]


class EventTraces:
    """Where the values of traces stand, and what raises them.

    A group of spikes is the arrivals of a projection, one value for each of its segments, or the
    spikes of a population, one for each unit.
    """

    def __init__(self) -> None:
        self._places: dict[tuple[str, str], dict[tuple[float, bool], int]] = {}
        self._size = 0

    def place(self, trace: EventTrace, group: str, n: int) -> int:
        """Where the n values of a trace begin.

        group: the name of the projection or population whose spikes raise it.
        """
        own = self._places.setdefault((trace.side, group), {})
        kind = trace.tau, trace.pairs == "nearest"
        if kind not in own:
            own[kind] = self._size
            self._size += n
        return own[kind]

    @property
    def left(self) -> NDArray[Any]:
        """The values of all traces, a LEFT each, at time 0."""
        return np.zeros(self._size, LEFT)

    @property
    def raised(self) -> NDArray[Any]:
        """A RAISED for each group and kind of trace, those of a group side by side."""
        parts = [(left, *kind) for own in self._places.values() for kind, left in own.items()]
        return np.array(parts, RAISED)

    def ranges(self) -> dict[tuple[str, str], Range]:
        """The first RAISED of each side and group, and the one behind its last."""
        ends = np.cumsum([0, *(len(own) for own in self._places.values())]).tolist()
        return dict(zip(self._places, pairwise(ends), strict=True))
