"""What time does to a conductance after it was written."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from ...kernels.cpu import distributions
from ...sim import validation as check
from ...sim.seed import check_key, stream_key
from .laws import Law, Polynomial, check_law

Conductances = NDArray[np.float64]


class Ageing(ABC):
    """A change with time that every cell goes through in its own way."""

    @abstractmethod
    def aged(self, conductances: Conductances, seconds: float, key: int) -> Conductances:
        """The conductances (n,) [S] `seconds` after writing left `conductances`.

        They are the same for the same key. `key` stands for what is particular to each cell, so a
        cell seen at two times has aged further.
        """

    def _normal(self, n: int, key: int) -> NDArray[np.float64]:
        """A standard normal number (n,) for each cell that `key` stands for, of this law's own."""
        values = np.empty(n)
        own = np.uint64(stream_key(key, type(self).__name__))
        distributions.draw_normal(own, 0.0, 1.0, -math.inf, math.inf, values)
        return values


@final
@dataclass(frozen=True, kw_only=True)
class PowerDrift(Ageing):
    """Drift by a power of time: g (t / t0)**-nu from t0 on.

    nu = |mean(x) + sd(x) z|, z standard normal for each cell, x = g / unit.

    The structural relaxation of phase-change memory: Le Gallo et al. (2018),
    doi:10.1002/aelm.201700627.
    """

    t0: float  # of the first reading after writing [s]
    unit: float  # [S]
    mean: Law
    sd: Law

    def __post_init__(self) -> None:
        check.keep(self, "t0", check.within, above=0.0, unit="s")
        check.keep(self, "unit", check.within, above=0.0, unit="S")
        check_law(self, "mean")
        check_law(self, "sd")

    def aged(self, conductances: Conductances, seconds: float, key: int) -> Conductances:
        conductances, seconds, key = check_cells(self, conductances, seconds, key)
        if seconds <= self.t0:
            return conductances
        drifted: Conductances = conductances * np.exp(
            -math.log(seconds / self.t0) * self.exponents(conductances, key)
        )
        return drifted

    def exponents(self, conductances: Conductances, key: int) -> NDArray[np.float64]:
        """nu (n,) of each cell."""
        conductances, _, key = check_cells(self, conductances, 0.0, key)
        x = conductances / self.unit
        return np.abs(self.mean(x) + np.maximum(self.sd(x), 0.0) * self._normal(x.size, key))


@final
@dataclass(frozen=True, kw_only=True)
class LogarithmicRelaxation(Ageing):
    """Relaxation with the logarithm of time, after t0.

    A cell becomes g + shift ln(t / t0) + (sd + sd_growth ln(t / t0)) z, z standard normal for each
    cell, at least 0. A cell that conducts nothing has no filament that could relax, and stays as it
    is.
    """

    t0: float  # [s]
    shift: float  # [S]
    sd: float  # [S]
    sd_growth: float  # [S]

    def __post_init__(self) -> None:
        check.keep(self, "t0", check.within, above=0.0, unit="s")
        check.keep(self, "shift", check.real, unit="S")
        check.keep(self, "sd", check.within, least=0.0, unit="S")
        check.keep(self, "sd_growth", check.within, least=0.0, unit="S")

    def aged(self, conductances: Conductances, seconds: float, key: int) -> Conductances:
        conductances, seconds, key = check_cells(self, conductances, seconds, key)
        if seconds <= self.t0:
            return conductances
        age = math.log(seconds / self.t0)
        z = self._normal(conductances.size, key)
        moved = np.maximum(
            conductances + self.shift * age + (self.sd + self.sd_growth * age) * z, 0.0
        )
        return np.where(conductances > 0, moved, 0.0)


@final
@dataclass(frozen=True, kw_only=True)
class Widening(Ageing):
    """The error of writing, measured again at later times.

    sds[k](x) [S] at times[k] [s], x = g / unit. A cell moves by sqrt(sd(t)**2 - sd(t0)**2) z, z
    standard normal for each cell, where that is real; variances between two times lie on a line
    over ln t and stay what they are after the last. Conductances stay >= 0.
    """

    times: tuple[float, ...]  # [s], ascending; the first is t0, at which `write` left the cells
    unit: float  # [S]
    sds: tuple[Polynomial, ...]  # [S]

    def __post_init__(self) -> None:
        times = check.finite_array(self, "times", self.times, ndim=1, unit="s")
        if times.size < 2 or times[0] <= 0 or (np.diff(times) <= 0).any():
            raise check.fail(
                self, "times", "must be two or more times > 0 s, ascending", self.times
            )
        object.__setattr__(self, "times", tuple(times.tolist()))
        listed = isinstance(self.sds, (tuple, list)) and all(
            isinstance(law, Polynomial) for law in self.sds
        )
        if not listed or len(self.sds) != times.size:
            raise check.fail(
                self,
                "sds",
                f"must be one law for each of {times.size} times, a tuple of Polynomials",
                self.sds,
            )
        object.__setattr__(self, "sds", tuple(self.sds))
        check.keep(self, "unit", check.within, above=0.0, unit="S")

    def aged(self, conductances: Conductances, seconds: float, key: int) -> Conductances:
        conductances, seconds, key = check_cells(self, conductances, seconds, key)
        if seconds <= self.times[0]:
            return conductances
        x, age = conductances / self.unit, math.log(min(seconds, self.times[-1]))
        marks = np.log(self.times)
        k = min(int(np.searchsorted(marks, age, side="right")), marks.size - 1)
        share = (age - marks[k - 1]) / (marks[k] - marks[k - 1])
        square = {j: np.maximum(self.sds[j](x), 0.0) ** 2 for j in {0, k - 1, k}}
        more = np.sqrt(np.maximum((1 - share) * square[k - 1] + share * square[k] - square[0], 0.0))
        moved: Conductances = np.maximum(conductances + more * self._normal(x.size, key), 0.0)
        return moved


def check_cells(
    owner: object, conductances: object, seconds: object, key: object
) -> tuple[Conductances, float, int]:
    """Conductances (n,) [S] of an array of their own, a time [s] and the key of the cells."""
    cells = check.finite_array(owner, "conductances", conductances, ndim=1, unit="S")
    return (
        cells,
        check.within(owner, "seconds", seconds, least=0.0, unit="s"),
        check_key(owner, key),
    )
