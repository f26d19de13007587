"""Cells whose current is not proportional to their voltage, between resistive lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from ...errors import DivergenceError
from ...sim import validation as check
from .lines import Lines

Array = NDArray[np.float64]

MOST: Final = 100  # Newton steps
FINEST: Final = 1e-9  # of a Newton step
STEEPEST: Final = 100.0  # volts per v0 beyond which sinh leaves double precision's comfort
SHARPER: Final = 1e-2  # tolerance of the linear solves relative to Newton's


@final
@dataclass(frozen=True, kw_only=True)
class SinhCell:
    """A cell of the law I = g v0 sinh(u / v0).

    It is ohmic with conductance g at small voltages u, exponential at large ones.

    The law of tunnelling through the gap of a filament (Guan, Yu and Wong 2012,
    doi:10.1109/LED.2012.2210856); v0 = 0.25 V is the value of that model as published (Jiang and
    Wong 2014, doi:10.4231/D37H1DN48).
    """

    v0: float = 0.25  # [V]

    def __post_init__(self) -> None:
        check.keep(self, "v0", check.within, above=0.0, unit="V")

    def current(self, g: Array, u: Array) -> Array:
        """The currents [A] of cells with conductances g [S] at voltages u [V]."""
        current: Array = g * self.v0 * np.sinh(u / self.v0)
        return current

    def slope(self, g: Array, u: Array) -> Array:
        """dI/du [S]."""
        slope: Array = g * np.cosh(u / self.v0)
        return slope

    def check_reach(self, voltages: Array) -> None:
        """Refuse voltages [V] at which the law has long left what any cell survives."""
        worst = float(np.abs(voltages).max(initial=0.0))
        if worst > STEEPEST * self.v0:
            raise check.fail(
                self,
                "v0",
                f"must be >= {worst / STEEPEST:.3g} V for voltages up to {worst:g} V",
                self.v0,
            )


class Solution(NamedTuple):
    """What Newton's method found.

    currents (columns,) [A]; voltages (rows, columns) of the cells [V]; errors of every Newton step,
    relative.
    """

    currents: Array
    voltages: Array
    errors: list[float]


def newton(lines: Lines, cell: SinhCell, g: Array, voltages: Array, tolerance: float) -> Solution:
    """The circuit of `lines` with nonlinear cells of g (rows, columns) [S].

    It is driven at voltages (rows,) [V]. Unknown are the cells' voltages u. With the currents I(u)
    given, the lines, which are linear, answer with the voltages T(u) = w - b; u = T(u) is sought. A
    Newton step replaces every cell by its tangent, a conductance I'(u) and a source I(u) - I'(u) u,
    and solves that crossbar. A step that does not bring u nearer to T(u) is halved. Ends when |u -
    T(u)| <= tolerance * max |voltages| everywhere.
    """
    cell.check_reach(voltages)
    scale = float(np.abs(voltages).max())
    u = np.zeros_like(g)
    currents, error = _answer(lines, cell, g, voltages, u)
    errors: list[float] = []
    while error > tolerance * scale:
        errors.append(error / scale)
        step, share = _tangent(lines, cell, g, voltages, u, tolerance * SHARPER) - u, 1.0
        trial = _answer(lines, cell, g, voltages, u + step)
        while not trial[1] < error and share > FINEST:
            share *= 0.5
            trial = _answer(lines, cell, g, voltages, u + share * step)
        if share <= FINEST or len(errors) > MOST:
            raise DivergenceError(
                f"Newton's method did not settle: error {error:.1e} V after {len(errors)} steps "
                f"(tolerance {tolerance:g})"
            )
        u, (currents, error) = u + share * step, trial
    return Solution(currents, u, errors)


def _answer(
    lines: Lines, cell: SinhCell, g: Array, voltages: Array, u: Array
) -> tuple[Array, float]:
    """The currents into the ground if the cells have voltages u.

    Also how far the lines' answer is from u [V].
    """
    # a step that is too long is refused, not feared
    with np.errstate(over="ignore", invalid="ignore"):
        found = lines.under(voltages, cell.current(g, u))
        return found.currents, float(np.abs(found.word - found.bit - u).max())


def _tangent(
    lines: Lines, cell: SinhCell, g: Array, voltages: Array, u: Array, tolerance: float
) -> Array:
    """The cells' voltages (rows, columns) [V] in the crossbar of their tangents at u."""
    slope = cell.slope(g, u)
    found = lines.with_cells(slope).potentials(
        voltages, max(tolerance, 1e-13), cell.current(g, u) - slope * u
    )
    return found.word - found.bit
