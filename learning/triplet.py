"""Triplet spike-timing-dependent plasticity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

from ..sim import validation as check
from ..sim.description.local_rule import LocalRule, Trace
from ..sim.description.rule import PAIRS


@final
@dataclass(frozen=True, kw_only=True)
class TripletSTDP(LocalRule):
    """Triplet STDP: pairs change a weight, and more so where a second spike came just before.

        arrival:       w := clip(w - y (a2_minus + a3_minus slow_x)),  x += 1,  slow_x += 1
        target fires:  w := clip(w + x (a2_plus + a3_plus slow_y)),    y += 1,  slow_y += 1
        between:       tau_plus dx/dt = -x,  tau_minus dy/dt = -y,  tau_x and tau_y for the slow ones

    The slow traces are read as they are before the event itself raises them. With a3_plus,
    potentiation grows with the frequency of pairs, as in visual cortex, which no pair rule does.
    Pfister and Gerstner (2006), doi:10.1523/JNEUROSCI.1425-06.2006; the defaults are their minimal
    model of visual cortex, all spikes counted, for weights of order 1. pairs: "all", or "nearest"
    where an event sets its traces to 1. Amplitudes and bounds are in the unit of the weights.
    """

    tau_plus: float = 16.8e-3  # decay of the arrivals' fast trace [s]
    tau_minus: float = 33.7e-3  # decay of the target's fast trace [s]
    tau_x: float = 101e-3  # decay of the arrivals' slow trace [s]
    tau_y: float = 114e-3  # decay of the target's slow trace [s]
    a2_plus: float = 0.0
    a3_plus: float = 6.5e-3
    a2_minus: float = 7.1e-3
    a3_minus: float = 0.0
    w_min: float = 0.0
    w_max: float = 1.0
    pairs: str = "all"

    def __post_init__(self) -> None:
        for field in ("a2_plus", "a3_plus", "a2_minus", "a3_minus"):
            check.keep(self, field, check.real)
        check.one_of(self, "pairs", self.pairs, PAIRS)
        super().__post_init__()

    @property
    def traces(self) -> Mapping[str, Trace]:  # type: ignore[override]
        return {
            "x": Trace("pre", "tau_plus", self.pairs),
            "slow_x": Trace("pre", "tau_x", self.pairs),
            "y": Trace("post", "tau_minus", self.pairs),
            "slow_y": Trace("post", "tau_y", self.pairs),
        }

    @staticmethod
    def arrival(w: Any, y: Any, slow_x: Any, a2_minus: Any, a3_minus: Any) -> Any:
        """A spike arrives."""
        return w - y * (a2_minus + a3_minus * slow_x)

    @staticmethod
    def spike(w: Any, x: Any, slow_y: Any, a2_plus: Any, a3_plus: Any) -> Any:
        """The target fires."""
        return w + x * (a2_plus + a3_plus * slow_y)
