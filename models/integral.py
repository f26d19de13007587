"""Integrators without a leak, which send their potential."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

from ..sim.description.neuron import NeuronModel


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Integral(NeuronModel):
    """Integrator: dv/dt = i / C, which sends v in every step and never fires.

    A spike adds its weight [V] to v; a drive is i / C [V/s]. It is `IF` without a threshold, and as
    exact.
    """

    kernel: ClassVar[str] = "integrator_step"
    state: ClassVar[Mapping[str, str]] = {
        "v": "float",
        "carry": "float",
        "resting": "uint32",
        "left": "int32",
    }
    receptors: ClassVar[tuple[str, ...]] = ("jump",)
    units: ClassVar[Mapping[str, str]] = {"v": "V", "carry": "V"}
    sends: ClassVar[str] = "v"

    def constants(self, dt: float) -> Mapping[str, Any]:
        return {"threshold": math.inf, "reset": 0.0, "hold_steps": 0}
