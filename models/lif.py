"""Leaky integrate-and-fire neurons with delta synapses."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

from ..sim import validation as check
from ..sim.neuron import NeuronModel


@final
@dataclass(frozen=True, kw_only=True)
class LIF(NeuronModel):
    """Leaky integrate-and-fire neuron: tau dv/dt = -v + R i; at v >= threshold, v := reset.

    An arriving spike adds its weight [V] to v. Potentials are measured from rest. Between spikes the step is exact
    (Rotter and Diesmann 1999, doi:10.1007/s004220050570), so `dt` bounds only the spike times.
    """

    tau: float = 20e-3  # membrane time constant [s]
    threshold: float = 15e-3  # [V]
    reset: float = 0.0  # [V]
    refractory: float = 2e-3  # [s], rounded to whole steps by the clock engine

    kernel: ClassVar[str] = "lif_step"
    state: ClassVar[Mapping[str, str]] = {"v": "float", "hold": "int32"}
    receptors: ClassVar[tuple[str, ...]] = ("jump",)
    units: ClassVar[Mapping[str, str]] = {"v": "V"}

    def __post_init__(self) -> None:
        check.within(self, "tau", self.tau, above=0.0, unit="s")
        check.real(self, "threshold", self.threshold, unit="V")
        check.within(self, "reset", self.reset, below=self.threshold, unit="V")
        check.within(self, "refractory", self.refractory, least=0.0, unit="s")

    def constants(self, dt: float) -> Mapping[str, Any]:
        return {
            "decay": math.exp(-dt / self.tau), "threshold": self.threshold,
            "reset": self.reset, "hold_steps": round(self.refractory / dt),
        }  # fmt: skip
