"""Plasticity of inhibitory synapses that holds the rate of their targets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

from ..sim import validation as check
from ..sim.description.local_rule import LocalRule, Trace


@final
@dataclass(frozen=True, kw_only=True)
class InhibitorySTDP(LocalRule):
    """Symmetric STDP of inhibition: near coincidences raise a weight, lone arrivals lower it.

        arrival:       w := clip(w + gain (y - 2 target tau)),  x += 1
        target fires:  w := clip(w + gain x),                 y += 1
        between:       tau dx/dt = -x,  tau dy/dt = -y

    On average a weight stands still where the target fires at the rate `target`, so excitation and
    inhibition balance. Vogels, Sprekeler, Zenke, Clopath and Gerstner (2011),
    doi:10.1126/science.1211095.

    gain and the bounds are in the unit of the weights, which are positive, as at an inhibitory
    receptor. Where inhibition is a negative weight, choose a negative gain, and w_max = 0.
    """

    gain: float  # of a coincidence
    tau: float = 20e-3  # decay of both traces [s]
    target: float = 5.0  # rate at which the weights stand still [Hz]
    w_min: float = 0.0
    w_max: float

    traces: ClassVar[Mapping[str, Trace]] = {"x": Trace("pre", "tau"), "y": Trace("post", "tau")}

    def __post_init__(self) -> None:
        check.keep(self, "gain", check.real)
        check.keep(self, "target", check.within, least=0.0, unit="Hz")
        super().__post_init__()

    @staticmethod
    def arrival(w: Any, y: Any, gain: Any, target: Any, tau: Any) -> Any:
        """A spike arrives."""
        return w + gain * (y - 2 * target * tau)

    @staticmethod
    def spike(w: Any, x: Any, gain: Any) -> Any:
        """The target fires."""
        return w + gain * x
