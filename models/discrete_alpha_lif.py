"""Neurons in discrete time whose potential is the difference of two decaying currents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

from ..sim import validation as check
from ..sim.description.neuron import NeuronModel
from .discrete import RESETS
from .parameters import PerUnit, keep
from .propagators import difference_gain


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class DiscreteAlphaLIF(NeuronModel):
    """Neuron in discrete time that answers a spike with a rise and a fall of its potential.

    In each step g_e := decay_excitatory * g_e + x, g_i := decay_inhibitory * g_i - x, where x is
    what arrives in the step, weights and drive; and v := gain * (g_e + g_i).

    A unit whose v was above threshold when a step began is reset in that step: "zero" sets v, g_e
    and g_i to 0, and what arrives is lost; "subtract" takes the threshold off g_e, sets g_i to 0,
    and adds the g_i of the step before to v; "none" leaves all. snnTorch's Alpha steps so, with
    `inclusive` False (Eshraghian et al. 2023, doi:10.1109/JPROC.2023.3308088).
    """

    decay_excitatory: PerUnit = 0.9  # what a step leaves of g_e
    decay_inhibitory: PerUnit = 0.7  # what a step leaves of g_i, less than of g_e
    # of the currents' sum; None is log(decay_inhibitory) / log(decay_inhibitory / decay_excitatory)
    gain: PerUnit | None = None
    threshold: PerUnit = 1.0
    resets: str = "zero"
    inclusive: bool = True  # whether v at threshold fires, not only above it

    kernel: ClassVar[str] = "discrete_alpha_lif_step"
    state: ClassVar[Mapping[str, str]] = {"v": "float", "g_e": "float", "g_i": "float"}
    receptors: ClassVar[tuple[str, ...]] = ("jump",)
    units: ClassVar[Mapping[str, str]] = {"v": "", "g_e": "", "g_i": ""}

    def __post_init__(self) -> None:
        keep(self, "decay_excitatory", above=0.0, most=1.0)
        keep(self, "decay_inhibitory", least=0.0)
        keep(self, "decay_inhibitory", below=self.decay_excitatory)
        if self.gain is not None:
            keep(self, "gain")
        keep(self, "threshold", above=0.0)
        check.keep(self, "resets", check.one_of, ["zero", "subtract", "none"])
        check.keep(self, "inclusive", check.flag)

    def constants(self, dt: float) -> Mapping[str, Any]:
        return {
            "decay_excitatory": self.decay_excitatory,
            "decay_inhibitory": self.decay_inhibitory,
            "gain": difference_gain(self.decay_excitatory, self.decay_inhibitory)
            if self.gain is None
            else self.gain,
            "threshold": self.threshold,
            "resets": RESETS["value" if self.resets == "zero" else self.resets],
            "inclusive": int(self.inclusive),
        }
