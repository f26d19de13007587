"""Cells that cannot be written, from the start or after many cycles."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from ...kernels.cpu import device as kernels
from ...sim import validation as check
from ...sim.seed import check_key, stream_key

MOST_CELLS: Final = 2**31 - 1  # of one array
MOST_EXPONENT: Final = 700.0  # of an exponential in double precision

Conductances = NDArray[np.float64]


@final
@dataclass(frozen=True, kw_only=True)
class StuckAt:
    """Cells that are stuck, whatever is written.

    A share `low` of the cells always rests, a share `high` always conducts in full. A cell that is
    stuck at a small share is stuck at a larger one.
    """

    low: float = 0.0
    high: float = 0.0

    def __post_init__(self) -> None:
        check.keep(self, "low", check.within, least=0.0, most=1.0)
        check.keep(self, "high", check.within, least=0.0, most=1.0)
        if self.low + self.high >= 1.0:
            raise check.fail(
                self,
                "low",
                "must leave cells that can be written: low + high < 1",
                self.low + self.high,
            )

    def apply(self, conductances: Conductances, key: int, rest: float, full: float) -> None:
        """Set those of conductances (n,) [S] that are stuck to `rest` or `full` [S], in place."""
        if self.low or self.high:
            kernels.stick(
                np.uint64(stream_key(key, "stuck")),
                float(self.low),
                float(self.high),
                float(rest),
                float(full),
                conductances,
            )

    def where(self, n: int, key: int) -> NDArray[np.int8]:
        """Of n cells: -1 stuck at rest, 1 stuck in full, 0 free."""
        states = np.zeros(check.whole(self, "n", n, most=MOST_CELLS))
        self.apply(states, check_key(self, key), -1.0, 1.0)
        return states.astype(np.int8)


ALL_FREE: Final = StuckAt()


@final
@dataclass(frozen=True, kw_only=True)
class Endurance:
    """After how many cycles of writing a cell fails for good.

    P(failed by c) = 1 - exp(-(c / cycles)**shape).

    The law of Weibull (1951), doi:10.1115/1.4010337, that is customary for oxide cells although it
    fits the upper percentiles poorly (doi:10.1016/j.mee.2017.05.007). Where a failed cell stays is
    part of the technology: HfO2 cells lose their conducting state ("Statistical assessment of
    endurance degradation ...", 2013). No figures are assumed, and no preset has any: they are
    unknown for its sources.
    """

    cycles: float  # by which a share 1 - 1/e has failed
    shape: float
    fails_to: str  # "rest" or "full"

    def __post_init__(self) -> None:
        check.keep(self, "cycles", check.within, above=0.0)
        check.keep(self, "shape", check.within, above=0.0)
        check.keep(self, "fails_to", check.one_of, ["rest", "full"])

    def failed(self, cycles: float) -> float:
        """The share of cells that have failed by so many cycles."""
        written = check.within(self, "cycles", cycles, least=0.0)
        if written == 0.0:
            return 0.0
        rate = self.shape * (math.log(written) - math.log(self.cycles))  # a power would overflow
        return -math.expm1(-math.exp(min(rate, MOST_EXPONENT)))

    def apply(
        self, conductances: Conductances, cycles: float, key: int, rest: float, full: float
    ) -> None:
        """Set those of conductances (n,) [S] that have failed to where they stay, in place."""
        value, share = rest if self.fails_to == "rest" else full, self.failed(cycles)
        own = np.uint64(stream_key(key, "endurance"))
        kernels.stick(own, share, 0.0, float(value), float(value), conductances)
