"""Leaky integrate-and-fire neurons with alpha-function synaptic currents."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

from ..sim.description.distributions import numbers
from ..sim.description.neuron import NeuronModel
from .parameters import PerUnit, keep, keep_threshold
from .propagators import alpha_response, coarse, decay, exponential_response, rests


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class AlphaLIF(NeuronModel):
    """LIF neuron with currents that rise and fall.

    tau dv/dt = -v + R i + g_e + g_i; at v >= threshold, v := reset. A spike of weight w [V] at time
    0 adds w (t / s) exp(1 - t / s) to g_e, with s = tau_excitatory: its peak w comes at t = s; g_i
    alike (Rall 1967, doi:10.1152/jn.1967.30.5.1138). As linear equations: s dg/dt = h - g, s dh/dt
    = -h, and the spike adds e w to h. Potentials are measured from rest. The step is exact (Rotter
    and Diesmann 1999, doi:10.1007/s004220050570).
    """

    tau: PerUnit = 20e-3  # membrane time constant [s]
    tau_excitatory: PerUnit = 2e-3  # time to the peak of the current [s]
    tau_inhibitory: PerUnit = 2e-3  # [s]
    threshold: PerUnit = 15e-3  # [V]
    reset: PerUnit = 0.0  # [V]
    refractory: PerUnit = 2e-3  # [s], rounded to whole steps by the clock engine

    kernel: ClassVar[str] = "alpha_lif_step"
    state: ClassVar[Mapping[str, str]] = {
        "v": "float",
        "resting": "uint32",
        "left": "int32",
        "g_e": "float",
        "h_e": "float",
        "g_i": "float",
        "h_i": "float",
    }
    receptors: ClassVar[tuple[str, ...]] = ("excitatory", "inhibitory")
    units: ClassVar[Mapping[str, str]] = {"v": "V", "g_e": "V", "h_e": "V", "g_i": "V", "h_i": "V"}

    def __post_init__(self) -> None:
        for name in ("tau", "tau_excitatory", "tau_inhibitory"):
            keep(self, name, above=0.0, unit="s")
        keep_threshold(self)

    def constants(self, dt: float) -> Mapping[str, Any]:
        tau, tau_e, tau_i = map(numbers, (self.tau, self.tau_excitatory, self.tau_inhibitory))
        return {
            "decay": decay(dt, tau),
            "decay_e": decay(dt, tau_e),
            "decay_i": decay(dt, tau_i),
            "lag_e": dt / tau_e,
            "lag_i": dt / tau_i,
            "response_e": exponential_response(dt, tau, tau_e),
            "response_i": exponential_response(dt, tau, tau_i),
            "rising_e": alpha_response(dt, tau, tau_e),
            "rising_i": alpha_response(dt, tau, tau_i),
            "peak": math.e,
            "coarse": coarse(dt, self.tau),
            "threshold": self.threshold,
            "reset": self.reset,
            "hold_steps": rests(self, dt, self.refractory),
        }
