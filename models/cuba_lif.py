"""Leaky integrate-and-fire neurons with exponential synaptic currents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

from ..sim.description.neuron import EventKernels, NeuronModel
from .parameters import PerUnit, keep, keep_threshold
from .propagators import coarse, decay, exponential_response, rests


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class CubaLIF(NeuronModel):
    """LIF neuron with exponential currents.

    tau dv/dt = -v + R i + g_e + g_i; at v >= threshold, v := reset. tau_excitatory dg_e/dt = -g_e,
    and g_i alike. An arriving spike adds its weight [V], which is R times a current, to g_e
    (receptor "excitatory") or to g_i ("inhibitory", chosen for weights below 0). Potentials are
    measured from rest. The step is exact (Rotter and Diesmann 1999, doi:10.1007/s004220050570).

    Defaults: the CUBA benchmark of Brette et al. (2007), doi:10.1007/s10827-007-0038-6, measured
    from its reset, -60 mV; its leak potential, -49 mV, is then a constant drive of 11 mV.
    """

    tau: PerUnit = 20e-3  # membrane time constant [s]
    tau_excitatory: PerUnit = 5e-3  # [s]
    tau_inhibitory: PerUnit = 10e-3  # [s]
    threshold: PerUnit = 10e-3  # [V]
    reset: PerUnit = 0.0  # [V]
    refractory: PerUnit = 5e-3  # [s], rounded to whole steps by the clock engine

    kernel: ClassVar[str] = "cuba_lif_step"
    state: ClassVar[Mapping[str, str]] = {
        "v": "float",
        "resting": "uint32",
        "left": "int32",
        "g_e": "float",
        "g_i": "float",
    }
    receptors: ClassVar[tuple[str, ...]] = ("excitatory", "inhibitory")
    receives: ClassVar[Mapping[str, str]] = {"excitatory": "g_e", "inhibitory": "g_i"}
    units: ClassVar[Mapping[str, str]] = {"v": "V", "g_e": "V", "g_i": "V"}
    event: ClassVar[EventKernels] = EventKernels(
        flow="cuba_lif_flow",
        next="cuba_lif_next",
        state=("v", "g_e", "g_i"),
        receives={"excitatory": "g_e", "inhibitory": "g_i"},
    )

    def __post_init__(self) -> None:
        for name in ("tau", "tau_excitatory", "tau_inhibitory"):
            keep(self, name, above=0.0, unit="s")
        keep_threshold(self)

    def constants(self, dt: float) -> Mapping[str, Any]:
        return {
            "decay": decay(dt, self.tau),
            "decay_e": decay(dt, self.tau_excitatory),
            "decay_i": decay(dt, self.tau_inhibitory),
            "response_e": exponential_response(dt, self.tau, self.tau_excitatory),
            "response_i": exponential_response(dt, self.tau, self.tau_inhibitory),
            "coarse": coarse(dt, self.tau),
            "threshold": self.threshold,
            "reset": self.reset,
            "hold_steps": rests(self, dt, self.refractory),
        }
