"""Pair spike-timing-dependent plasticity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final, final

import numpy as np
from numpy.typing import NDArray

from ..sim import validation as check
from ..sim.description.rule import LONGEST, EventRule, EventTrace, Rule
from ..sim.operators.operator import Phase
from ..sim.operators.projection import ProjectionScope, Proposals

SONG_PLUS: Final = 0.005  # a_plus / w_max in Song, Miller and Abbott (2000)
SONG_MINUS: Final = 1.05  # a_minus / a_plus, ibid.


@final
@dataclass(frozen=True, kw_only=True)
class STDP(Rule):
    """Additive pair STDP, every pair of spikes counted.

    A spike that arrives lowers the weight w by the target's trace y; a spike of the target raises
    it by the trace x of the arrivals; after each the weight is kept within [w_min, w_max]:

        arrival:       x += a_plus,   w := clip(w - y)
        target fires:  y += a_minus,  w := clip(w + x)
        between:       tau_plus dx/dt = -x,  tau_minus dy/dt = -y

    so that one pair changes w by a_plus exp(-D / tau_plus) if the arrival leads by D, and by
    -a_minus exp(-D / tau_minus) if it follows. In one step arrivals come before the target's
    spikes. Song, Miller and Abbott (2000), doi:10.1038/78829; Morrison, Diesmann and Gerstner
    (2008), doi:10.1007/s00422-008-0233-1.

    a_plus, a_minus and the bounds are in the unit of the weights. What is left out follows the
    first paper: a_plus 0.005 w_max and a_minus 1.05 a_plus; w_max is then twice the largest initial
    weight. A negative amplitude turns that half of the window round.
    """

    tau_plus: float = 20e-3  # decay of the arrivals' trace [s]
    tau_minus: float = 20e-3  # decay of the target's trace [s]
    a_plus: float | None = None
    a_minus: float | None = None
    w_min: float = 0.0
    w_max: float | None = None

    direct: ClassVar[bool] = True
    shares: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check.keep(self, "tau_plus", check.within, above=0.0, most=LONGEST, unit="s")
        check.keep(self, "tau_minus", check.within, above=0.0, most=LONGEST, unit="s")
        for field in ("a_plus", "a_minus"):
            if getattr(self, field) is not None:
                check.keep(self, field, check.real)
        check.keep(self, "w_min", check.real)
        if self.w_max is not None:
            check.keep(self, "w_max", check.within, above=self.w_min)

    def bounds(self, weights: float | NDArray[np.float64]) -> tuple[float, float]:
        """w_min and w_max; the initial weights must lie between them."""
        if np.size(weights) == 0:
            return self.w_min, self.w_min + 1.0 if self.w_max is None else self.w_max
        low, high = float(np.min(weights)), float(np.max(weights))
        w_max = max(2 * high, self.w_min) if self.w_max is None else self.w_max
        if low < self.w_min or high > w_max:
            rule = f"initial weights must lie within [w_min, w_max] = [{self.w_min:g}, {w_max:g}]"
            raise check.fail(
                self,
                "w_min" if low < self.w_min else "w_max",
                rule,
                low if low < self.w_min else high,
            )
        if self.w_max is None and not w_max > self.w_min:
            raise check.fail(self, "w_max", "must be given where all initial weights are 0", None)
        return self.w_min, w_max

    def learn(self, projection: ProjectionScope, proposals: Proposals) -> None:
        """Traces of the arrivals and of the target, and the two kernels that propose changes."""
        a_plus, a_minus = self._amplitudes(self.bounds(projection.synapses.weights)[1])
        scope = {**projection.listed(), **projection.reverse(), **proposals.scope}
        scope |= projection.trace("pre", self.tau_plus, a_plus).named("pre")
        scope |= projection.trace("post", self.tau_minus, a_minus).named("post")
        projection.operator(Phase.ARRIVALS, "stdp_arrival_step", scope)
        scope |= projection.target_spikes()
        projection.operator(Phase.LEARN, "stdp_spike_step", scope)

    def event(self, low: float, high: float) -> EventRule:
        """The same on the event engine, where the traces decay in closed form from event to event."""
        a_plus, a_minus = self._amplitudes(high)
        traces = {
            "x": EventTrace(side="pre", tau=self.tau_plus),
            "y": EventTrace(side="post", tau=self.tau_minus),
        }
        constants = {"a_plus": a_plus, "a_minus": a_minus}
        return EventRule(
            arrival="stdp_arrival", spike="stdp_spike", traces=traces, constants=constants
        )

    def _amplitudes(self, w_max: float) -> tuple[float, float]:
        """a_plus and a_minus, those of the first paper where they are left out."""
        a_plus = SONG_PLUS * w_max if self.a_plus is None else self.a_plus
        return a_plus, SONG_MINUS * a_plus if self.a_minus is None else self.a_minus
