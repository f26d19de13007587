"""A compiled projection: its synapses in (source, delay) order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...kernels.cpu import rows as kernels
from ...kernels.cpu.connectivity import layout, reverse_index
from .convolution import Convolution
from .edges import Rows


@dataclass(frozen=True, eq=False)
class Listing:
    """Synapses listed one by one in (source, lag) order.

    first (n_pre * n_lags + 1,) uint32: start of the segment of each (source, lag); targets (n,)
    uint32. Either codes (n,) uint16, the level of each weight (empty where there is one level), or
    weights (n,) float64.
    """

    first: NDArray[np.uint32]
    targets: NDArray[np.uint32]
    codes: NDArray[np.uint16]
    weights: NDArray[np.float64]


class LagTable(NamedTuple):
    """Delays on the grid, and the tables to draw them.

    Distinct `lags` (n_lags,) int64 [steps]; for the tables see `rows.lag_table`.
    """

    lags: NDArray[np.int64]
    thresholds: NDArray[np.uint64]
    guide: NDArray[np.uint32]


@dataclass(eq=False)
class Synapses:
    """The synapses of one projection, sorted by source, then delay.

    Those of one source and delay are sorted by target, or stand as they were drawn.

    lags (n_lags,) int64: distinct delays [steps]; levels (n_levels,): the weights that occur, None
    where every synapse has a weight of its own; plastic: a rule changes them. places (n,) uint32: where each
    synapse stands, in the order in which they were drawn, which is that of `Simulator.weights`;
    None where that is the order here (see `by_target`).

    They are either `rows`, which are not kept as a list and perhaps `redrawn` at every spike, or
    follow from a `convolution`, or are a `listing`. After `release` a listing is drawn again
    whenever it is asked for, since the bundle of a static projection holds its synapses already;
    that of a convolution always is.
    """

    name: str
    n_pre: int
    n_post: int
    n: int
    lags: NDArray[np.int64]
    levels: NDArray[np.float64] | None
    plastic: bool
    key: int
    dt: float
    rows: Rows | None = None
    table: LagTable | None = None
    redrawn: bool = False
    convolution: Convolution | None = None
    delay_key: int = 0
    redraw: Callable[[], Listing] | None = None
    places: NDArray[np.uint32] | None = None
    _listing: Listing | None = None

    @property
    def listing(self) -> Listing:
        """The synapses one by one.

        A listing is kept until `release`; that of rows is made anew each time.
        """
        if self._listing is not None:
            return self._listing
        if self.rows is not None:
            return self._listed_rows()
        assert self.redraw is not None
        return self.redraw()

    def drawn(self, values: NDArray[Any]) -> NDArray[Any]:
        """One value per synapse (n,), in the order in which synapses were drawn."""
        return values if self.places is None else values[self.places]

    def placed(self, values: NDArray[Any]) -> NDArray[Any]:
        """Values (n,) in the order in which synapses were drawn, in the order here."""
        if self.places is None:
            return values
        placed = np.empty_like(values)
        placed[self.places] = values
        return placed

    def by_target(self) -> None:
        """Let the targets of every segment ascend, synapses of one target as they were drawn."""
        if self.ascending():
            return
        listing = self.listing
        _, order = reverse_index(listing.targets, self.n_post)
        segments, none = self.segments()[order], np.zeros(order.size, np.uint32)
        order = order[layout(segments, none, listing.first.size - 1, 1)[1]]
        self.places = np.empty_like(order)
        self.places[order] = np.arange(order.size, dtype=order.dtype)
        codes, weights = listing.codes, listing.weights
        self._listing = Listing(
            listing.first,
            listing.targets[order],
            codes[order] if codes.size else codes,
            weights[order] if weights.size else weights,
        )

    def release(self) -> None:
        """Forget the listing; it is drawn again when it is asked for."""
        self._listing = None

    @property
    def first(self) -> NDArray[np.uint32]:
        return self.listing.first

    @property
    def targets(self) -> NDArray[np.uint32]:
        return self.listing.targets

    @property
    def weights(self) -> Any:
        """One number or (n,) float64."""
        if self.levels is None:
            return self.listing.weights
        return float(self.levels[0]) if self.levels.size == 1 else self.levels[self.listing.codes]

    @property
    def occurring(self) -> NDArray[np.float64]:
        """All weights that occur, each once or more often."""
        if self.convolution is not None:
            return self.convolution.occurring
        return self.listing.weights if self.levels is None else self.levels[: max(self.n, 0)]

    def outgoing(self) -> NDArray[np.int64]:
        """The number of synapses of each source (n_pre,); rows are not listed for this."""
        if self.convolution is not None:
            return self.convolution.outgoing()
        first = self.first[:: self.lags.size] if self.rows is None else self.rows.first
        return np.diff(first.astype(np.int64))

    def sources(self) -> NDArray[np.uint32]:
        """The source of every synapse (n,)."""
        return np.repeat(np.arange(self.n_pre, dtype=np.uint32), self.outgoing())

    def segments(self) -> NDArray[np.uint32]:
        """The (source, lag) segment, source * n_lags + lag index, of every synapse (n,)."""
        per_segment = np.diff(self.first.astype(np.int64))
        return np.repeat(np.arange(per_segment.size, dtype=np.uint32), per_segment)

    def delays(self) -> NDArray[np.int64]:
        """The delay of every synapse (n,) [steps]."""
        return self.lags[self.segments() % self.lags.size]

    def ascending(self) -> bool:
        """Whether the targets of every segment ascend, as threads need it that share them out."""
        first, targets = self.first, self.targets
        begins = np.zeros(targets.size + 1, bool)
        begins[first] = True
        return bool(begins[1:-1][targets[1:] < targets[:-1]].all())

    def mark(self, update: Callable[[Any], None]) -> None:
        """Hand `update` bytes that differ from those of any other synapses, for a digest."""
        arrays: tuple[Any, ...] = (self.lags,)
        if self.rows is not None and self.table is not None:
            arrays += (
                self.rows.first,
                self.table.thresholds,
                np.array([self.rows.key, self.delay_key], np.uint64),
            )
        elif self.convolution is not None:
            arrays += self.convolution.mark()
        else:
            listing = self.listing
            arrays += (listing.first, listing.targets, listing.codes)
        for array in arrays:
            update(np.ascontiguousarray(array).data)

    def lag_counts(self) -> NDArray[np.uint32]:
        """How many synapses each (source, lag) has (n_pre, n_lags)."""
        if self.convolution is not None:
            return self.convolution.outgoing().astype(np.uint32)[:, None]
        if self.rows is None:
            return np.diff(self.first).reshape(self.n_pre, self.lags.size)
        assert self.table is not None
        counts = np.zeros((self.n_pre, self.lags.size), np.uint32)
        if self.lags.size == 1:
            counts[:, 0] = np.diff(self.rows.first)
        else:
            key = np.uint64(self.delay_key)
            kernels.deal_lags(key, self.table.thresholds, self.table.guide, self.rows.first, counts)
        return counts

    def _listed_rows(self) -> Listing:
        assert self.rows is not None
        edges, counts = self.rows.edges(), self.lag_counts()
        assert edges.chances is not None
        assert self.levels is not None
        first = np.append(np.uint32(0), np.cumsum(counts.reshape(-1), dtype=np.uint32))
        codes = edges.chances & np.uint16(self.levels.size - 1)
        return Listing(
            first, edges.targets, codes if self.levels.size > 1 else codes[:0], np.zeros(0)
        )
