"""The port for resistive memory cells, and two of them."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Final, final

import numpy as np
from numpy.typing import NDArray

from ..kernels.cpu import device as kernels
from ..kernels.cpu.distributions import draw_normal
from ..sim import validation as check

Conductances = NDArray[np.float64]

SURE: Final = 6.0  # beyond so many standard deviations every cell, or none, breaks down
FEWEST: Final = 0.1  # broken cells to be expected at least, so that a projection conducts at all


class Device(ABC):
    """One resistive memory cell: what writing, pulses and reading do to its conductance [S].

    A device is a frozen, keyword-only dataclass with these fields or properties:

    1. `graded`: whether writing reaches any conductance in [g_min, g_max], or only `full`;
    2. `full` and `rest` [S]: what a weight of full magnitude aims at, and what its partner in the pair holds;
    3. `write` turns targets into conductances, with all that goes wrong on the way;
    4. `read_noise`: standard deviation of one reading, relative to the conductance;
    5. for learning: `levels` pulses lead from g_min to g_max and back, in steps shaped by `nonlinearity_up`
       and `nonlinearity_down`, with `cycle_noise` per pulse, relative to g_max - g_min. A device below g_min
       does not respond. The law is in `kernels/reference/pulses.py`.
    """

    graded: ClassVar[bool]
    g_min: float
    g_max: float
    levels: int
    nonlinearity_up: float
    nonlinearity_down: float
    cycle_noise: float
    read_noise: float

    @property
    @abstractmethod
    def full(self) -> float: ...

    @property
    @abstractmethod
    def rest(self) -> float: ...

    @abstractmethod
    def write(self, targets: Conductances, key: int) -> Conductances:
        """The conductances (n,) [S] after writing `targets` (n,) [S]; a key stands for an array of cells."""

    def aged(self, conductances: Conductances, seconds: float, key: int) -> Conductances:
        """What became of `conductances` (n,) [S] `seconds` after they were written; here the same."""
        return conductances

    def read_error(self, conductances: Conductances, seconds: float = 0.0, *, cells: int = 0) -> Conductances:
        """Standard deviation of one reading of each cell [S], `seconds` after writing with the key `cells`."""
        return self.read_noise * conductances

    def read(self, conductances: Conductances, key: int, seconds: float = 0.0, *, cells: int = 0) -> Conductances:
        """One noisy reading of each cell (n,) [S]; the same for the same key."""
        noise = np.empty(conductances.size)
        draw_normal(np.uint64(key), 0.0, 1.0, -np.inf, np.inf, noise)
        return conductances + self.read_error(conductances, seconds, cells=cells) * noise

    def pulse_constants(self) -> dict[str, Any]:
        """The arguments of `pulse_step` that describe the device."""
        names = ("g_min", "g_max", "levels", "nonlinearity_up", "nonlinearity_down", "cycle_noise")
        return {name: getattr(self, name) for name in names}


@final
@dataclass(frozen=True, kw_only=True)
class BreakdownReRAM(Device):
    """TaOx cells formed at random: a pulse of `forming_voltage` breaks some down, the others stay insulating.

    P(broken) = Phi((forming_voltage - breakdown_mean) / breakdown_sd), and a broken cell conducts median *
    exp(sigma * z), z standard normal. Fitted to the arrays published with Wang et al. (2023), "Echo state
    graph neural networks with analogue random resistive memory arrays", doi:10.1038/s42256-023-00609-5: 400
    breakdown voltages between 3.14 and 3.70 V, a share of 0.507 zeros in 50 x 50 cells, 1232 broken cells
    (the lognormal law passes a Kolmogorov-Smirnov test, p = 0.49), read noise 2 %. Pristine cells measure
    about 10 Mohm, 0.1 uS; the published tables hold exact zeros for them, so `g_pristine` is 0.

    Nobody has published pulses on these cells. g_min to cycle_noise are ASSUMPTIONS, taken from another
    TaOx/HfOx cell (128 levels, window 10, nonlinearity labels 0.04 / -0.63, 3.7 % per cycle: table I of
    Chowdhury et al. 2024, doi:10.1109/ICONS62911.2024.00058) around the median above.
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
        check.within(self, "breakdown_mean", self.breakdown_mean, above=0.0, unit="V")
        check.within(self, "breakdown_sd", self.breakdown_sd, above=0.0, unit="V")
        reach = SURE * self.breakdown_sd
        low, high = max(self.breakdown_mean - reach, 0.0), self.breakdown_mean + reach
        voltage = check.within(self, "forming_voltage", self.forming_voltage, above=0.0, unit="V")
        if not low <= voltage <= high:
            every = "every" if voltage > high else "no"
            rule = f"must be within {low:.4g} to {high:.4g} V, outside of which {every} cell breaks down"
            raise check.fail(self, "forming_voltage", rule, self.forming_voltage)
        check.within(self, "median", self.median, above=0.0, unit="S")
        check.within(self, "sigma", self.sigma, least=0.0, most=2.0)
        _check_response(self)
        check.within(self, "g_pristine", self.g_pristine, least=0.0, below=min(self.g_min, self.median), unit="S")

    @property
    def full(self) -> float:
        return self.median

    @property
    def rest(self) -> float:
        return self.g_pristine

    @property
    def broken_share(self) -> float:
        """P(broken) at the forming voltage."""
        return 0.5 * math.erfc((self.breakdown_mean - self.forming_voltage) / (self.breakdown_sd * math.sqrt(2.0)))

    def write(self, targets: Conductances, key: int) -> Conductances:
        """One forming pulse to every cell whose target lies above `g_pristine`."""
        conductances = np.full(targets.size, self.g_pristine)
        chosen = np.flatnonzero(targets > self.g_pristine)
        if chosen.size and chosen.size * self.broken_share < FEWEST:
            rule = f"too low for {chosen.size} cells, of which none breaks down (mean {self.breakdown_mean:g} V)"
            raise check.fail(self, "forming_voltage", rule, self.forming_voltage)
        formed = conductances[chosen]
        kernels.form(np.uint64(key), self.broken_share, float(self.median), float(self.sigma), formed)
        conductances[chosen] = formed
        return conductances


@final
@dataclass(frozen=True, kw_only=True)
class PulsedReRAM(Device):
    """A cell that takes any conductance in [g_min, g_max] and learns by bounded, nonlinear pulses.

    n pulses up move x = (g - g_min) / (g_max - g_min) to x + (1 - s x)(1 - exp(-nu n / levels)) / s, s = 1 -
    exp(-nu); pulses down do the same to 1 - x; each adds a normal error of cycle_noise * sqrt(n) (Chen, Peng
    and Yu 2018, doi:10.1109/TCAD.2018.2789723; nu is their P_max / A). The defaults are those of the
    epitaxial SiGe cell (64 levels, window 50.2, nonlinearity labels 0.5 / -0.5, that is nu = 0.397, 2 % per
    cycle: Choi et al. 2018, doi:10.1038/s41563-017-0001-5, in table I of Chowdhury et al. 2024,
    doi:10.1109/ICONS62911.2024.00058); that g_max is 12.55 uS and that reading and writing are free of error
    are assumptions.
    """

    g_min: float = 0.25e-6  # [S]
    g_max: float = 12.55e-6  # [S]
    levels: int = 64
    nonlinearity_up: float = 0.397
    nonlinearity_down: float = 0.397
    cycle_noise: float = 0.02  # relative to g_max - g_min
    write_error: float = 0.0  # relative to g_max - g_min
    read_noise: float = 0.0  # relative to the conductance

    graded: ClassVar[bool] = True

    def __post_init__(self) -> None:
        _check_response(self)
        check.within(self, "write_error", self.write_error, least=0.0, most=1.0)

    @property
    def full(self) -> float:
        return self.g_max

    @property
    def rest(self) -> float:
        return self.g_min

    def write(self, targets: Conductances, key: int) -> Conductances:
        """Write and verify: the targets with a normal error, inside the range."""
        conductances = np.array(targets, np.float64)
        error = float(self.write_error * (self.g_max - self.g_min))
        kernels.write(np.uint64(key), error, float(self.g_min), float(self.g_max), conductances)
        return conductances


def _check_response(device: Device) -> None:
    """Refuse a range or a pulse response that no cell can have."""
    check.within(device, "g_min", device.g_min, least=0.0, unit="S")
    check.within(device, "g_max", device.g_max, above=0.0, unit="S")
    if device.g_max <= device.g_min:
        raise check.fail(device, "g_max", f"must be > g_min = {device.g_min:g} S", device.g_max)
    check.whole(device, "levels", device.levels, least=1)
    for field in ("nonlinearity_up", "nonlinearity_down"):
        check.within(device, field, getattr(device, field), least=0.0, most=50.0)
    check.within(device, "cycle_noise", device.cycle_noise, least=0.0, most=1.0)
    check.within(device, "read_noise", device.read_noise, least=0.0, most=1.0)
