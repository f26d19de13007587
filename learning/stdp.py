"""Pair spike-timing-dependent plasticity."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

from ..sim import validation as check
from ..sim.description.local_rule import LocalRule, Trace
from ..sim.description.rule import PAIRS

SONG_PLUS: Final = 0.005  # a_plus / w_max in Song, Miller and Abbott (2000)
SONG_MINUS: Final = 1.05  # a_minus / a_plus, ibid.


@final
@dataclass(frozen=True, kw_only=True)
class STDP(LocalRule):
    """Pair STDP: an arrival lowers a weight, a spike of the target raises it.

    Each by a trace of the other side; after it the weight is kept within [w_min, w_max]:

        arrival:       w := clip(w - a_minus f_minus(w) y),  x += 1
        target fires:  w := clip(w + a_plus f_plus(w) x),    y += 1
        between:       tau_plus dx/dt = -x,  tau_minus dy/dt = -y

    so that one pair changes w by a_plus f_plus exp(-D / tau_plus) if the arrival leads by D, and by
    -a_minus f_minus exp(-D / tau_minus) if it follows. In one step arrivals come before the
    target's spikes. Song, Miller and Abbott (2000), doi:10.1038/78829; Morrison, Diesmann and
    Gerstner (2008), doi:10.1007/s00422-008-0233-1.

    With u = (w - w_min) / (w_max - w_min), the weight counts by f_plus = (1 - u)^mu and f_minus = u^mu
    (Guetig, Aharonov, Rotter and Sompolinsky 2003, doi:10.1523/JNEUROSCI.23-09-03697.2003): mu = 0 is
    the additive rule, mu = 1 the multiplicative one. pairs: "all", or "nearest" where an event sets
    its trace to 1, so that each pairs with the last one of the other side alone.

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
    mu: float = 0.0  # how strongly the weight counts
    pairs: str = "all"

    def __post_init__(self) -> None:
        for field in ("a_plus", "a_minus"):
            if getattr(self, field) is not None:
                check.keep(self, field, check.real)
        check.keep(self, "w_min", check.real)
        if self.w_max is not None:
            check.keep(self, "w_max", check.within, above=self.w_min)
        check.keep(self, "mu", check.within, least=0.0)
        check.one_of(self, "pairs", self.pairs, PAIRS)
        super().__post_init__()

    @property
    def traces(self) -> Mapping[str, Trace]:  # type: ignore[override]
        return {
            "x": Trace("pre", "tau_plus", self.pairs),
            "y": Trace("post", "tau_minus", self.pairs),
        }

    @property
    def arrival(self) -> Callable[..., Any]:  # type: ignore[override]
        return _lower if self.mu == 0 else _lower_by_weight

    @property
    def spike(self) -> Callable[..., Any]:  # type: ignore[override]
        return _raise if self.mu == 0 else _raise_by_weight

    def constants(self, low: float, high: float) -> Mapping[str, float]:
        """a_plus and a_minus, those of the first paper where they are left out."""
        high = check.limit(self, "high", high)
        a_plus = SONG_PLUS * high if self.a_plus is None else self.a_plus
        a_minus = SONG_MINUS * a_plus if self.a_minus is None else self.a_minus
        return {"a_plus": a_plus, "a_minus": a_minus}

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


def _lower(w: Any, y: Any, a_minus: Any) -> Any:
    return w - a_minus * y


def _raise(w: Any, x: Any, a_plus: Any) -> Any:
    return w + a_plus * x


def _lower_by_weight(w: Any, y: Any, a_minus: Any, mu: Any, low: Any, high: Any) -> Any:
    return w - a_minus * y * ((w - low) / (high - low)) ** mu


def _raise_by_weight(w: Any, x: Any, a_plus: Any, mu: Any, low: Any, high: Any) -> Any:
    return w + a_plus * x * ((high - w) / (high - low)) ** mu
