"""Leaky integrate-and-fire neurons with exponential synaptic conductances."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

from ..sim.description.distributions import numbers
from ..sim.description.neuron import NeuronModel
from .parameters import PerUnit, keep, keep_threshold
from .propagators import coarse, decay, mean_of_decay, rests


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class CobaLIF(NeuronModel):
    """LIF neuron with synaptic conductances that decay exponentially.

    At v >= threshold, v := reset. tau dv/dt = (rest - v) + g_e (reversal_excitatory - v) + g_i
    (reversal_inhibitory - v) + R i. An arriving spike adds its weight, at least 0 and in units of
    the leak conductance, to g_e (receptor "excitatory") or to g_i ("inhibitory"). Potentials are
    absolute, and v starts at rest. Conductances are exact; v relaxes exactly towards where their
    means over the step pull it, which is of second order in dt.

    Defaults: the COBA benchmark of Brette et al. (2007), doi:10.1007/s10827-007-0038-6.
    """

    tau: PerUnit = 20e-3  # membrane time constant at rest [s]
    tau_excitatory: PerUnit = 5e-3  # [s]
    tau_inhibitory: PerUnit = 10e-3  # [s]
    rest: PerUnit = -60e-3  # leak reversal potential [V]
    reversal_excitatory: PerUnit = 0.0  # E_e [V]
    reversal_inhibitory: PerUnit = -80e-3  # E_i [V]
    threshold: PerUnit = -50e-3  # [V]
    reset: PerUnit = -60e-3  # [V]
    refractory: PerUnit = 5e-3  # [s], rounded to whole steps by the clock engine

    kernel: ClassVar[str] = "coba_lif_step"
    state: ClassVar[Mapping[str, str]] = {
        "v": "float",
        "resting": "uint32",
        "left": "int32",
        "g_e": "float",
        "g_i": "float",
    }
    receptors: ClassVar[tuple[str, ...]] = ("excitatory", "inhibitory")
    conductances: ClassVar[tuple[str, ...]] = ("excitatory", "inhibitory")
    receives: ClassVar[Mapping[str, str]] = {"excitatory": "g_e", "inhibitory": "g_i"}
    units: ClassVar[Mapping[str, str]] = {
        "v": "V",
        "g_e": "leak conductance",
        "g_i": "leak conductance",
    }

    def __post_init__(self) -> None:
        for name in ("tau", "tau_excitatory", "tau_inhibitory"):
            keep(self, name, above=0.0, unit="s")
        for name in ("rest", "reversal_excitatory", "reversal_inhibitory"):
            keep(self, name, unit="V")
        keep_threshold(self)

    def initial(self) -> Mapping[str, Any]:
        return {"v": self.rest}

    def constants(self, dt: float) -> Mapping[str, Any]:
        return {
            "rate": dt / numbers(self.tau),
            "coarse": coarse(dt, self.tau),
            "rest": self.rest,
            "reversal_e": self.reversal_excitatory,
            "reversal_i": self.reversal_inhibitory,
            "decay_e": decay(dt, self.tau_excitatory),
            "decay_i": decay(dt, self.tau_inhibitory),
            "mean_e": mean_of_decay(dt, self.tau_excitatory),
            "mean_i": mean_of_decay(dt, self.tau_inhibitory),
            "threshold": self.threshold,
            "reset": self.reset,
            "hold_steps": rests(self, dt, self.refractory),
        }
