"""Adaptive exponential integrate-and-fire neurons with exponential synaptic currents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

from ..sim.description.distributions import numbers
from ..sim.description.neuron import NeuronModel
from .parameters import PerUnit, keep, keep_threshold
from .propagators import decay, rests


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class AdEx(NeuronModel):
    """Adaptive exponential integrate-and-fire neuron; at v >= peak, v := reset and w += increment.

      tau dv/dt = rest - v + slope exp((v - onset) / slope) - w + R i + g_e + g_i
      tau_adaptation dw/dt = a (v - rest) - w

    Brette and Gerstner (2005), doi:10.1152/jn.00686.2005, whose parameters, divided by the leak
    conductance, are the defaults: w, `increment` (their b), currents and weights are R times a
    current [V], and `a` is a ratio. g_e and g_i decay exponentially; an arriving spike adds its
    weight to g_e (receptor "excitatory") or to g_i ("inhibitory", chosen for weights below 0).
    Potentials are absolute, and v starts at rest. The step is Heun's, of second order; it follows
    the upstroke to `peak` and no further, so nothing overflows.
    """

    tau: PerUnit = 281e-12 / 30e-9  # membrane time constant [s]
    tau_adaptation: PerUnit = 144e-3  # [s]
    tau_excitatory: PerUnit = 5e-3  # [s]
    tau_inhibitory: PerUnit = 10e-3  # [s]
    rest: PerUnit = -70.6e-3  # leak reversal potential [V]
    onset: PerUnit = -50.4e-3  # potential at which the upstroke sets in, V_T [V]
    slope: PerUnit = 2e-3  # sharpness of the upstroke, Delta_T [V]
    a: PerUnit = 4.0 / 30.0  # adaptation by v, over the leak conductance
    increment: PerUnit = 0.0805e-9 / 30e-9  # adaptation by a spike, b over the leak conductance [V]
    peak: PerUnit = 20e-3  # where a spike counts as fired [V]
    reset: PerUnit = -70.6e-3  # [V]
    refractory: PerUnit = 0.0  # [s], rounded to whole steps by the clock engine

    kernel: ClassVar[str] = "adex_step"
    state: ClassVar[Mapping[str, str]] = {
        "v": "float",
        "w": "float",
        "hold": "int32",
        "g_e": "float",
        "g_i": "float",
    }
    receptors: ClassVar[tuple[str, ...]] = ("excitatory", "inhibitory")
    receives: ClassVar[Mapping[str, str]] = {"excitatory": "g_e", "inhibitory": "g_i"}
    units: ClassVar[Mapping[str, str]] = {"v": "V", "w": "V", "g_e": "V", "g_i": "V"}

    def __post_init__(self) -> None:
        for name in ("tau", "tau_adaptation", "tau_excitatory", "tau_inhibitory"):
            keep(self, name, above=0.0, unit="s")
        for name in ("rest", "onset", "increment"):
            keep(self, name, unit="V")
        keep(self, "slope", above=0.0, unit="V")
        keep(self, "a")
        keep_threshold(self, "peak")
        keep(self, "peak", above=self.onset, unit="V")

    def initial(self) -> Mapping[str, Any]:
        return {"v": self.rest}

    def constants(self, dt: float) -> Mapping[str, Any]:
        return {
            "rate": dt / numbers(self.tau),
            "rate_w": dt / numbers(self.tau_adaptation),
            "rest": self.rest,
            "slope": self.slope,
            "onset": self.onset,
            "a": self.a,
            "increment": self.increment,
            "decay_e": decay(dt, self.tau_excitatory),
            "decay_i": decay(dt, self.tau_inhibitory),
            "peak": self.peak,
            "reset": self.reset,
            "hold_steps": rests(self, dt, self.refractory),
        }
