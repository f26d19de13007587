"""Synapses that are drawn again at every spike: where the draws of each source and delay begin."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...kernels.reference.rows import row_begin
from ..operators.synapses import Synapses

AT_ONCE: Final = 1024  # sources for which full tables of delays are held at the same time


class Draws:
    """Where the draws of each (source, lag) begin, for all members of a bundle.

    In the form that `row_begin` reads.

    sizes (n_pre, n_members), shares (n_lags + 1, n_members), offsets (n_pre, n_lags + 1,
    n_members); most: the greatest number of draws of one (source, lag) of one member.
    """

    def __init__(self, n_pre: int, lags: NDArray[np.int64], n_members: int) -> None:
        self.lags, self.filled, self.most = lags, 0, 0
        self.sizes = np.zeros((n_pre, n_members), np.uint32)
        self.shares = np.zeros((lags.size + 1, n_members), np.uint32)
        self.offsets: NDArray[Any] = np.zeros((n_pre, lags.size + 1, n_members), np.int8)

    def add(self, member: Synapses) -> None:
        """Enter the next projection."""
        counts, columns = member.lag_counts(), 1 + np.searchsorted(self.lags, member.lags)
        k, self.filled = self.filled, self.filled + 1
        self.most = max(self.most, int(counts.max(initial=0)))
        self.sizes[:, k] = counts.sum(axis=1)
        whole = np.zeros(self.lags.size + 1)
        whole[columns] = counts.sum(axis=0, dtype=np.int64)
        self.shares[:, k] = np.rint(np.cumsum(whole) * (65536 / max(member.n, 1)))
        for begin in range(0, len(counts), AT_ONCE):
            rows = slice(begin, begin + AT_ONCE)
            begins = np.zeros((len(counts[rows]), whole.size), np.int64)
            begins[:, columns] = counts[rows]
            offsets = np.cumsum(begins, axis=1) - row_begin(
                self.sizes[rows, k, None], self.shares[:, k], 0
            )
            dtype = np.promote_types(self.offsets.dtype, _narrowest(offsets))
            self.offsets = self.offsets.astype(dtype, copy=False)
            self.offsets[rows, :, k] = offsets


def _narrowest(numbers: NDArray[np.int64]) -> Any:
    """The signed dtype that holds all of them in the fewest bytes."""
    return np.min_scalar_type(min(int(numbers.min(initial=0)), -1 - int(numbers.max(initial=0))))
