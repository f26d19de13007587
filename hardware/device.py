"""The port for resistive memory cells."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..kernels.cpu import device as kernels
from ..sim import validation as check

Conductances = NDArray[np.float64]


class Device(ABC):
    """One resistive memory cell: what writing, pulses and reading do to its conductance [S].

    A device is a frozen, keyword-only dataclass with these fields or properties:

    1. `graded`: whether writing reaches any conductance in [g_min, g_max], or only `full`;
    2. `full` and `rest` [S]: what a weight of full magnitude aims at, and what its partner in the pair holds;
    3. `write` turns targets into conductances, with all that goes wrong on the way;
    4. `read_noise`: standard deviation of one reading, relative to the conductance; a device whose readings
       scatter by another law says so by `read_error`, and draws them by `read`;
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
        """The conductances (n,) [S] after writing `targets` (n,) [S]; the same for the same key."""

    def aged(self, conductances: Conductances, seconds: float, key: int) -> Conductances:
        """The conductances (n,) [S] `seconds` after they were written; the same for the same key. Here: as they are."""
        check.within(self, "seconds", seconds, least=0.0, unit="s")
        return np.array(conductances, np.float64)

    def read_error(self, conductances: Conductances, seconds: float = 0.0) -> Conductances:
        """The standard deviation (n,) [S] of one reading of each cell, `seconds` after it was written."""
        check.within(self, "seconds", seconds, least=0.0, unit="s")
        return self.read_noise * np.asarray(conductances, np.float64)

    def read(self, conductances: Conductances, key: int, seconds: float = 0.0) -> Conductances:
        """One noisy reading (n,) [S] of each cell, `seconds` after it was written; the same for the same key."""
        readings = np.array(conductances, np.float64)
        kernels.read(np.uint64(key), self.read_error(conductances, seconds), readings)
        return readings

    def pulse_constants(self) -> dict[str, Any]:
        """The arguments of `pulse_step` that describe the device."""
        names = ("g_min", "g_max", "levels", "nonlinearity_up", "nonlinearity_down", "cycle_noise")
        return {name: getattr(self, name) for name in names}


def check_response(device: Device) -> None:
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
