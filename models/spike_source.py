"""Units without dynamics, through which outside spikes enter projections."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

from ..sim.description.neuron import EventKernels, NeuronModel


@final
@dataclass(frozen=True, kw_only=True)
class SpikeSource(NeuronModel):
    """A unit that fires whenever input arrives: drive it with a SpikeTrain, Events or Poisson.

    Every input counts, whatever its weight: one of 0 or below 0 too. The spikes bear the times of
    the input, in the clock engine of the nearest grid point. Several inputs to one unit at one
    time, in the clock engine in one step, make one spike: how many were merged in others is told by
    ``Result.tallies["name.merged"]`` and, once, by a warning. A unit fires in a step in which the
    current of a crossbar reaches it; how many spikes are in a current cannot be told, so a
    population with such a projection, or with a stimulus of a user's own that does not say that it
    weighs spikes (`Stimulus.weighs`), has no such tally.
    """

    kernel: ClassVar[str] = "relay_step"
    state: ClassVar[Mapping[str, str]] = {}
    receptors: ClassVar[tuple[str, ...]] = ("arrived",)
    counts: ClassVar[tuple[str, ...]] = ("arrived",)
    event: ClassVar[EventKernels] = EventKernels(
        flow="relay_flow",
        next="relay_next",
        fire="relay_fire",
        state=("arrived", "merged"),
        receives={"arrived": "arrived"},
    )

    def constants(self, dt: float) -> Mapping[str, Any]:
        return {}
