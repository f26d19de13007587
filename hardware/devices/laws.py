"""How a figure of a device depends on its conductance: curves fitted to measurements."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from ...sim import validation as check

Values = NDArray[np.float64]

SMALLEST = 1e-7  # relative conductance below which logarithms and powers stay as they are there


class Law(ABC):
    """A curve over the relative conductance x = g / unit."""

    @abstractmethod
    def __call__(self, x: Values) -> Values:
        """The curve at x (n,)."""


def check_law(owner: object, field: str) -> None:
    """Refuse what is no law."""
    if not isinstance(value := getattr(owner, field), Law):
        raise check.fail(owner, field, "must be a Law such as Polynomial()", value)


@final
@dataclass(frozen=True, kw_only=True)
class Polynomial(Law):
    """sum_k coefficients[k] x**k, at most of degree 4."""

    coefficients: tuple[float, ...]

    def __post_init__(self) -> None:
        listed = check.finite_array(self, "coefficients", self.coefficients, ndim=1)
        if not 1 <= listed.size <= 5:
            raise check.fail(self, "coefficients", "must be one to five numbers", listed.size)
        object.__setattr__(self, "coefficients", tuple(listed.tolist()))

    def __call__(self, x: Values) -> Values:
        total = np.full(x.shape, self.coefficients[-1])
        for coefficient in self.coefficients[-2::-1]:
            total *= x
            total += coefficient
        return total


@final
@dataclass(frozen=True, kw_only=True)
class Logarithm(Law):
    """offset + slope ln x, kept inside [low, high]."""

    offset: float
    slope: float
    low: float = -math.inf
    high: float = math.inf

    def __post_init__(self) -> None:
        check.keep(self, "offset", check.real)
        check.keep(self, "slope", check.real)
        check.keep(self, "low", check.limit)
        check.keep(self, "high", check.limit)
        if not self.low <= self.high:
            raise check.fail(self, "high", f"must be >= low = {self.low:g}", self.high)

    def __call__(self, x: Values) -> Values:
        values: Values = np.clip(
            self.offset + self.slope * np.log(np.maximum(x, SMALLEST)), self.low, self.high
        )
        return values


@final
@dataclass(frozen=True, kw_only=True)
class Power(Law):
    """factor x**exponent, at most `high`."""

    factor: float
    exponent: float
    high: float = math.inf

    def __post_init__(self) -> None:
        check.keep(self, "factor", check.within, least=0.0)
        check.keep(self, "exponent", check.real)
        if check.keep(self, "high", check.limit) < 0:
            raise check.fail(self, "high", "must be >= 0", self.high)

    def __call__(self, x: Values) -> Values:
        # three times as fast as a power
        raised = np.exp(self.exponent * np.log(np.maximum(x, SMALLEST)))
        values: Values = np.minimum(self.factor * raised, self.high)
        return values


@final
@dataclass(frozen=True, kw_only=True)
class Pieces(Law):
    """One law where x < edge, another from there on."""

    edge: float
    below: Law
    above: Law

    def __post_init__(self) -> None:
        check.keep(self, "edge", check.within, above=0.0)
        check_law(self, "below")
        check_law(self, "above")

    def __call__(self, x: Values) -> Values:
        return np.where(x < self.edge, self.below(x), self.above(x))
