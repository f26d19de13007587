"""Perfect integrate-and-fire neurons with delta synapses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

from ..sim.description.neuron import EventKernels, NeuronModel
from .parameters import PerUnit, keep_threshold
from .propagators import rests


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class IF(NeuronModel):
    """Perfect integrate-and-fire neuron: dv/dt = i / C; at v >= threshold, v := reset.

    Lapicque's model without the leak (1907, translated by Brunel and van Rossum 2007,
    doi:10.1007/s00422-007-0190-0). An arriving spike adds its weight [V] to v; a drive is i / C
    [V/s]. The step is exact; `carry` keeps what rounding takes from v in each step, so that slow
    ramps do not drift.
    """

    threshold: PerUnit = 15e-3  # [V]
    reset: PerUnit = 0.0  # [V]
    refractory: PerUnit = 0.0  # [s], rounded to whole steps by the clock engine

    kernel: ClassVar[str] = "integrator_step"
    state: ClassVar[Mapping[str, str]] = {
        "v": "float",
        "carry": "float",
        "resting": "uint32",
        "left": "int32",
    }
    receptors: ClassVar[tuple[str, ...]] = ("jump",)
    units: ClassVar[Mapping[str, str]] = {"v": "V", "carry": "V"}
    event: ClassVar[EventKernels] = EventKernels(
        flow="integrator_flow", next="integrator_next", state=("v",), receives={"jump": "v"}
    )

    def __post_init__(self) -> None:
        keep_threshold(self)

    def constants(self, dt: float) -> Mapping[str, Any]:
        hold_steps = rests(self, dt, self.refractory)
        return {"threshold": self.threshold, "reset": self.reset, "hold_steps": hold_steps}
