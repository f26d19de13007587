"""Matrix products with the cells of arrays below each other."""

from __future__ import annotations

from typing import Final, final

import numpy as np

from ...kernels.torch.deliver import Delivered
from ..array.rows import Cells
from ..periphery.straight_through import torch

Tensor = torch.Tensor

DENSE: Final = 0.1  # share of all places in the arrays from which on cells are a matrix
SMALL: Final = 1 << 14  # places up to which they are one in any case


@final
class Blocks:
    """Where the cells of each array stand: in a matrix or, where they are few, in a list.

    rows (n_rows,): the segments, source * n_lags + lag, of the word lines that have cells, in the
    order in which they fill the arrays.
    """

    def __init__(self, cells: Cells, n_post: int) -> None:
        first = cells.first.astype(np.int64)
        lengths = np.diff(first)
        self.rows = np.flatnonzero(lengths)
        self.first = np.append(first[self.rows], first[-1])
        self.columns = cells.columns.astype(np.int64)
        self.n_columns, self.n_post = cells.n_columns, n_post
        # the array below that each row is in, and where those of each array begin
        below = self.columns[self.first[:-1]] // n_post
        count = cells.n_columns // n_post
        self.begins = np.searchsorted(below, np.arange(count + 1)).tolist()
        places = self.rows.size * n_post
        self.dense = places <= SMALL or self.columns.size >= DENSE * places
        row = np.repeat(np.arange(self.rows.size), lengths[self.rows])
        self.places = row * n_post + self.columns % n_post
        self.whole = np.array_equal(self.places, np.arange(places))

    def matrices(self, values: Tensor) -> Tensor:
        """What `product` takes for values (n_cells,): a matrix of all rows, or the values."""
        if not self._dense(values):
            return values
        shape = (self.rows.size, self.n_post)
        if self.whole:
            return values.view(shape)
        at = torch.from_numpy(self.places).to(values.device)
        return values.new_zeros(shape[0] * shape[1]).index_add(0, at, values).view(shape)

    def product(self, rows: Tensor, matrices: Tensor) -> Tensor:
        """What columns add up (time, batch, n_columns); rows (time, batch, n_rows)."""
        if not self._dense(matrices):
            wiring = (np.zeros(1, np.int64), self.first, self.columns, self.n_columns)
            found: Tensor = Delivered.apply(rows, matrices, 0, *wiring)
            return found
        time, batch, _ = rows.shape
        parts = []
        for low, high in zip(self.begins[:-1], self.begins[1:], strict=True):
            own = rows[:, :, low:high].reshape(time * batch, high - low)
            parts.append(own @ matrices[low:high])
        return torch.cat(parts, 1).view(time, batch, self.n_columns)

    def _dense(self, values: Tensor) -> bool:
        return self.dense or values.device.type != "cpu"
