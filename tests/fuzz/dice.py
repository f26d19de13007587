"""Random choices of a generator of cases: numbers that are short to read, arrays, laws, subsets of
fields.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import MISSING, fields
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from potentia.sim import Choice, Distribution, LogNormal, Normal, Uniform

Any_ = TypeVar("Any_")
DIGITS = 3  # of a number: so that equal values, which are where engines differ, do occur


class Dice:
    """Choices that depend on the seed alone."""

    def __init__(self, *seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def chance(self, p: float) -> bool:
        return bool(self.rng.random() < p)

    def pick(self, options: Sequence[Any_]) -> Any_:
        return options[int(self.rng.integers(len(options)))]

    def whole(self, low: int, high: int) -> int:
        """A whole number from `low` to `high`, both included."""
        return int(self.rng.integers(low, high + 1))

    def number(self, low: float, high: float) -> float:
        """A number of few digits in [low, high]."""
        return min(max(short(self.rng.uniform(low, high)), low), high)

    def array(self, low: float, high: float, n: int) -> NDArray[np.float64]:
        """Numbers (n,) of few digits, now and then all but one of them equal."""
        values = np.array([self.number(low, high) for _ in range(n)])
        if n and self.chance(0.15):
            values[:-1] = values[0]
        return values

    def per_unit(self, low: float, high: float, n: int, share: float = 0.5) -> Any:
        """One number, or an array (n,) with a probability of `share`."""
        return self.array(low, high, n) if self.chance(share) else self.number(low, high)

    def law(self, low: float, high: float) -> Distribution:
        """A law within [low, high], both of one sign if it has to be lognormal."""
        kinds = ["uniform", "normal", "choice"] + ["lognormal"] * (low * high > 0)
        kind, middle = self.pick(kinds), (low + high) / 2
        if kind == "uniform":
            return Uniform(low, high)
        if kind == "normal":
            sd = self.pick([0.0, (high - low) / 4, (high - low) / 2])
            bounds = {"low": low, "high": high}
            if sd == 0 or self.chance(0.3):  # the tail beyond a limit left out is far away
                sd, bounds = sd / 4, {name: bounds[name] for name in bounds if self.chance(0.5)}
            return Normal(middle, sd, **bounds)
        if kind == "choice":
            return Choice(tuple(self.number(low, high) for _ in range(self.whole(1, 4))))
        nearest = low if abs(low) < abs(high) else high
        return LogNormal(
            **{self.pick(["median", "mean"]): short(nearest * 1.5)}, sigma=self.number(0.0, 0.1)
        )

    def made(self, kind: type[Any_], share: float = 0.5, **makers: Callable[[], Any]) -> Any_:
        """A dataclass: fields without a default, and of the others a `share`, are what their makers
        return.
        """
        chosen = {}
        for own in fields(kind):  # type: ignore[arg-type]
            needed = own.default is MISSING and own.default_factory is MISSING
            if own.name in makers and (needed or self.chance(share)):
                chosen[own.name] = makers[own.name]()
        return kind(**chosen)


def short(value: float) -> float:
    """The number rounded to few digits."""
    return float(f"{value:.{DIGITS}g}")
