"""Izhikevich's two-variable neurons with delta synapses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, final

from ..sim import validation as check
from ..sim.description.distributions import numbers
from ..sim.description.neuron import NeuronModel
from .parameters import PerUnit, keep

LONGEST_STEP: Final = 0.5e-3  # [s], the step of the published program


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Izhikevich(NeuronModel):
    """Simple model of spiking.

    dv/dt = 40000 v^2 + 5000 v + 140 - u + i; at v >= peak, v := c and u += d. du/dt = a (b v - u).
    Izhikevich (2003), doi:10.1109/TNN.2003.820440, in SI units: u, d and the drive i [V/s] are the
    published numbers, a and b [1/s] 1000 times, c and v [V] a thousandth of them. The defaults are
    a regular-spiking cell; fast spiking: a=100, d=2; chattering: c=-50e-3, d=2. An arriving spike
    adds its weight [V] to v. Potentials are absolute; v starts at c and u at b c. The step is
    Heun's, of second order; it follows the upstroke to `peak` and no further.
    """

    a: PerUnit = 20.0  # rate of recovery [1/s]
    b: PerUnit = 200.0  # how recovery follows v [1/s]
    c: PerUnit = -65e-3  # reset [V]
    d: PerUnit = 8.0  # rise of recovery with each spike [V/s]
    peak: PerUnit = 30e-3  # [V]

    kernel: ClassVar[str] = "izhikevich_step"
    state: ClassVar[Mapping[str, str]] = {"v": "float", "u": "float"}
    receptors: ClassVar[tuple[str, ...]] = ("jump",)
    units: ClassVar[Mapping[str, str]] = {"v": "V", "u": "V/s"}

    def __post_init__(self) -> None:
        keep(self, "a", above=0.0, unit="1/s")
        keep(self, "b", unit="1/s")
        keep(self, "d", unit="V/s")
        keep(self, "peak", unit="V")
        keep(self, "c", below=self.peak, unit="V")

    def initial(self) -> Mapping[str, Any]:
        return {"v": self.c, "u": numbers(self.b) * numbers(self.c)}

    def constants(self, dt: float) -> Mapping[str, Any]:
        check.within("Simulator", "dt", dt, most=LONGEST_STEP, unit="s (Izhikevich)")
        return {
            "quadratic": 4e4,
            "linear": 5e3,
            "constant": 140.0,
            "a": self.a,
            "b": self.b,
            "c": self.c,
            "d": self.d,
            "peak": self.peak,
        }
