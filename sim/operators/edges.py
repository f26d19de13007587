"""Synapses before they are sorted by delay: `Edges`, which are listed, or `Rows`, drawn again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...kernels.cpu import rows as kernels

Ids = NDArray[np.uint32]


@dataclass(frozen=True, eq=False)
class Edges:
    """The synapses of one projection, sorted by source.

    Those of one source are sorted by target, unless they are `dealt`.

    sources, targets (n,) unit indices; weights (n,) where the connectivity has weights of its own;
    order (n,): index of each synapse in the arrays that the user gave, so that an array of delays
    given with them becomes ``delays[order]``. dealt: the targets of a source are independent draws
    whose order means nothing, so the source's delays are given to them in ascending order; then
    chances (n,) uint16 are the random bits that choose among few levels of weights.
    """

    sources: Ids
    targets: Ids
    weights: NDArray[np.float64] | None = None
    order: Ids | None = None
    chances: NDArray[np.uint16] | None = None

    @property
    def dealt(self) -> bool:
        return self.chances is not None

    def __len__(self) -> int:
        return int(self.sources.size)


@dataclass(frozen=True, eq=False)
class Rows:
    """The synapses of one projection as independent draws of targets, source by source.

    key: of the draws; n_post: number of targets; skip_self: a unit never reaches the target of its
    own index; first (n_pre + 1,) int64: where the synapses of each source begin.
    """

    key: np.uint64
    n_post: int
    skip_self: bool
    first: NDArray[np.int64]

    @property
    def n(self) -> int:
        return int(self.first[-1])

    def edges(self) -> Edges:
        """All of them, listed one by one."""
        targets, chances = np.empty(self.n, np.uint32), np.empty(self.n, np.uint16)
        kernels.draw_rows_in_order(
            self.key, self.n_post, self.skip_self, self.first, targets, chances
        )
        sources = np.repeat(np.arange(self.first.size - 1, dtype=np.uint32), np.diff(self.first))
        return Edges(sources, targets, chances=chances)
