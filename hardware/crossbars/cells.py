"""Which cells of an array a spike drives, and what they conduct to the foot of each column."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from ...errors import CapacityError, ParameterError
from ..periphery.tile import Tile
from ..wires.wires import Wires

if TYPE_CHECKING:
    from ...sim.operators.synapses import Synapses

Array = NDArray[np.float64]

MOST_CELLS: Final = 2**31 - 1
TINY: Final = 1e-30  # [S], below which a cell is taken to conduct nothing
BYTES: Final = 28  # of a cell in a dense array: two conductances, the variance of their reading, the column


@dataclass(frozen=True)
class Cells:
    """The cells of each word line, side by side.

    first (n_segments + 1,) uint32, where those of each (source, lag) begin; columns (n_cells,) uint32, their columns:
    every n_post columns are those of one more array; plus, minus (n_cells,) [S] what they conduct; excess (n_cells,)
    [S^2] the variance of reading them beyond that of the device's relative error, or (0,); places (n,) the cell
    of each synapse, None where they are the same.
    """

    first: NDArray[Any]
    columns: NDArray[np.uint32]
    plus: Array
    minus: Array
    excess: Array
    n_columns: int
    places: NDArray[np.int64] | None = None


def listed(synapses: Synapses, plus: Array, minus: Array, excess: Array) -> Cells:
    """A cell for every synapse, in one array with ideal wires; plus, minus, excess (n,)."""
    return Cells(synapses.first, synapses.targets, plus, minus, excess, synapses.n_post)


def tiled(cells: Cells, tile: Tile) -> Cells:
    """The same in arrays of limited size: what lies below the first `tile.rows` word lines has columns of its own."""
    lengths = np.diff(cells.first.astype(np.int64))
    below = (np.cumsum(lengths > 0) - 1) // tile.rows
    count = int(below.max(initial=0)) + 1
    columns = cells.columns + np.repeat(below, lengths).astype(np.uint32) * np.uint32(cells.n_columns)
    return replace(cells, columns=columns, n_columns=cells.n_columns * count)


def wired(cells: Cells, excess: Array, tile: Tile | None, wires: Wires, idle: tuple[float, float], owner: str) -> Cells:
    """The same behind wires: every word line reaches every column of its array.

    idle: where there is no synapse, what a cell conducts [S], also in the rows and columns of a tile that are not used
    (see `Tile`), and the variance [S^2] of reading it, like `excess`. What a cell conducts is then its effective
    conductance, the current at the foot of its column per volt at its word line while all others are held at 0 V
    (`Wires.effective`), for the arrays of `plus` and of `minus` each.
    Errors of reading grow or shrink with it; excess (2, n) is that of `plus` and of `minus`, or (2, 0).

    Raises ParameterError where two synapses would share a cell, CapacityError if the arrays do not fit into memory.
    """
    lengths = np.diff(cells.first.astype(np.int64))
    rows, n_post = np.cumsum(lengths > 0) - 1, cells.n_columns
    n_rows = int(rows[-1]) + 1 if rows.size else 0
    _check_size(n_rows, n_post, owner)
    places: NDArray[np.int64] = np.repeat(rows, lengths) * n_post + cells.columns.astype(np.int64)
    if np.unique(places).size < places.size:
        raise ParameterError(
            f"Crossbar.wires: {owner} has several synapses between two units with one delay; behind wires there is one "
            "cell for them (choose a connectivity without multapses, or wires=None)"
        )
    tile = Tile(rows=max(n_rows, 1), columns=max(n_post, 1)) if tile is None else tile
    (rest, idle_excess), effective = idle, []
    seen = np.zeros(n_rows * n_post if excess.size else 0)
    for conductances, own in zip((cells.plus, cells.minus), excess, strict=True):
        grid = np.full(n_rows * n_post, rest)
        grid[places] = conductances
        effective.append(_behind(grid.reshape(n_rows, n_post), tile, wires, rest).reshape(-1))
        if own.size:
            errors = np.full(seen.size, idle_excess)
            errors[places] = own
            seen += errors * (effective[-1] / np.maximum(grid, TINY)) ** 2
    first = np.append(0, np.cumsum(np.where(lengths > 0, n_post, 0))).astype(np.uint32)
    columns = np.tile(np.arange(n_post, dtype=np.uint32), n_rows)
    plus, minus = effective
    dense = Cells(first, columns, plus, minus, seen, n_post, places)
    return tiled(dense, tile)


def _behind(grid: Array, tile: Tile, wires: Wires, rest: float) -> Array:
    """Effective conductances (rows, columns) [S] of cells (rows, columns), tile by tile, unused cells at `rest` [S]."""
    effective = np.zeros_like(grid)
    for rows in tile.blocks(grid.shape[0]):
        for columns in tile.strips(grid.shape[1]):
            used = grid[rows, columns]
            whole = tile.cut(used, fill=rest)[0, 0]  # lines are as long as the tile, whatever it holds
            effective[rows, columns] = wires.effective(whole)[: used.shape[0], : used.shape[1]]
    return effective


def _check_size(rows: int, columns: int, owner: str) -> None:
    if rows * columns > MOST_CELLS:
        raise CapacityError(
            f"Crossbar.wires: {owner} needs {rows:,} x {columns:,} cells, {BYTES * rows * columns:,} bytes, and at "
            f"most {MOST_CELLS:,} cells can be emulated (choose fewer delays, or wires=None)"
        )
