"""Surrogate gradients: which smooth curve stands for the step at threshold where torch trains."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Final, final

from .. import validation as check

MOST_SLOPE: Final = 1e6
CURVES: Final = ("arctan", "fast_sigmoid", "triangular", "straight_through")  # of the library


@dataclass(frozen=True, kw_only=True)
class Surrogate(ABC):
    """The derivative that stands for that of the step at threshold.

    It is a function of x = (v - threshold) / (threshold - reset), so it suits units of any scale.
    Neftci, Mostafa and Zenke (2019), doi:10.1109/MSP.2019.2931595. through_reset: whether gradients
    also pass by way of the reset; without, as Zenke and Vogels (2021), doi:10.1162/neco_a_01367,
    found better.

    One of your own names as `kernel` a function of x and `slope` on tensors.
    """

    slope: float = 1.0
    through_reset: bool = False

    @property
    @abstractmethod
    def kernel(self) -> Any:
        """The curve: a name or a function, which a class gives as an attribute."""

    def __post_init__(self) -> None:
        if not callable(self.kernel) and self.kernel not in CURVES:
            rule = f"must be a function of x and slope, or one of {', '.join(CURVES)}"
            raise check.fail(self, "kernel", rule, self.kernel)
        check.keep(self, "slope", check.within, above=0.0, most=MOST_SLOPE)
        check.keep(self, "through_reset", check.flag)


@final
@dataclass(frozen=True, kw_only=True)
class ArcTan(Surrogate):
    """slope / 2 / (1 + (pi / 2 slope x)^2); Fang et al. (2021), doi:10.1109/ICCV48922.2021.00266."""

    slope: float = 2.0
    kernel: ClassVar[str] = "arctan"


@final
@dataclass(frozen=True, kw_only=True)
class FastSigmoid(Surrogate):
    """1 / (1 + slope |x|)^2; Zenke and Ganguli (2018), doi:10.1162/neco_a_01086."""

    slope: float = 25.0
    kernel: ClassVar[str] = "fast_sigmoid"


@final
@dataclass(frozen=True, kw_only=True)
class Triangular(Surrogate):
    """max(0, 1 - slope |x|); Bellec et al. (2018), arXiv:1803.09574."""

    slope: float = 1.0
    kernel: ClassVar[str] = "triangular"


@final
@dataclass(frozen=True, kw_only=True)
class StraightThrough(Surrogate):
    """slope, at any distance; Bengio, Leonard and Courville (2013), arXiv:1308.3432."""

    slope: float = 1.0
    kernel: ClassVar[str] = "straight_through"
