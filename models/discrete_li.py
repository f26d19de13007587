"""Leaky integrators in discrete time, which send their potential."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

from ..kernels.reference.discrete import NONE, SPIKE
from ..sim.description.neuron import NeuronModel
from .parameters import PerUnit, keep


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class DiscreteLI(NeuronModel):
    """Leaky integrator in discrete time, which sends v in every step and never fires.

    In each step v := decay * v + gain * x + offset, where x is what arrives in the step, weights
    and drive. It is `DiscreteLIF` without a threshold; sources as there. With decay 0 and gain 1 it
    passes on what it gets.
    """

    decay: PerUnit = 0.9  # what a step leaves of v
    gain: PerUnit = 1.0  # what 1 that arrives adds to v
    offset: PerUnit = 0.0  # added to v in every step

    kernel: ClassVar[str] = "discrete_lif_step"
    state: ClassVar[Mapping[str, str]] = {"v": "float"}
    receptors: ClassVar[tuple[str, ...]] = ("jump",)
    units: ClassVar[Mapping[str, str]] = {"v": ""}
    sends: ClassVar[str] = "v"

    def __post_init__(self) -> None:
        keep(self, "decay", least=0.0, most=1.0)
        keep(self, "gain")
        keep(self, "offset")

    def constants(self, dt: float) -> Mapping[str, Any]:
        return {
            "decay": self.decay,
            "gain": self.gain,
            "offset": self.offset,
            "threshold": math.inf,
            "reset_value": 0.0,
            "resets": NONE,
            "reset_at": SPIKE,
            "inclusive": 0,
        }
