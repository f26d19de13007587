"""What drives a population from outside: spikes into a receptor, or currents into the drive."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import validation as check


@final
@dataclass(frozen=True, kw_only=False, eq=False)
class SpikeTrain:
    """Spikes at given times: spike k reaches unit ``ids[k]`` at ``times[k]`` with weight ``weight``.

    times (n_spikes,) [s], any order, >= 0; ids (n_spikes,) unit indices, >= 0; weight in the
    receptor's unit, one number or (n_spikes,). Stored sorted by time, then by id.
    """

    times: ArrayLike = field(default=())
    ids: ArrayLike = field(default=())
    weight: float | NDArray[np.float64] = 1.0

    def __post_init__(self) -> None:
        times = check.finite_array(self, "times", self.times, ndim=1, least=0.0, unit="s")
        ids = check.index_array(self, "ids", self.ids)
        if ids.shape != times.shape:
            raise check.fail(self, "ids", f"must be as many as times ({times.size})", ids.shape)
        order = np.lexsort((ids, times))
        object.__setattr__(self, "times", times[order])
        object.__setattr__(self, "ids", ids[order])
        if np.ndim(self.weight):
            weight = check.finite_array(self, "weight", self.weight, ndim=1)
            if weight.shape != times.shape:
                raise check.fail(self, "weight", f"must be one number or as many as times ({times.size})", weight.shape)
            object.__setattr__(self, "weight", weight[order])
        else:
            object.__setattr__(self, "weight", check.real(self, "weight", self.weight))
