"""Binary frames: what a liquid that runs in steps is shown, kept sparse."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from potentia.sim import SpikeTrain
from potentia.sim import validation as check


class Sample(NamedTuple):
    """One recording in frames.

    Its cells (n_active,) ascending, see `Frames`; its label; its set; who made it.
    """

    cells: NDArray[np.uint32]
    label: int
    is_test: bool
    group: int = 0


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Frames:
    """Recordings as `n_steps` binary frames of `n_units` each.

    cells (n_active,) uint32: ``step * n_units + unit`` of everything active, ascending within a
    recording; recording k is ``cells[offsets[k]:offsets[k + 1]]``, has the label ``label[k]`` <
    n_classes, belongs to the test set where ``is_test[k]``, and was made by ``group[k]`` (a
    speaker; 0 where nobody is known).
    """

    cells: NDArray[np.uint32]
    offsets: NDArray[np.int64]  # (n + 1,)
    label: NDArray[np.int64]  # (n,)
    is_test: NDArray[np.bool_]  # (n,)
    group: NDArray[np.int64]  # (n,)
    n_steps: int
    n_units: int
    n_classes: int
    source: str  # in words: which data these are

    def __len__(self) -> int:
        return len(self.label)

    def of(self, k: int) -> NDArray[np.uint32]:
        """The cells (n_active,) of recording `k`."""
        return self.cells[self.offsets[k] : self.offsets[k + 1]]

    def train(self, k: int, dt: float) -> SpikeTrain:
        """Recording `k` as spikes: what is active in frame s arrives at ``(s + 1) * dt`` [s]."""
        step, unit = np.divmod(self.of(k), np.uint32(self.n_units))
        return SpikeTrain((step + 1.0) * dt, unit.astype(np.int64))

    def counts(self, bins: int = 1) -> NDArray[np.float64]:
        """Active frames of each unit in `bins` equal parts of the time: (n, bins * n_units)."""
        check.whole("Frames", "counts bins", bins, least=1, most=self.n_steps)
        step, unit = np.divmod(self.cells.astype(np.int64), self.n_units)
        row = np.repeat(np.arange(len(self)), np.diff(self.offsets))
        place = (row * bins + step * bins // self.n_steps) * self.n_units + unit
        size = len(self) * bins * self.n_units
        return np.bincount(place, minlength=size).reshape(len(self), -1).astype(np.float64)

    def dense(self, which: ArrayLike) -> NDArray[np.float32]:
        """The recordings `which` (m,) as arrays of 0 and 1: (m, n_steps, n_units)."""
        chosen = check.index_array("Frames", "dense which", which, below=len(self))
        filled = np.zeros((chosen.size, self.n_steps * self.n_units), np.float32)
        for row, k in enumerate(chosen):
            filled[row, self.of(int(k))] = 1.0
        return filled.reshape(chosen.size, self.n_steps, self.n_units)

    def take(self, which: ArrayLike) -> Frames:
        """The recordings `which` (m,), in that order."""
        chosen = check.index_array("Frames", "take which", which, below=len(self))
        parts = [self.of(int(k)) for k in chosen]
        return replace(
            self,
            cells=np.concatenate([*parts, np.zeros(0, np.uint32)]),
            offsets=_offsets(parts),
            label=self.label[chosen],
            is_test=self.is_test[chosen],
            group=self.group[chosen],
        )

    @property
    def activity(self) -> float:
        """Share of active cells."""
        return self.cells.size / max(len(self) * self.n_steps * self.n_units, 1)


def gather(
    samples: Iterable[Sample], *, n_steps: int, n_units: int, n_classes: int, source: str
) -> Frames:
    """All `samples` in order, each cell below ``n_steps * n_units``."""
    kept = list(samples)
    cells = np.concatenate([*(sample.cells for sample in kept), np.zeros(0, np.uint32)])
    check.index_array("Frames", "cells", cells, below=n_steps * n_units)
    label = check.index_array(
        "Frames", "label", np.array([s.label for s in kept], np.int64), below=n_classes
    )
    return Frames(
        cells=cells.astype(np.uint32),
        offsets=_offsets([sample.cells for sample in kept]),
        label=label,
        is_test=np.array([sample.is_test for sample in kept], np.bool_),
        group=np.array([sample.group for sample in kept], np.int64),
        n_steps=n_steps,
        n_units=n_units,
        n_classes=n_classes,
        source=source,
    )


def active_cells(step: ArrayLike, unit: ArrayLike, *, n_units: int) -> NDArray[np.uint32]:
    """Cells of events at (step, unit), each once however many events fall into it (a binary OR)."""
    return np.unique(np.asarray(step, np.int64) * n_units + np.asarray(unit, np.int64)).astype(
        np.uint32
    )


def _offsets(parts: list[NDArray[np.uint32]]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum([len(part) for part in parts], dtype=np.int64)]).astype(
        np.int64
    )
