"""Leaky integrate-and-fire neurons in discrete time with synaptic currents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, final

from ..sim import validation as check
from ..sim.description.neuron import NeuronModel
from .discrete import keep_reset, reset_constants
from .parameters import PerUnit, keep

CURRENTS: Final = {"new": 0, "old": 1}


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class DiscreteCubaLIF(NeuronModel):
    """LIF neuron in discrete time with a synaptic current.

    In each step g := decay_current * g + gain * x, where x is what arrives in the step, weights and
    drive; and v := decay * v + response * g + offset. moved_by: "new" takes the g of this step, as
    snnTorch's Synaptic and RSynaptic do, "old" that of the step before, as forward Euler does.

    Resets and the time of a reset are those of `DiscreteLIF`; they leave g as it is. Sources as
    there.
    """

    decay: PerUnit = 0.9  # what a step leaves of v
    decay_current: PerUnit = 0.8  # what a step leaves of g
    gain: PerUnit = 1.0  # what 1 that arrives adds to g
    response: PerUnit = 1.0  # what a g of 1 adds to v in a step
    offset: PerUnit = 0.0  # added to v in every step
    moved_by: str = "new"
    threshold: PerUnit = 1.0
    resets: str = "subtract"
    reset_value: PerUnit = 0.0  # v after a reset to a value
    reset_at: str = "spike"
    inclusive: bool = True  # whether v at threshold fires, not only above it

    kernel: ClassVar[str] = "discrete_cuba_lif_step"
    state: ClassVar[Mapping[str, str]] = {"v": "float", "g": "float"}
    receptors: ClassVar[tuple[str, ...]] = ("jump",)
    units: ClassVar[Mapping[str, str]] = {"v": "", "g": ""}

    def __post_init__(self) -> None:
        keep(self, "decay", least=-1.0, most=1.0)
        keep(self, "decay_current", least=-1.0, most=1.0)
        for name in ("gain", "response", "offset"):
            keep(self, name)
        check.keep(self, "moved_by", check.one_of, list(CURRENTS))
        keep_reset(self)

    def constants(self, dt: float) -> Mapping[str, Any]:
        return {
            "decay": self.decay,
            "decay_current": self.decay_current,
            "gain": self.gain,
            "response": self.response,
            "offset": self.offset,
            "old": CURRENTS[self.moved_by],
            **reset_constants(self),
        }
