"""What an array of devices does to the conductances of its cells.

Writing, time, reading errors, wires, ranges.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

from ...sim.seed import stream_key
from ..devices.device import Device
from ..devices.faults import ALL_FREE
from ..periphery.converters import ADC
from ..periphery.mapping import DifferentialPairs, WeightMapping
from ..periphery.tile import Tile
from .numbers import Array, Arrays, Numbers, WireSolver

Pair = tuple[Any, Any]  # conductances [S], or their variances, of `plus` and `minus`
Pairs = list[Pair]  # of every slice
Keys = Sequence[tuple[int, int]]  # of the cells of both sides of every slice

DEVIATIONS: Final = 4.0  # standard deviations of the column sum that the automatic range covers
LARGEST: Final = 8.0  # and with spikes never fewer than so many of the largest cells at once


@final
@dataclass(frozen=True, kw_only=True)
class ArrayDesign:
    """Devices, their wires and converters.

    Conductances are kept by whoever calls, in arrays or tensors (`numbers`).

    A weight is cut into slices by `mapping`, each the difference of two cells; see `WeightMapping`.
    wires None: ideal ones. tile None: one array as large as the matrix. adc None: currents are
    known as they are.
    """

    device: Device
    mapping: WeightMapping = field(default_factory=DifferentialPairs)
    adc: ADC | None = None
    read_voltage: float = 0.2  # [V]
    wires: WireSolver | None = None
    tile: Tile | None = None
    numbers: Numbers = field(default_factory=Arrays)

    def scale(self, largest: Any) -> Any:
        """Weight per siemens [1/S] where a weight of `largest` stands at g_max."""
        return largest / (self.device.g_max - self.device.g_min)

    def targets(self, weights: Any, largest: Any) -> Pairs:
        """The conductances [S] that stand for `weights`, of any shape that the mapping takes."""
        shares = weights / largest if largest > 0 else weights
        return self.mapping.split(shares, self.device.g_min, self.device.g_max)

    def write(self, targets: Pairs, keys: Keys, *, bounded: bool = False) -> Pairs:
        """The devices that `keys` stand for after writing them.

        bounded: targets come from roundings that may leave the range of a device, and are brought
        back first.
        """
        low, high = self.device.g_min, self.device.g_max

        def side(cells: Any, key: int) -> Any:
            return self._law(
                cells, lambda g: self.device.write(np.clip(g, low, high) if bounded else g, key)
            )

        pairs = zip(targets, keys, strict=True)
        return [(side(plus, own), side(minus, other)) for (plus, minus), (own, other) in pairs]

    def aged(self, devices: Pairs, seconds: float, keys: Keys) -> Pairs:
        """The same devices, not to be differentiated, `seconds` after they were written."""
        if not self.device.ages:
            return devices

        def side(cells: Any, key: int) -> Any:
            flat = np.asarray(self.numbers.plain(cells), np.float64)
            return self.numbers.like(
                cells, self.device.aged(flat.reshape(-1), seconds, key).reshape(flat.shape)
            )

        pairs = zip(devices, keys, strict=True)
        return [(side(plus, own), side(minus, other)) for (plus, minus), (own, other) in pairs]

    def error(self, cells: Any, seconds: float, key: int) -> Any:
        """The standard deviation [S] of one reading of each cell, `seconds` after it was written."""
        return self._law(cells, lambda g: self.device.read_error(g, seconds, cells=key))

    def effective(self, cells: Any, *, shared: bool = False) -> Any:
        """What cells (rows, columns) [S] conduct to the feet of their columns.

        Without wires this is what they are. Behind wires the current at the foot of a column per
        volt at a word line while all others are held at 0 V, tile by tile, unused cells at rest.
        shared: the one column is a reference, an array of its own.
        """
        if self.wires is None:
            return cells
        grid = self.numbers.plain(cells)
        seen, tile = np.zeros(grid.shape), self.of_size(*grid.shape)
        width = 1 if shared else tile.columns
        for rows in tile.blocks(grid.shape[0]):
            for columns in Tile(rows=tile.rows, columns=width).strips(grid.shape[1]):
                used = grid[rows, columns]
                # lines are as long as the tile
                whole = np.full((tile.rows, width), self.device.rest, grid.dtype)
                whole[: used.shape[0], : used.shape[1]] = used
                found = self.wires.effective(np.ascontiguousarray(whole, dtype=np.float64))
                seen[rows, columns] = found[: used.shape[0], : used.shape[1]]
        return self.numbers.like(cells, seen)

    def of_size(self, rows: int, columns: int) -> Tile:
        """The arrays that a matrix of this size stands in."""
        return Tile(rows=max(rows, 1), columns=max(columns, 1)) if self.tile is None else self.tile

    def stuck(self, n: int, key: int) -> NDArray[np.uint8]:
        """Whether each of n cells answers no pulse; (0,) if all do."""
        if self.device.faults == ALL_FREE:
            return np.zeros(0, np.uint8)
        stuck: NDArray[np.uint8] = (self.device.stuck(n, key) != 0).astype(np.uint8)
        return stuck

    def _law(self, cells: Any, law: Any) -> Any:
        return self.numbers.law(cells, law, self.device.g_min, self.device.g_max)


def cell_keys(key: int, slices: int) -> list[tuple[int, int]]:
    """The keys that stand for the cells of every slice and side, of the key of them all."""
    return [(stream_key(key, k, "plus"), stream_key(key, k, "minus")) for k in range(slices)]


def driven_range(pairs: Any, rms: float) -> float:
    """A full scale [S] of column sums, each row driven by a number.

    The sums are of `pairs` (rows, columns), plus - minus [S]. For independent rows of this root
    mean square around zero the largest standard deviation of a column times `DEVIATIONS`, and no
    more than all rows of one sign together.
    """
    spread = DEVIATIONS * rms * (pairs * pairs).sum(0) ** 0.5
    return float(spread.clip(None, abs(pairs).sum(0)).max())


def spiking_range(
    pairs: Array, columns: NDArray[np.uint32], n_columns: int, activity: float
) -> float:
    """A full scale [S] of column sums, each row driven by spikes or not at all.

    pairs (n,): plus - minus of each pair [S]; columns (n,): where they are. With each row active in
    a share `activity` of the steps, independently, a column sum has the mean a * sum(pairs) and the
    variance a (1 - a) * sum(pairs**2). The range covers four standard deviations around the mean
    and at least eight of the largest cells at once, but no more than all cells of one sign
    together, in every column.
    """
    if pairs.size == 0:
        return 0.0
    up, down = (
        np.bincount(columns, np.maximum(sign * pairs, 0.0), n_columns) for sign in (1.0, -1.0)
    )
    spread = np.sqrt(activity * (1 - activity) * np.bincount(columns, pairs**2, n_columns))
    expected = np.maximum(
        activity * np.abs(up - down) + DEVIATIONS * spread, LARGEST * np.abs(pairs).max()
    )
    return float(np.minimum(expected, np.maximum(up, down)).max())
