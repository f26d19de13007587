"""Leaky integrate-and-fire neurons with delta synapses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

from ..sim.description.neuron import EventKernels, NeuronModel
from .parameters import PerUnit, keep, keep_threshold
from .propagators import coarse, decay, rests


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class LIF(NeuronModel):
    """Leaky integrate-and-fire neuron: tau dv/dt = -v + R i; at v >= threshold, v := reset.

    An arriving spike adds its weight [V] to v. Potentials are measured from rest. Between spikes
    the step is exact (Rotter and Diesmann 1999, doi:10.1007/s004220050570), so `dt` bounds only the
    spike times.
    """

    tau: PerUnit = 20e-3  # membrane time constant [s]
    threshold: PerUnit = 15e-3  # [V]
    reset: PerUnit = 0.0  # [V]
    refractory: PerUnit = 2e-3  # [s], rounded to whole steps by the clock engine

    kernel: ClassVar[str] = "lif_step"
    state: ClassVar[Mapping[str, str]] = {"v": "float", "resting": "uint32", "left": "int32"}
    receptors: ClassVar[tuple[str, ...]] = ("jump",)
    units: ClassVar[Mapping[str, str]] = {"v": "V"}
    event: ClassVar[EventKernels] = EventKernels(
        flow="lif_flow", next="lif_next", state=("v",), receives={"jump": "v"}
    )

    def __post_init__(self) -> None:
        keep(self, "tau", above=0.0, unit="s")
        keep_threshold(self)

    def constants(self, dt: float) -> Mapping[str, Any]:
        return {
            "decay": decay(dt, self.tau),
            "coarse": coarse(dt, self.tau),
            "threshold": self.threshold,
            "reset": self.reset,
            "hold_steps": rests(self, dt, self.refractory),
        }
