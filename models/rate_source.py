"""Units without dynamics, through which numbers from outside enter projections."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

from ..sim.description.neuron import NeuronModel


@final
@dataclass(frozen=True, kw_only=True)
class RateSource(NeuronModel):
    """A unit that sends, in every step, the number that drives it.

    Drive it with Constant, Step, TimedArray or Noise, such as the brightness of a pixel; its
    targets see the sum of weight * number. A spike that arrives adds its weight for one step. Units
    that send spikes instead are `SpikeSource`.
    """

    kernel: ClassVar[str] = "rate_source_step"
    state: ClassVar[Mapping[str, str]] = {"r": "float"}
    receptors: ClassVar[tuple[str, ...]] = ("jump",)
    sends: ClassVar[str] = "r"

    def constants(self, dt: float) -> Mapping[str, Any]:
        return {}
