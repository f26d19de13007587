"""Connectivity that falls off with distance on a grid."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...kernels.cpu import connectivity as kernels
from ...kernels.reference.connectivity import ONE
from .. import validation as check
from ..conversion import is_many
from ..operators.edges import Edges
from .connectivity import Connectivity, fill, ids

MOST_CELLS = 2**24


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class DistanceDependent(Connectivity):
    """Units on a 3-D grid, joined independently, the less likely the further apart.

    The probability is P = C exp(-(D / lambda)^2), D their distance in cells.

    The liquid of Maass, Natschlaeger and Markram (2002), doi:10.1162/089976602760407955: a grid of
    15 x 3 x 3, lambda = 2, and C by the types of source and target 0.3 (EE), 0.2 (EI), 0.4 (IE),
    0.1 (II).

    shape: (nx, ny, nz) cells, numbered along z first; peak: C; length: lambda [cells]. pre_cells
    and post_cells say where the units are: the first of a range of cells, or an array of one cell
    per unit. So several populations can share a grid. A unit never reaches itself unless `autapses`
    is True.
    """

    shape: tuple[int, int, int]
    peak: float = 0.3
    length: float = 2.0
    pre_cells: int | ArrayLike = 0
    post_cells: int | ArrayLike = 0
    autapses: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.shape, (tuple, list)) or len(self.shape) != 3:
            raise check.fail(self, "shape", "must be three whole numbers, (nx, ny, nz)", self.shape)
        shape = tuple(
            check.whole(self, f"shape[{axis}]", n, least=1) for axis, n in enumerate(self.shape)
        )
        if math.prod(shape) > MOST_CELLS:
            raise check.fail(self, "shape", f"must have at most {MOST_CELLS} cells", shape)
        object.__setattr__(self, "shape", shape)
        check.keep(self, "peak", check.within, least=0.0, most=1.0)
        check.keep(self, "length", check.within, above=0.0, unit="cells")
        for name in ("pre_cells", "post_cells"):
            object.__setattr__(self, name, self._check_cells(name))
        check.keep(self, "autapses", check.flag)

    def _check_cells(self, name: str) -> int | NDArray[np.int64]:
        cells = getattr(self, name)
        if not is_many(cells):
            return check.whole(self, name, cells, most=math.prod(self.shape) - 1)
        return ids(self, name, cells, below=math.prod(self.shape))

    def _positions(self, name: str, n: int) -> NDArray[np.int64]:
        """Grid coordinates (n, 3) of the units of one side."""
        cells = getattr(self, name)
        if isinstance(cells, int):
            if cells + n > math.prod(self.shape):
                rule = f"must have room for {n} units from cell {cells} on"
                raise check.fail(
                    self, "shape", rule, f"{self.shape}, {math.prod(self.shape)} cells"
                )
            cells = np.arange(cells, cells + n)
        if cells.size != n:
            raise check.fail(
                self, name, f"must have one cell per unit ({n})", f"{cells.size} cells"
            )
        coordinates: NDArray[np.int64] = np.stack(
            np.unravel_index(cells, self.shape), axis=1, dtype=np.int64
        )
        return coordinates

    def _falloff(self, axis: int) -> NDArray[np.float64]:
        """exp(-(d / lambda)^2) for d = 0 ... along one axis.

        The product over the axes is P / C.
        """
        distances = [d / self.length for d in range(self.shape[axis])]
        return np.array([math.exp(-d * d) for d in distances])

    def expected(self, n_pre: int, n_post: int) -> float:
        field = _occupancy(self._positions("post_cells", n_post), self.shape)
        for axis in range(3):
            apart = np.abs(
                np.subtract.outer(np.arange(self.shape[axis]), np.arange(self.shape[axis]))
            )
            field = np.moveaxis(
                np.tensordot(self._falloff(axis)[apart], field, axes=(1, axis)), 0, axis
            )
        return self.peak * float(
            (_occupancy(self._positions("pre_cells", n_pre), self.shape) * field).sum()
        )

    def _draw(self, n_pre: int, n_post: int, key: np.uint64, recurrent: bool) -> Edges:
        near = np.einsum("x,y,z->xyz", *(self._falloff(axis) for axis in range(3)))
        thresholds = (self.peak * near * ONE).astype(np.uint64)
        pre, post = self._positions("pre_cells", n_pre), self._positions("post_cells", n_post)
        skip_self = recurrent and not self.autapses
        return fill(
            self.expected(n_pre, n_post),
            lambda *room: kernels.draw_grid(key, pre, post, thresholds, skip_self, *room),
        )


def _occupancy(positions: NDArray[np.int64], shape: tuple[int, int, int]) -> NDArray[np.float64]:
    """The number of units in each cell (nx, ny, nz)."""
    cells = np.ravel_multi_index(tuple(positions.T), shape)
    return np.bincount(cells, minlength=math.prod(shape)).reshape(shape).astype(np.float64)
