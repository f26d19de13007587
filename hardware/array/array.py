"""An array whose devices are written.

It tells what comes out of its columns, and backwards out of its rows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self, final

from .design import ArrayDesign, Keys, Pairs

WHOLE = slice(None)


@final
@dataclass(frozen=True, kw_only=True)
class ProgrammedArray:
    """Written devices, ready to be read.

    Pairs hold (rows, columns), `minus` (rows, 1) if the mapping shares it.

    devices: conductances [S]; effective: the same as the columns see them through wires [S];
    variances: of one reading of a cell, as it reaches its column [S^2]; scale: weight per siemens;
    full_scale: range of the converters [A], 0 if no current can flow; keys: of the cells.

    One reading of slice k with voltages V_i gives the currents

        I_j = sum_i V_i (plus_ij - minus_ij) + sqrt(sum_i V_i^2 (s+_ij^2 + s-_ij^2)) z_j
        [A],

    which is the law of the sum of all cells' independent normal errors, z standard normal.
    """

    design: ArrayDesign
    devices: Pairs
    effective: Pairs
    variances: Pairs
    scale: Any
    full_scale: float
    keys: Keys

    @classmethod
    def ready(
        cls, design: ArrayDesign, devices: Pairs, *, seconds: float, keys: Keys, scale: Any
    ) -> Self:
        """Devices that are read `seconds` after they were written.

        They have a converter range of 0 for now.
        """
        shared = design.mapping.shared
        effective = [
            (design.effective(plus), design.effective(minus, shared=shared))
            for plus, minus in devices
        ]

        def variance(cells: Any, seen: Any, key: int) -> Any:
            error = design.error(cells, seconds, key)
            if seen is not cells:
                error = error * reach(design, cells, seen)
            return error * error

        sides = zip(devices, effective, keys, strict=True)
        variances: Any = [tuple(map(variance, *side)) for side in sides]
        return cls(
            design=design,
            devices=devices,
            effective=effective,
            variances=variances,
            scale=scale,
            full_scale=0.0,
            keys=keys,
        )

    def weights(self) -> Any:
        """What the devices stand for (rows, columns)."""
        pairs = zip(self.design.mapping.coefficients, self.devices, strict=True)
        return self.scale * sum(c * (plus - minus) for c, (plus, minus) in pairs)

    def currents(self, volts: Any, k: int = 0, rows: slice = WHOLE) -> Any:
        """What the columns of slice k conduct (batch, columns) [A].

        The voltages (batch, rows) [V] are those of some rows.
        """
        plus, minus = self.effective[k]
        return volts @ (plus[rows] - minus[rows])

    def noise(self, squares: Any, keys: tuple[int, int], k: int = 0, rows: slice = WHOLE) -> Any:
        """The error of one such reading (batch, columns) [A]; squares (batch, rows) [V^2].

        A column that all share has one error, drawn from the second key.
        """
        plus, minus = self.variances[k][0][rows], self.variances[k][1][rows]
        error = self.design.numbers.error
        if not self.design.mapping.shared:
            return error(squares @ (plus + minus), keys[0])
        return error(squares @ plus, keys[0]) - error(squares @ minus, keys[1])

    def converted(self, currents: Any, factor: Any, key: int) -> Any:
        """What the converters make of currents (batch, columns) [A], times `factor`."""
        if self.design.adc is None:
            return currents * factor
        adc = replace(self.design.adc, range=self.full_scale or "auto")
        width = None if self.design.tile is None else self.design.tile.columns
        return self.design.numbers.converted(adc, currents, factor, key, width)

    def transposed(self) -> Self:
        """The same array driven at its columns and read at its rows.

        By reciprocity a column's voltage sends as much current into the driver of a row, held at 0
        V, as that row's would send to the foot of the column, wires included.
        """

        def turned(pairs: Pairs) -> Pairs:
            return [(plus.T, minus.T) for plus, minus in pairs]

        design = self.design
        if design.tile is not None:
            design = replace(
                design,
                tile=replace(design.tile, rows=design.tile.columns, columns=design.tile.rows),
            )
        return replace(
            self,
            design=design,
            devices=turned(self.devices),
            effective=turned(self.effective),
            variances=turned(self.variances),
        )


def reach(design: ArrayDesign, cells: Any, seen: Any) -> Any:
    """What share of an error of its own a cell sends to its column.

    To first order it is that of its conductance. Never more than all of it: what a column conducts
    grows by at most as much as a cell does, even where most of the current that is counted as a
    weak cell's takes other ways.
    """
    numbers = design.numbers
    own, behind = numbers.plain(cells), numbers.plain(seen)
    conducts = own > 0
    safe = own.copy()
    safe[~conducts] = 1.0
    share = (behind / safe).clip(None, 1.0)
    share[~conducts] = 1.0
    return numbers.like(cells, share)
