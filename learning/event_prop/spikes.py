"""The spikes of a batch as tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

from ...sim import validation as check
from ...sim.description.parts import Population, name_of
from .needs_torch import torch

OWNER: Final = "EventSpikes"


@final
@dataclass(frozen=True, eq=False, repr=False)
class EventSpikes:
    """The spikes of a batch, and the potentials observed; made by `EventProp`.

    sizes: how many units each population has; n_samples; times: of each population (n_spikes,) [s],
    differentiable, sample by sample and each in order of time; samples, units: the sample and the
    unit of each spike (n_spikes,) int64; potentials: of each population that is watched (n_samples,
    n_times, n_units) [V], differentiable.
    """

    sizes: Mapping[str, int]
    n_samples: int
    times: Mapping[str, torch.Tensor]
    samples: Mapping[str, torch.Tensor]
    units: Mapping[str, torch.Tensor]
    potentials: Mapping[str, torch.Tensor]

    def __repr__(self) -> str:
        spikes = ", ".join(f"{len(times)} of {name}" for name, times in self.times.items())
        return f"EventSpikes({self.n_samples} samples, spikes: {spikes})"

    def first(self, population: Population | str) -> torch.Tensor:
        """The time of the first spike of each unit (n_samples, n_units) [s], inf where none came."""
        return self._spread(population, 1)[..., 0]

    def all(self, population: Population | str) -> torch.Tensor:
        """The times of all spikes of each unit (n_samples, n_units, n) [s], ascending, then inf.

        n: the most that any unit fired in any sample.
        """
        counts = self.counts(population)
        return self._spread(population, int(counts.max()))

    def counts(self, population: Population | str) -> torch.Tensor:
        """How often each unit fired (n_samples, n_units) int64."""
        name = self._known("counts", population)
        shape = self.n_samples, self.sizes[name]
        return torch.from_numpy(np.bincount(self._rows(name), minlength=shape[0] * shape[1])).view(
            shape
        )

    def _known(self, field: str, population: Any) -> str:
        name = name_of(OWNER, field, population)
        return check.one_of(OWNER, field, name, list(self.sizes))

    def _rows(self, name: str) -> NDArray[np.int64]:
        """The number of the unit of each spike, counted through all samples (n_spikes,)."""
        rows = self.samples[name] * self.sizes[name] + self.units[name]
        return np.asarray(rows.numpy(), np.int64)

    def _spread(self, population: Any, most: int) -> torch.Tensor:
        """The first `most` spikes of each unit (n_samples, n_units, most), then inf."""
        name = self._known("population", population)
        rows, n = self._rows(name), self.n_samples * self.sizes[name]
        order = np.argsort(rows, kind="stable")
        begin = np.searchsorted(rows[order], np.arange(n))
        rank = np.arange(rows.size) - begin[rows[order]]
        place = np.full((n, most), rows.size)
        kept = rank < most
        place[rows[order][kept], rank[kept]] = order[kept]
        times = self.times[name]
        padded = torch.cat([times, times.new_full((1,), torch.inf)])
        return padded[torch.from_numpy(place)].view(self.n_samples, self.sizes[name], most)
