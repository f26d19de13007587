"""Which cells of an array a spike drives, and what they conduct to the foot of each column."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from ...errors import CapacityError, ParameterError
from ..periphery.tile import Tile
from .array import reach
from .design import ArrayDesign

if TYPE_CHECKING:
    from ...sim.operators.synapses import Synapses

Array = NDArray[np.float64]

MOST_CELLS: Final = 2**31 - 1
# of a cell in a dense array: two conductances, the variance of their reading, the column
BYTES: Final = 28


@dataclass(frozen=True)
class Cells:
    """The cells of each word line, side by side.

    first (n_segments + 1,) uint32, where those of each (source, lag) begin; columns (n_cells,)
    uint32, their columns: every n_post columns are those of one more array; plus, minus (n_cells,)
    [S] what they conduct; excess (n_cells,) [S^2] the variance of reading them beyond that of the
    device's relative error, or (0,); places (n,) the cell of each synapse, and reached (2, n) what
    share of an error of its `plus` and `minus` gets through to the column; None where cells are
    synapses and wires ideal.
    """

    first: NDArray[Any]
    columns: NDArray[np.uint32]
    plus: Array
    minus: Array
    excess: Array
    n_columns: int
    places: NDArray[np.int64] | None = None
    reached: Array | None = None


def listed(synapses: Synapses, plus: Array, minus: Array, excess: Array) -> Cells:
    """A cell for every synapse, in one array with ideal wires; plus, minus, excess (n,)."""
    return Cells(synapses.first, synapses.targets, plus, minus, excess, synapses.n_post)


def tiled(cells: Cells, tile: Tile) -> Cells:
    """The same in arrays of limited size.

    What lies below the first `tile.rows` word lines has columns of its own.
    """
    lengths = np.diff(cells.first.astype(np.int64))
    below = (np.cumsum(lengths > 0) - 1) // tile.rows
    count = int(below.max(initial=0)) + 1
    columns = cells.columns + np.repeat(below, lengths).astype(np.uint32) * np.uint32(
        cells.n_columns
    )
    return replace(cells, columns=columns, n_columns=cells.n_columns * count)


def wired(cells: Cells, excess: Array, design: ArrayDesign, idle: float, owner: str) -> Cells:
    """The same behind wires: every word line reaches every column of its array.

    Where there is no synapse, and in the rows and columns of a tile that are not used (see `Tile`),
    a cell is at rest; idle: the variance [S^2] of reading it, like `excess`. What a cell conducts
    is then its effective conductance (`ArrayDesign.effective`), for the arrays of `plus` and of
    `minus` each. The device's relative error is taken of that, current that comes past a weak cell
    included; of the excess a cell sends its share (`reach`). excess (2, n) is that of `plus` and of
    `minus`, or (2, 0).

    Raises ParameterError where two synapses would share a cell, CapacityError if the arrays do not
    fit into memory.
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
    effective: list[Array] = []
    reached: list[Array] = []
    seen = np.zeros(n_rows * n_post if excess.size else 0)
    for conductances, own in zip((cells.plus, cells.minus), excess, strict=True):
        grid = np.full(n_rows * n_post, design.device.rest)
        grid[places] = conductances
        effective.append(design.effective(grid.reshape(n_rows, n_post)).reshape(-1))
        share = reach(design, grid, effective[-1])
        reached.append(share[places])
        if own.size:
            errors = np.full(seen.size, idle)
            errors[places] = own
            seen += errors * share**2
    first = np.append(0, np.cumsum(np.where(lengths > 0, n_post, 0))).astype(np.uint32)
    columns = np.tile(np.arange(n_post, dtype=np.uint32), n_rows)
    plus, minus = effective
    dense = Cells(first, columns, plus, minus, seen, n_post, places, np.stack(reached))
    return tiled(dense, design.of_size(n_rows, n_post))


def _check_size(rows: int, columns: int, owner: str) -> None:
    if rows * columns > MOST_CELLS:
        raise CapacityError(
            f"Crossbar.wires: {owner} needs {rows:,} x {columns:,} cells, {BYTES * rows * columns:,} bytes, and at "
            f"most {MOST_CELLS:,} cells can be emulated (choose fewer delays, or wires=None)"
        )
