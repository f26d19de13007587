"""Leaky integrate-and-fire neurons that fire at random, at a rate that their potential sets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np

from ..sim.description.neuron import NeuronModel
from .parameters import PerUnit, keep, keep_threshold
from .propagators import coarse, decay, rests


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class EscapeLIF(NeuronModel):
    """Leaky integrate-and-fire neuron with escape noise.

    tau dv/dt = -v + R i, and it fires at random at the rate

        rho(v) = rate exp((v - threshold) / spread).

    A spike comes in a step dt with probability 1 - exp(-rho(v) dt), with the v at the end of the
    step, and sets v := reset; none comes during the refractory time. So at a constant potential it
    is a Poisson neuron (with a dead time), and as spread goes to 0 it becomes a LIF. An arriving
    spike adds its weight [V] to v. Potentials are measured from rest. v is moved exactly (Rotter
    and Diesmann 1999, doi:10.1007/s004220050570); the rate counts as constant within a step, so the
    law of the spikes is that of continuous time as dt -> 0, with an error of first order. Another
    dt draws other spikes of that law.

    Escape noise: Gerstner, Kistler, Naud and Paninski (2014), Neuronal Dynamics, section 9.1,
    doi:10.1017/CBO9781107447615; the exponential rate fitted to cells: Jolivet et al. (2006),
    doi:10.1007/s10827-006-7074-5. The defaults are round numbers.
    """

    tau: PerUnit = 20e-3  # membrane time constant [s]
    threshold: PerUnit = 15e-3  # [V], where the rate is `rate`
    rate: PerUnit = 100.0  # [Hz] of spikes at the threshold
    spread: PerUnit = 3e-3  # [V] by which v rises for e times the rate
    reset: PerUnit = 0.0  # [V]
    refractory: PerUnit = 2e-3  # [s], rounded to whole steps

    kernel: ClassVar[str] = "escape_lif_step"
    state: ClassVar[Mapping[str, str]] = {"v": "float", "resting": "uint32", "left": "int32"}
    receptors: ClassVar[tuple[str, ...]] = ("jump",)
    units: ClassVar[Mapping[str, str]] = {"v": "V"}
    exact: ClassVar[tuple[str, ...]] = ("threshold", "steepness", "expected")

    def __post_init__(self) -> None:
        keep(self, "tau", above=0.0, unit="s")
        keep(self, "rate", least=0.0, unit="Hz")
        keep(self, "spread", above=0.0, unit="V")
        keep_threshold(self)

    def constants(self, dt: float) -> Mapping[str, Any]:
        steepness, expected = 1.0 / np.asarray(self.spread), np.asarray(self.rate) * dt
        return {
            "decay": decay(dt, self.tau),
            "coarse": coarse(dt, self.tau),
            "threshold": self.threshold,
            "steepness": steepness if steepness.ndim else float(steepness),
            "expected": expected if expected.ndim else float(expected),
            "reset": self.reset,
            "hold_steps": rests(self, dt, self.refractory),
        }
