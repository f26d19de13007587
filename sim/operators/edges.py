"""Synapses before they are put in order of delay: all spelled out, or as rows that can be drawn again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...kernels.cpu import rows as kernels

Ids = NDArray[np.uint32]


@dataclass(frozen=True, eq=False)
class Edges:
    """The synapses of one projection, sorted by source; those of one source by target unless they are `dealt`.

    sources, targets (n,) unit indices; weights (n,) where the connectivity brings its own; order (n,) the
    place of each synapse in the arrays that the user gave: delays given beside them become ``delays[order]``.
    dealt: the targets of a source are independent draws in no order, so a source's delays are dealt to them in
    ascending order; chances (n,) uint16 are then the random bits from which weights of few levels are chosen.
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

    first (n_pre + 1,) int64: how many synapses the sources before have; n_post; skip_self: never the target of
    the source's own index.
    """

    key: np.uint64
    n_post: int
    skip_self: bool
    first: NDArray[np.int64]

    @property
    def n(self) -> int:
        return int(self.first[-1])

    def edges(self) -> Edges:
        """All of them spelled out."""
        targets, chances = np.empty(self.n, np.uint32), np.empty(self.n, np.uint16)
        kernels.draw_rows_in_order(self.key, self.n_post, self.skip_self, self.first, targets, chances)
        sources = np.repeat(np.arange(self.first.size - 1, dtype=np.uint32), np.diff(self.first))
        return Edges(sources, targets, chances=chances)
