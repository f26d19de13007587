"""Units without dynamics, through which outside spikes enter projections."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

from ..sim.neuron import EventKernels, NeuronModel


@final
@dataclass(frozen=True, kw_only=True)
class SpikeSource(NeuronModel):
    """A unit that fires whenever input arrives: drive it with a SpikeTrain, Events or Poisson.

    Its spikes bear the times of the input (the nearest grid point in the clock engine); several inputs to one
    unit in one step make one spike.
    """

    kernel: ClassVar[str] = "relay_step"
    state: ClassVar[Mapping[str, str]] = {}
    receptors: ClassVar[tuple[str, ...]] = ("arrived",)
    event: ClassVar[EventKernels] = EventKernels(
        flow="relay_flow", next="relay_next", fire="relay_fire", state=("arrived",), receives={"arrived": "arrived"}
    )

    def constants(self, dt: float) -> Mapping[str, Any]:
        return {}
