"""Cells that are programmed and verified to any conductance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Final, final

import numpy as np

from ...kernels.cpu import device as kernels
from ...sim import validation as check
from ...sim.seed import check_key, stream_key
from .device import Conductances, Device, check_cell, check_targets
from .laws import Polynomial

# standard deviations below g_min at which a cell that was written still answers pulses
WIDE: Final = 6.0


@final
@dataclass(frozen=True, kw_only=True)
class MultilevelCell(Device):
    """A cell written to any target in [g_min, g_max], with an error.

    The error is the one that its writing was measured to leave. It is normal, of standard
    deviation programming(g / unit) [S], drawn anew in every cycle of writing; conductances stay >=
    0. With `device_spread` what a cell reaches above g_min is off by a lognormal factor that stays
    with it. `potentia.hardware.devices.presets` names the cells that have been published.

    levels to cycle_noise are ASSUMPTIONS of ideal pulses, since cells written this way were not
    measured under single ones.
    """

    g_min: float  # [S]
    g_max: float  # [S]
    programming: Polynomial  # [S]
    unit: float  # conductance at which the argument of `programming` is 1 [S]
    device_spread: float = 0.0  # sd of the logarithm
    read_noise: float = 0.0  # relative to the conductance
    levels: int = 128  # an assumption
    nonlinearity_up: float = 0.0  # an assumption
    nonlinearity_down: float = 0.0  # an assumption
    cycle_noise: float = 0.0  # relative to g_max - g_min, an assumption

    graded: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_cell(self)
        check.keep(self, "unit", check.within, above=0.0, unit="S")
        check.keep(self, "device_spread", check.within, least=0.0, most=2.0)
        if not isinstance(self.programming, Polynomial):
            raise check.fail(self, "programming", "must be a Polynomial", self.programming)

    @property
    def full(self) -> float:
        return self.g_max

    @property
    def rest(self) -> float:
        return self.g_min

    def error(self, targets: Conductances) -> Conductances:
        """The standard deviation (n,) [S] that writing `targets` (n,) [S] leaves."""
        wanted = check.finite_array(self, "targets", targets, ndim=1, unit="S")
        return np.maximum(self.programming(wanted / self.unit), 0.0)

    def write(self, targets: Conductances, key: int, cycle: int = 0) -> Conductances:
        """Program and verify: the targets with the cell's error."""
        key, cycle = check_key(self, key), check.whole(self, "cycle", cycle, most=2**31)
        conductances = check_targets(self, targets, cycle)
        if self.device_spread:
            cells = np.uint64(stream_key(key, "cells"))
            kernels.vary(cells, float(self.device_spread), float(self.g_min), conductances)
        c0, c1, c2, c3, c4 = (*self.programming.coefficients, 0.0, 0.0, 0.0, 0.0)[:5]
        unit, top = float(self.unit), math.inf
        kernels.program(np.uint64(key), cycle, c0, c1, c2, c3, c4, unit, 0.0, top, conductances)
        self.stick(conductances, key)
        return conductances

    def pulse_constants(self) -> dict[str, Any]:
        """The arguments of `pulse_step`.

        g_min makes room for cells that were written too low, which still answer.
        """
        margin = WIDE * float(self.error(np.array([self.g_min]))[0])
        return {**super().pulse_constants(), "g_min": max(self.g_min - margin, 0.0)}
