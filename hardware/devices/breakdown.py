"""Cells that are formed at random by dielectric breakdown."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Final, final

import numpy as np

from ...kernels.cpu import device as kernels
from ...sim import validation as check
from ...sim.seed import check_key
from .device import Conductances, Device, check_cell, check_targets

SURE: Final = 6.0  # beyond so many standard deviations every cell, or none, breaks down
FEWEST: Final = 0.1  # broken cells to be expected at least, so that a projection conducts at all


@final
@dataclass(frozen=True, kw_only=True)
class BreakdownReRAM(Device):
    """TaOx cells formed at random.

    A pulse of `forming_voltage` breaks some down, the others stay insulating.

    P(broken) = Phi((forming_voltage - breakdown_mean) / breakdown_sd), and a broken cell conducts
    median * exp(sigma * z), z standard normal. Fitted to the arrays published with Wang et al.
    (2023), "Echo state graph neural networks with analogue random resistive memory arrays",
    doi:10.1038/s42256-023-00609-5: 400 breakdown voltages between 3.14 and 3.70 V, a share of 0.507
    zeros in 50 x 50 cells, 1232 broken cells (the lognormal law passes a Kolmogorov-Smirnov test, p
    = 0.49), read noise 2 %. Pristine cells measure about 10 Mohm, 0.1 uS; the published tables hold
    exact zeros for them, so `g_pristine` is 0. (A caption there calls cells below 20 kohm broken,
    while those of the tables have 53 to 132 kohm; the tables count here.)

    Nobody has published pulses on these cells. g_min to cycle_noise are ASSUMPTIONS, taken from
    another TaOx/HfOx cell (128 levels, window 10, nonlinearity labels 0.04 / -0.63, 3.7 % per
    cycle: table I of Chowdhury et al. 2024, doi:10.1109/ICONS62911.2024.00058) around the median
    above.
    """

    forming_voltage: float = 3.431  # [V]
    breakdown_mean: float = 3.433  # [V]
    breakdown_sd: float = 0.114  # [V]
    median: float = 12.21e-6  # [S]
    sigma: float = 0.149  # of the logarithm
    g_pristine: float = 0.0  # [S]
    read_noise: float = 0.02  # relative to the conductance
    g_min: float = 2.5e-6  # [S], an assumption
    g_max: float = 25e-6  # [S], an assumption
    levels: int = 128  # an assumption
    nonlinearity_up: float = 0.0317  # an assumption
    nonlinearity_down: float = 0.5007  # an assumption
    cycle_noise: float = 0.037  # relative to g_max - g_min, an assumption

    graded: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check.keep(self, "breakdown_mean", check.within, above=0.0, unit="V")
        check.keep(self, "breakdown_sd", check.within, above=0.0, unit="V")
        reach = SURE * self.breakdown_sd
        low, high = max(self.breakdown_mean - reach, 0.0), self.breakdown_mean + reach
        voltage = check.keep(self, "forming_voltage", check.within, above=0.0, unit="V")
        if not low <= voltage <= high:
            every = "every" if voltage > high else "no"
            rule = f"must be within {low:.4g} to {high:.4g} V, outside of which {every} cell breaks down"
            raise check.fail(self, "forming_voltage", rule, self.forming_voltage)
        check.keep(self, "median", check.within, above=0.0, unit="S")
        check.keep(self, "sigma", check.within, least=0.0, most=2.0)
        check_cell(self)
        check.keep(
            self,
            "g_pristine",
            check.within,
            least=0.0,
            below=min(self.g_min, self.median),
            unit="S",
        )

    @property
    def full(self) -> float:
        return self.median

    @property
    def rest(self) -> float:
        return self.g_pristine

    @property
    def broken_share(self) -> float:
        """P(broken) at the forming voltage."""
        return 0.5 * math.erfc(
            (self.breakdown_mean - self.forming_voltage) / (self.breakdown_sd * math.sqrt(2.0))
        )

    def write(self, targets: Conductances, key: int, cycle: int = 0) -> Conductances:
        """One forming pulse to every cell whose target lies above `g_pristine`.

        It comes once for all, whatever the cycle.
        """
        key, cycle = check_key(self, key), check.whole(self, "cycle", cycle, most=2**31)
        conductances = check_targets(self, targets, cycle)
        chosen = conductances > self.g_pristine
        count = int(np.count_nonzero(chosen))
        if count and count * self.broken_share < FEWEST:
            rule = f"too low for {count} cells, of which none breaks down (mean {self.breakdown_mean:g} V)"
            raise check.fail(self, "forming_voltage", rule, self.forming_voltage)
        formed = np.full(count, float(self.g_pristine))
        kernels.form(
            np.uint64(key), self.broken_share, float(self.median), float(self.sigma), formed
        )
        if count == conductances.size:
            conductances = formed
        else:
            conductances.fill(self.g_pristine)
            conductances[chosen] = formed
        self.stick(conductances, key)
        return conductances
