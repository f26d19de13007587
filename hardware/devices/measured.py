"""The range in which a device has been measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from ...sim import validation as check
from ...sim.notice import notify

SAME: Final = 1e-9  # relative excess of a bound that is rounding


@final
@dataclass(frozen=True, kw_only=True)
class Measured:
    """Bounds of what the source of a device has looked at; None where it does not say."""

    source: str
    conductance: tuple[float, float] | None = None  # [S]
    seconds: tuple[float, float] | None = None  # after writing [s]

    def __post_init__(self) -> None:
        check.keep(self, "source", check.text)
        for field in ("conductance", "seconds"):
            if getattr(self, field) is None:
                continue
            bounds = check.finite_array(self, field, getattr(self, field), ndim=1, least=0.0)
            if bounds.size != 2 or bounds[0] > bounds[1]:
                raise check.fail(self, field, "must be two bounds, 0 <= low <= high", bounds)
            object.__setattr__(self, field, tuple(bounds.tolist()))

    def ask_conductances(self, owner: object, conductances: NDArray[np.float64]) -> None:
        """Warn, once, of conductances (n,) [S] outside of the measured range."""
        if self.conductance is not None and conductances.size:
            ask(
                owner,
                "targets",
                conductances.min(),
                conductances.max(),
                self.conductance,
                "S",
                self.source,
            )

    def ask_seconds(self, owner: object, seconds: float) -> None:
        """Warn of a time after the measured ones.

        Earlier than the first, cells are as they were written.
        """
        if self.seconds is not None:
            ask(
                owner,
                "seconds",
                self.seconds[0],
                max(seconds, self.seconds[0]),
                self.seconds,
                "s",
                self.source,
            )


def ask(
    owner: object,
    field: str,
    least: float,
    most: float,
    bounds: tuple[float, float],
    unit: str,
    source: str,
) -> None:
    """Warn if [least, most] is not inside `bounds`."""
    low, high = bounds
    too_low, too_high = least < low * (1 - SAME), most > high * (1 + SAME)
    if too_low or too_high:
        where = f"at {low:g} {unit}" if low == high else f"from {low:g} to {high:g} {unit}"
        rule = f"measured {where} only, {source}"
        got = least if too_low else most
        name = f"{check.name_of(owner)}.{field}"
        notify(f"{name}: {rule} (got {got:g})", about=(name, rule))
