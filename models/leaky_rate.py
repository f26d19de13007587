"""Leaky rate units, which send numbers instead of spikes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, final

from ..kernels.reference.leaky_rate import LOGISTIC, RECTIFIED
from ..sim import validation as check
from ..sim.description.neuron import NeuronModel
from .parameters import PerUnit, keep
from .propagators import decay

LAWS: Final = {"linear": 0, "rectified": RECTIFIED, "logistic": LOGISTIC}


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class LeakyRate(NeuronModel):
    """Leaky rate unit: tau dr/dt = -r + phi(gain * (x - offset)), which sends r in every step.

    x is the drive: constant and other currents, and the sum of weight * rate over the synapses from
    units that send numbers. phi(u) is u ("linear"), max(u, 0) ("rectified") or 1 / (1 + exp(-u))
    ("logistic"). A spike that arrives adds its weight to r. Dayan and Abbott (2001), Theoretical
    Neuroscience, eq. 7.11. The step is exact while x is constant, so `dt` bounds only how often x
    is looked at.
    """

    tau: PerUnit = 10e-3  # time constant [s]
    gain: PerUnit = 1.0  # per unit of x
    offset: PerUnit = 0.0  # in the unit of x
    activation: str = "rectified"

    kernel: ClassVar[str] = "leaky_rate_step"
    state: ClassVar[Mapping[str, str]] = {"r": "float"}
    receptors: ClassVar[tuple[str, ...]] = ("jump",)
    receives: ClassVar[Mapping[str, str]] = {"jump": "r"}
    sends: ClassVar[str] = "r"

    def __post_init__(self) -> None:
        keep(self, "tau", above=0.0, unit="s")
        keep(self, "gain")
        keep(self, "offset")
        check.keep(self, "activation", check.one_of, list(LAWS))

    def constants(self, dt: float) -> Mapping[str, Any]:
        return {
            "decay": decay(dt, self.tau),
            "gain": self.gain,
            "offset": self.offset,
            "law": LAWS[self.activation],
        }
