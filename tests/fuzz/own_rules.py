"""A local rule such as a user writes, with all that the clock engine offers one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np

from potentia.learning import Average, Eligibility, LocalRule, Trace


@final
@dataclass(frozen=True, kw_only=True)
class Gated(LocalRule):
    """Coincidences mark a synapse, and the mean of a reward turns marks into weight where it is large."""

    w_min: float
    w_max: float
    gain: float
    tau: float = 20e-3  # of both traces [s]
    tau_mark: float = 50e-3  # [s]
    tau_reward: float = 10e-3  # [s]

    traces: ClassVar[Any] = {"x": Trace("pre", "tau", "nearest"), "y": Trace("post", "tau")}
    eligibilities: ClassVar[Any] = {"mark": Eligibility("tau_mark")}
    averages: ClassVar[Any] = {"mean": Average("post", "tau_reward", lambda reward: reward)}
    modulators: ClassVar[tuple[str, ...]] = ("reward",)

    @staticmethod
    def arrival(mark: Any, y: Any) -> Any:
        """A spike arrives."""
        return mark - 0.5 * y / (1 + y)

    @staticmethod
    def spike(mark: Any, x: Any) -> Any:
        """The target fires."""
        return 0.9 * mark + x

    @staticmethod
    def active(mean: Any) -> Any:
        """Where a reward is felt."""
        return abs(mean) > 1.23e-4

    @staticmethod
    def step(w: Any, mark: Any, mean: Any, gain: Any) -> Any:
        """In every step."""
        return w + gain * np.tanh(mark) * mean
