"""Leaky integrators with exponential synaptic currents, which send their potential."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

from ..sim.description.neuron import NeuronModel
from .parameters import PerUnit, keep
from .propagators import coarse, decay, exponential_response


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class CubaLI(NeuronModel):
    """Leaky integrator with an exponential current, which sends v in every step and never fires.

    tau dv/dt = -v + R i + g and tau_current dg/dt = -g. A spike adds its weight [V], which is R
    times a current, to g. It is `CubaLIF` without a threshold, and as exact.
    """

    tau: PerUnit = 20e-3  # membrane time constant [s]
    tau_current: PerUnit = 5e-3  # of the synaptic current [s]

    kernel: ClassVar[str] = "cuba_lif_step"
    state: ClassVar[Mapping[str, str]] = {
        "v": "float",
        "resting": "uint32",
        "left": "int32",
        "g_e": "float",
        "g_i": "float",
    }
    receptors: ClassVar[tuple[str, ...]] = ("current",)
    receives: ClassVar[Mapping[str, str]] = {"current": "g_e"}
    units: ClassVar[Mapping[str, str]] = {"v": "V", "g_e": "V", "g_i": "V"}
    sends: ClassVar[str] = "v"

    def __post_init__(self) -> None:
        keep(self, "tau", above=0.0, unit="s")
        keep(self, "tau_current", above=0.0, unit="s")

    def constants(self, dt: float) -> Mapping[str, Any]:
        return {
            "decay": decay(dt, self.tau),
            "decay_e": decay(dt, self.tau_current),
            "decay_i": 0.0,
            "response_e": exponential_response(dt, self.tau, self.tau_current),
            "response_i": 0.0,
            "coarse": coarse(dt, self.tau),
            "threshold": math.inf,
            "reset": 0.0,
            "hold_steps": 0,
        }
