"""Leaky integrators in discrete time with synaptic currents, which send their potential."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

from ..kernels.reference.discrete import NONE, SPIKE
from ..sim import validation as check
from ..sim.description.neuron import NeuronModel
from .discrete_cuba_lif import CURRENTS
from .parameters import PerUnit, keep


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class DiscreteCubaLI(NeuronModel):
    """Leaky integrator in discrete time with a current; it sends v in every step and never fires.

    In each step g := decay_current * g + gain * x, where x is what arrives in the step, weights and
    drive; and v := decay * v + response * g + offset, with the g that `moved_by` says. It is
    `DiscreteCubaLIF` without a threshold; sources as there.
    """

    decay: PerUnit = 0.9  # what a step leaves of v
    decay_current: PerUnit = 0.8  # what a step leaves of g
    gain: PerUnit = 1.0  # what 1 that arrives adds to g
    response: PerUnit = 1.0  # what a g of 1 adds to v in a step
    offset: PerUnit = 0.0  # added to v in every step
    moved_by: str = "new"

    kernel: ClassVar[str] = "discrete_cuba_lif_step"
    state: ClassVar[Mapping[str, str]] = {"v": "float", "g": "float"}
    receptors: ClassVar[tuple[str, ...]] = ("jump",)
    units: ClassVar[Mapping[str, str]] = {"v": "", "g": ""}
    sends: ClassVar[str] = "v"

    def __post_init__(self) -> None:
        keep(self, "decay", least=0.0, most=1.0)
        keep(self, "decay_current", least=0.0, most=1.0)
        for name in ("gain", "response", "offset"):
            keep(self, name)
        check.keep(self, "moved_by", check.one_of, list(CURRENTS))

    def constants(self, dt: float) -> Mapping[str, Any]:
        return {
            "decay": self.decay,
            "decay_current": self.decay_current,
            "gain": self.gain,
            "response": self.response,
            "offset": self.offset,
            "old": CURRENTS[self.moved_by],
            "threshold": math.inf,
            "reset_value": 0.0,
            "resets": NONE,
            "reset_at": SPIKE,
            "inclusive": 0,
        }
