"""Leaky integrate-and-fire neurons in discrete time with delta synapses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

from ..sim.description.neuron import NeuronModel
from .discrete import keep_reset, reset_constants
from .parameters import PerUnit, keep


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class DiscreteLIF(NeuronModel):
    """LIF neuron in discrete time: in each step v := decay * v + gain * x + offset.

    x is what arrives in the step, weights and drive. A step has no length: the same numbers hold at
    any dt. It is the forward Euler step of tau dv/dt = rest - v + R i where decay = 1 - dt / tau,
    gain = dt / tau * R and offset = dt / tau * rest.

    resets: "subtract" takes the threshold off v, "value" sets v to `reset_value`, "none" leaves it.
    reset_at: "spike" in the step of the spike; "before" or "after" in the next step, before or
    after the equation above, where a reset to a value loses what arrives in that step; "carried" as
    "spike", but a unit that a subtraction has left above threshold fires in the next step only if
    it exceeds the threshold twice. Between steps, v above threshold means that a reset is due.

    snnTorch's Leaky, RLeaky and Lapicque step so (Eshraghian et al. 2023,
    doi:10.1109/JPROC.2023.3308088), with `inclusive` False, as do NIR's primitives under forward
    Euler (Pedersen et al. 2024, doi:10.1038/s41467-024-52259-9).
    """

    decay: PerUnit = 0.9  # what a step leaves of v
    gain: PerUnit = 1.0  # what 1 that arrives adds to v
    offset: PerUnit = 0.0  # added to v in every step
    threshold: PerUnit = 1.0
    resets: str = "subtract"
    reset_value: PerUnit = 0.0  # v after a reset to a value
    reset_at: str = "spike"
    inclusive: bool = True  # whether v at threshold fires, not only above it

    kernel: ClassVar[str] = "discrete_lif_step"
    state: ClassVar[Mapping[str, str]] = {"v": "float"}
    receptors: ClassVar[tuple[str, ...]] = ("jump",)
    units: ClassVar[Mapping[str, str]] = {"v": ""}

    def __post_init__(self) -> None:
        keep(self, "decay", least=-1.0, most=1.0)
        keep(self, "gain")
        keep(self, "offset")
        keep_reset(self)

    def constants(self, dt: float) -> Mapping[str, Any]:
        return {
            "decay": self.decay,
            "gain": self.gain,
            "offset": self.offset,
            **reset_constants(self),
        }
