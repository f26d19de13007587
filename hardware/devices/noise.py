"""Why two readings of one cell differ, besides white noise."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from ...kernels.cpu import device as kernels
from ...sim import validation as check
from ...sim.seed import check_key, stream_key
from .faults import MOST_CELLS
from .laws import Law, check_law

Conductances = NDArray[np.float64]

OLDEST: Final = 2.0**53  # time constants, beyond which a float does not tell one from the next
# of the logarithms of time constants: the spectrum is off 1/f by 0.3 % at most
APART: Final = math.log(4.0)


@final
@dataclass(frozen=True, kw_only=True)
class Flicker:
    """1/f noise, accumulated since writing.

    It is normal, sd = Q(x) g sqrt(ln((t + read_time) / (2 read_time))). x = g / unit; with
    `relative` false Q(x) is the error itself [S], not a share of g. The root is that of the power
    of a 1/f spectrum between 1 / (t + read_time) and 1 / (2 read_time); before t = read_time there
    is none. Nandakumar et al. (2019), doi:10.1109/ICECS46596.2019.8964852.

    Over time (`course`) it is a sum of parts, each correlated like exp(-lag / tau) as one kind of
    traps is, equally strong for each factor in tau (McWhorter 1957, "1/f noise and germanium
    surface properties"). Those of periods, 2 pi tau, beyond t + read_time have not come in yet.
    """

    unit: float  # [S]
    amplitude: Law
    read_time: float  # [s]
    relative: bool = True

    def __post_init__(self) -> None:
        check.keep(self, "unit", check.within, above=0.0, unit="S")
        check.keep(self, "read_time", check.within, above=0.0, unit="s")
        check_law(self, "amplitude")
        check.keep(self, "relative", check.flag)

    def error(self, conductances: Conductances, seconds: float) -> Conductances:
        """The standard deviation (n,) [S] of a reading `seconds` after writing."""
        amplitude = np.maximum(self.amplitude(conductances / self.unit), 0.0)
        return (amplitude * conductances if self.relative else amplitude) * math.sqrt(
            self._span(seconds)
        )

    def course(self, n: int, seconds: float, key: int) -> NDArray[np.float64]:
        """The error (n,) of the cells `key` stands for at one moment, in standard deviations.

        The same cells at other moments are seen on the same course, in whatever order they are
        asked for.
        """
        values, key = np.zeros(check.whole(self, "n", n, most=MOST_CELLS)), check_key(self, key)
        seconds = check.within(self, "seconds", seconds, least=0.0, unit="s")
        span = self._span(seconds)
        if span:
            parts = np.arange(math.ceil(span / APART))
            # a period is 2 pi of them
            taus = self.read_time / math.pi * np.exp((parts + 0.5) * APART)
            weights = np.sqrt(np.minimum(APART, span - parts * APART) / span)
            ages = np.minimum(seconds / taus, OLDEST)
            kernels.fluctuate(np.uint64(stream_key(key, "flicker")), weights, ages, values)
        return values

    def _span(self, seconds: float) -> float:
        """ln of the ratio of the longest to the shortest period, at least 0."""
        return max(math.log(seconds + self.read_time) - math.log(2.0 * self.read_time), 0.0)


@final
@dataclass(frozen=True, kw_only=True)
class Telegraph:
    """Random telegraph noise.

    A share of the cells has a trap, and conducts less while it holds a charge. The two levels of
    such a cell differ by a g, a lognormal(median, sigma) and at most 1; a reading finds the lower
    one with probability `occupancy`. g is their mean. Readings are taken to be further apart than
    the trap remembers. Why amplitudes are lognormal: Karpov and Niraula, "Log-normal statistics in
    filamentary RRAM devices and related systems". No preset has figures for it.
    """

    share: float
    median: float  # relative to the conductance
    sigma: float  # of the logarithm
    occupancy: float

    def __post_init__(self) -> None:
        check.keep(self, "share", check.within, least=0.0, most=1.0)
        check.keep(self, "median", check.within, above=0.0, most=1.0)
        check.keep(self, "sigma", check.within, least=0.0, most=5.0)
        check.keep(self, "occupancy", check.within, least=0.0, most=1.0)

    def amplitudes(self, n: int, key: int) -> NDArray[np.float64]:
        """a (n,) of the cells `key` stands for, 0 where there is no trap."""
        amplitudes = np.zeros(check.whole(self, "n", n, most=MOST_CELLS))
        traps = np.uint64(stream_key(check_key(self, key), "traps"))
        kernels.form(traps, float(self.share), float(self.median), float(self.sigma), amplitudes)
        return np.minimum(amplitudes, 1.0)

    def error(self, conductances: Conductances, key: int) -> Conductances:
        """The standard deviation (n,) [S] of a reading of the cells `key` stands for."""
        spread = math.sqrt(self.occupancy * (1.0 - self.occupancy))
        return self.amplitudes(conductances.size, key) * conductances * spread

    @property
    def variance(self) -> float:
        """Of a reading, relative to the squared conductance, over all cells."""
        if self.sigma:  # E min(a, 1)**2: the moment of those below 1, and all others
            end = -math.log(self.median) / self.sigma  # standard deviations up to 1
            moment = self.median**2 * math.exp(2.0 * self.sigma**2)
            square = moment * _below(end - 2.0 * self.sigma) + _below(-end)
        else:
            square = self.median**2
        return self.share * square * self.occupancy * (1.0 - self.occupancy)

    def flip(self, conductances: Conductances, key: int, reading: int) -> None:
        """Put the cells that `key` stands for on the level that a `reading` finds.

        Their conductances (n,) [S] are changed in place.
        """
        amplitudes = self.amplitudes(conductances.size, key)
        kernels.flip(
            np.uint64(stream_key(reading, "telegraph")),
            float(self.occupancy),
            amplitudes,
            conductances,
        )


def _below(z: float) -> float:
    """The share of normal numbers below `z` standard deviations."""
    return 0.5 * math.erfc(-z / math.sqrt(2.0))
