"""Arrays of one size, and matrices that are larger or smaller than they."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...sim import validation as check

MOST_LINES: Final = 2**24  # of a matrix


@final
@dataclass(frozen=True, kw_only=True)
class Tile:
    """One array of `rows` word lines and `columns` bit lines.

    Matrices are cut into as many as they need. The last tiles are filled up, nothing is ever left
    out: a matrix begins at the left, where word lines are driven, and at the top, far from the foot
    of the bit lines; what it does not use are cells at rest, further right and below, in rows held
    at 0 V. So lines behind resistive wires always have the length of the tile. Word lines are cut
    too, so the sums of the tiles below each other are converted one by one and added digitally.
    """

    rows: int = 512
    columns: int = 512

    def __post_init__(self) -> None:
        check.keep(self, "rows", check.whole, least=1, most=MOST_LINES)
        check.keep(self, "columns", check.whole, least=1, most=MOST_LINES)

    def grid(self, rows: int, columns: int) -> tuple[int, int]:
        """How many tiles below and beside each other hold a matrix of this shape."""
        rows, columns = (
            check.whole(self, name, n) for name, n in (("rows", rows), ("columns", columns))
        )
        return -(-rows // self.rows), -(-columns // self.columns)

    def blocks(self, rows: int) -> list[slice]:
        """The rows of the matrix that each tile holds, from top to bottom."""
        return _slices(check.whole(self, "rows", rows, most=MOST_LINES), self.rows)

    def strips(self, columns: int) -> list[slice]:
        """The columns of the matrix that each tile holds, from left to right."""
        return _slices(check.whole(self, "columns", columns, most=MOST_LINES), self.columns)

    def cut(self, matrix: ArrayLike, *, fill: float = 0.0) -> NDArray[np.float64]:
        """A matrix as tiles (tiles below, tiles beside, rows, columns), unused cells at `fill`.

        Raises ParameterError if `matrix` is not a matrix of finite numbers.
        """
        given = check.finite_array(self, "matrix", matrix, ndim=2)
        below, beside = self.grid(*given.shape)
        padded = np.full((below * self.rows, beside * self.columns), check.real(self, "fill", fill))
        padded[: given.shape[0], : given.shape[1]] = given
        return padded.reshape(below, self.rows, beside, self.columns).swapaxes(1, 2).copy()

    def join(self, tiles: NDArray[Any], rows: int, columns: int) -> NDArray[Any]:
        """The matrix (rows, columns) that `cut` made these tiles of."""
        rows, columns = (
            check.whole(self, name, n) for name, n in (("rows", rows), ("columns", columns))
        )
        tiles = check.finite_array(self, "tiles", tiles)
        expected = (*self.grid(rows, columns), self.rows, self.columns)
        if np.shape(tiles) != expected:
            raise check.fail(
                self, "tiles", f"must have the shape {expected}", f"shape {np.shape(tiles)}"
            )
        below, beside = expected[:2]
        whole = np.asarray(tiles).swapaxes(1, 2).reshape(below * self.rows, beside * self.columns)
        return whole[:rows, :columns].copy()


def _slices(length: int, size: int) -> list[slice]:
    return [slice(first, min(first + size, length)) for first in range(0, length, size)]
