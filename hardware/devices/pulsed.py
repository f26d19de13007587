"""Cells that learn by bounded, nonlinear pulses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from ...kernels.cpu import device as kernels
from ...sim import validation as check
from ...sim.seed import check_key, stream_key
from .device import Conductances, Device, check_cell, check_targets


@final
@dataclass(frozen=True, kw_only=True)
class PulsedReRAM(Device):
    """A cell that takes any conductance in [g_min, g_max] and learns by bounded, nonlinear pulses.

    n pulses up move x = (g - g_min) / (g_max - g_min) to x + (1 - s x)(1 - exp(-nu n / levels)) /
    s, s = 1 - exp(-nu); pulses down do the same to 1 - x; each adds a normal error of cycle_noise *
    sqrt(n) (Chen, Peng and Yu 2018, doi:10.1109/TCAD.2018.2789723; nu is their P_max / A). The
    defaults are those of the epitaxial SiGe cell (64 levels, window 50.2, nonlinearity labels 0.5 /
    -0.5, that is nu = 0.397, 2 % per cycle: Choi et al. 2018, doi:10.1038/s41563-017-0001-5, in
    table I of Chowdhury et al. 2024, doi:10.1109/ICONS62911.2024.00058); that g_max is 12.55 uS and
    that reading and writing are free of error are assumptions.
    """

    g_min: float = 0.25e-6  # [S]
    g_max: float = 12.55e-6  # [S]
    levels: int = 64
    nonlinearity_up: float = 0.397
    nonlinearity_down: float = 0.397
    cycle_noise: float = 0.02  # relative to g_max - g_min
    write_error: float = 0.0  # relative to g_max - g_min
    read_noise: float = 0.0  # relative to the conductance
    # sd of the logarithm of what writing reaches above g_min, fixed for each cell
    device_spread: float = 0.0

    graded: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_cell(self)
        check.keep(self, "write_error", check.within, least=0.0, most=1.0)
        check.keep(self, "device_spread", check.within, least=0.0, most=2.0)

    @property
    def full(self) -> float:
        return self.g_max

    @property
    def rest(self) -> float:
        return self.g_min

    def write(self, targets: Conductances, key: int, cycle: int = 0) -> Conductances:
        """Write and verify: the targets with a normal error, inside the range."""
        key, cycle = check_key(self, key), check.whole(self, "cycle", cycle, most=2**31)
        conductances = check_targets(self, targets, cycle)
        low, high, error = (
            float(self.g_min),
            float(self.g_max),
            float(self.write_error * (self.g_max - self.g_min)),
        )
        if self.device_spread:
            kernels.vary(
                np.uint64(stream_key(key, "cells")), float(self.device_spread), low, conductances
            )
        kernels.program(
            np.uint64(key), cycle, error, 0.0, 0.0, 0.0, 0.0, high, low, high, conductances
        )
        self.stick(conductances, key)
        return conductances
