"""Leaky integrate-and-fire neurons with an adaptive threshold and delta synapses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

from ..sim.description.neuron import EventKernels, NeuronModel
from .parameters import PerUnit, keep, keep_threshold
from .propagators import coarse, decay, rests


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class AdaptiveLIF(NeuronModel):
    """LIF neuron that tires.

    tau dv/dt = -v + R i; at v >= threshold + a, v := reset and a += increment. tau_adaptation da/dt
    = -a. An arriving spike adds its weight [V] to v. Potentials are measured from rest. The step is
    exact. It is the ALIF unit of Bellec et al. (2020), doi:10.1038/s41467-020-17236-y, their beta
    being `increment` over the threshold, but reset to a value where theirs subtracts one.
    """

    tau: PerUnit = 20e-3  # membrane time constant [s]
    tau_adaptation: PerUnit = 200e-3  # [s]
    increment: PerUnit = 2e-3  # rise of the threshold with each spike [V], >= 0
    threshold: PerUnit = 15e-3  # while rested [V]
    reset: PerUnit = 0.0  # [V]
    refractory: PerUnit = 2e-3  # [s], rounded to whole steps by the clock engine

    kernel: ClassVar[str] = "adaptive_lif_step"
    state: ClassVar[Mapping[str, str]] = {
        "v": "float",
        "a": "float",
        "resting": "uint32",
        "left": "int32",
    }
    receptors: ClassVar[tuple[str, ...]] = ("jump",)
    units: ClassVar[Mapping[str, str]] = {"v": "V", "a": "V"}
    event: ClassVar[EventKernels] = EventKernels(
        flow="adaptive_lif_flow",
        next="adaptive_lif_next",
        fire="adaptive_lif_fire",
        state=("v", "a"),
        receives={"jump": "v"},
    )

    def __post_init__(self) -> None:
        keep(self, "tau", above=0.0, unit="s")
        keep(self, "tau_adaptation", above=0.0, unit="s")
        keep(self, "increment", least=0.0, unit="V")
        keep_threshold(self)

    def constants(self, dt: float) -> Mapping[str, Any]:
        return {
            "decay": decay(dt, self.tau),
            "decay_a": decay(dt, self.tau_adaptation),
            "increment": self.increment,
            "coarse": coarse(dt, self.tau),
            "threshold": self.threshold,
            "reset": self.reset,
            "hold_steps": rests(self, dt, self.refractory),
        }
