"""A compiled projection: its synapses in (source, delay) order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from ...errors import UnsupportedError
from ...kernels.cpu import rows as kernels
from ...kernels.cpu.connectivity import layout, reverse_index
from ..description.distributions import Distribution
from ..plan.draw_values import LagTable, draw_codes, draw_lags, lag_table, law_levels
from ..seed import stream_key
from .build import Build
from .edges import Edges, Rows
from .operator import Phase
from .signals import Signal

if TYPE_CHECKING:
    from ..description.network import Network, Projection

MOST_LAGS: Final = 256  # distinct delays of synapses that are drawn row by row


@dataclass(frozen=True, eq=False)
class Listing:
    """Synapses spelled out in (source, lag) order.

    first (n_pre * n_lags + 1,) uint32, start of each (source, lag) segment; targets (n,) uint32; codes (n,) uint16,
    the level of each weight, none where there is one level; or weights (n,) float64.
    """

    first: NDArray[np.uint32]
    targets: NDArray[np.uint32]
    codes: NDArray[np.uint16]
    weights: NDArray[np.float64]


@dataclass
class Synapses:
    """The synapses of one projection, sorted by source, then delay; ties as they were drawn, or by target.

    lags (n_lags,) int64, distinct delays [steps]; levels (n_levels,) the weights that occur, None where every
    synapse has a weight of its own. `plastic` when a rule learns them, within `bounds`. Stores deliver in `phase`;
    lanes: the ranges of targets that the threads own. scale: arrivals are counted in units of 1 / scale; None where
    they are added up as floats. alike: each arrival adds 1, whatever its weight.
    `scope` offers the kernels of stores and rules what they may ask for by name.

    The synapses themselves are either `rows`, never all spelled out and perhaps `redrawn` at every spike, or a
    `listing`, which is drawn again when somebody asks for it after `release`: a static projection lives in its
    bundle alone.
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
    delay_key: int = 0
    redraw: Callable[[], Listing] | None = None
    bounds: tuple[float, float] = (float("-inf"), float("inf"))
    phase: Phase = Phase.DELIVER
    lanes: Sequence[tuple[int, int]] = ()
    scale: float | None = None
    alike: bool = False
    scope: dict[str, Any] = field(default_factory=dict)
    _listing: Listing | None = None

    @property
    def listing(self) -> Listing:
        """The synapses spelled out; kept until `release` where they are no rows."""
        if self._listing is not None:
            return self._listing
        if self.rows is not None:
            return self._spelled()
        assert self.redraw is not None
        return self.redraw()

    def release(self) -> None:
        """Forget the listing; who asks for it draws it again."""
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
        """Every weight that occurs, perhaps repeatedly."""
        return self.listing.weights if self.levels is None else self.levels[: max(self.n, 0)]

    def counted(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Weights as deliveries add them up: as they are, all 1, or as whole numbers of 1 / scale."""
        weights = np.ones_like(weights) if self.alike else weights
        return weights if self.scale is None else np.rint(weights * self.scale)

    def outgoing(self) -> NDArray[np.int64]:
        """How many synapses each source has (n_pre,); nothing is spelled out for that."""
        first = self.first[:: self.lags.size] if self.rows is None else self.rows.first
        return np.diff(first.astype(np.int64))

    def sources(self) -> NDArray[np.uint32]:
        """The source of every synapse (n,)."""
        return np.repeat(np.arange(self.n_pre, dtype=np.uint32), self.outgoing())

    def segments(self) -> NDArray[np.uint32]:
        """The (source, lag) segment, source * n_lags + lag index, of every synapse (n,)."""
        per_segment = np.diff(self.first.astype(np.int64))
        return np.repeat(np.arange(per_segment.size, dtype=np.uint32), per_segment)

    def spell(self, build: Build) -> dict[str, Any]:
        """The scope with the synapses as signals: lags, first, targets; made on first use."""
        if "targets" not in self.scope:
            listing = self.listing
            targets = narrow(listing.targets, self.n_post) if self.plastic else listing.targets
            for name, array in (("lags", self.lags), ("first", listing.first), ("targets", targets)):
                self.scope[name] = build.fixed(f"{self.name}.{name}", array)
        return self.scope

    def reverse(self, build: Build) -> dict[str, Signal]:
        """Signals to go from a target to its synapses, made on first use.

        first_post (n_post + 1,); synapse_post (n,) the synapses of each target; segment_post (n,) their segments.
        """
        if "first_post" not in self.scope:
            first_post, synapse_post = reverse_index(self.targets, self.n_post)
            self.scope["first_post"] = build.fixed(f"{self.name}.first_post", first_post)
            self.scope["synapse_post"] = build.fixed(f"{self.name}.synapse_post", synapse_post)
            segments = narrow(self.segments()[synapse_post], self.n_pre * self.lags.size)
            self.scope["segment_post"] = build.fixed(f"{self.name}.segment_post", segments)
        return {name: self.scope[name] for name in ("first_post", "synapse_post", "segment_post")}

    def mark(self, update: Callable[[Any], None]) -> None:
        """Hand bytes to `update` by which these synapses can be told from others."""
        arrays: tuple[Any, ...] = (self.lags,)
        if self.rows is not None and self.table is not None:
            arrays += (self.rows.first, self.table.thresholds, np.array([self.rows.key, self.delay_key], np.uint64))
        else:
            listing = self.listing
            arrays += (listing.first, listing.targets, listing.codes)
        for array in arrays:
            update(np.ascontiguousarray(array).data)

    def lag_counts(self) -> NDArray[np.uint32]:
        """How many synapses each (source, lag) has (n_pre, n_lags)."""
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

    def _spelled(self) -> Listing:
        assert self.rows is not None
        edges, counts = self.rows.edges(), self.lag_counts()
        assert edges.chances is not None
        assert self.levels is not None
        first = np.append(np.uint32(0), np.cumsum(counts.reshape(-1), dtype=np.uint32))
        codes = edges.chances & np.uint16(self.levels.size - 1)
        return Listing(first, edges.targets, codes if self.levels.size > 1 else codes[:0], np.zeros(0))


def narrow(indices: NDArray[np.uint32], below: int) -> NDArray[Any]:
    """Indices in two bytes each where that is enough for all `below` some number."""
    return indices.astype(np.uint16) if below <= 1 << 16 else indices


def draw(network: Network, projection: Projection, dt: float) -> Synapses:
    """The synapses of a projection, as rows where nobody needs them one by one."""
    pre, post, store = projection.pre, projection.post, projection.store
    delay_key = stream_key(network.seed, "delay", projection.name)
    common: dict[str, Any] = {
        "name": projection.name, "n_pre": pre.n, "n_post": post.n, "plastic": projection.rule is not None,
        "key": stream_key(network.seed, "projection", projection.name), "dt": dt, "delay_key": delay_key,
    }  # fmt: skip
    levels = law_levels(projection)
    if store.static and projection.rule is None and levels is not None:
        table = lag_table(projection, dt)
        rows = None if table is None or table.lags.size > MOST_LAGS else projection.connectivity.rows(
            pre.n, post.n, stream_key(network.seed, "connectivity", projection.name), recurrent=pre is post
        )  # fmt: skip
        if rows is not None and table is not None:
            return Synapses(
                **common, n=rows.n, lags=table.lags, levels=levels, rows=rows, table=table, redrawn=store.redraws
            )
    if store.redraws:
        raise UnsupportedError(
            f"Network.connect: {type(store).__name__} needs targets that are independent draws (FixedTotal or "
            "FixedOutDegree with multapses), a weight that is a number or a law, a delay that is a number or a law of "
            f"at most {MOST_LAGS} steps, and no rule (got {projection})"
        )
    lags, levels, listing = _list(network, projection, dt)
    return Synapses(
        **common, n=listing.targets.size, lags=lags, levels=levels, _listing=listing,
        redraw=lambda: _list(network, projection, dt)[2],
    )  # fmt: skip


def _list(
    network: Network, projection: Projection, dt: float
) -> tuple[NDArray[np.int64], NDArray[np.float64] | None, Listing]:
    """Draw the synapses of a projection one by one and put them in order: lags, levels, and the listing."""
    pre, post, name = projection.pre, projection.post, projection.name
    key = stream_key(network.seed, "connectivity", name)
    edges = projection.connectivity.edges(pre.n, post.n, key, recurrent=pre is post)
    lags, index = draw_lags(projection, edges, stream_key(network.seed, "delay", name), dt)
    if not lags.size:  # no synapse, no delay: one segment per source all the same, each empty
        lags = np.ones(1, np.int64)
    levels, drawn = draw_codes(projection, edges, stream_key(network.seed, "weight", name))
    dealt = edges.dealt and (isinstance(projection.delay, Distribution) or np.ndim(projection.delay) == 0)
    return lags, levels, arrange(edges, index, drawn, pre.n, lags.size, dealt=dealt)


def arrange(edges: Edges, index: Any, drawn: Any, n_pre: int, n_lags: int, *, dealt: bool) -> Listing:
    """Put edges into (source, delay) order.

    index (n,): which of `n_lags` delays each edge has; drawn: codes (n,) uint16 or weights (n,) float64, in the
    order of `edges`, or none. dealt: the delays of a source belong to its edges in ascending order.
    """
    if n_lags == 1:
        first = np.zeros(n_pre + 1, np.uint32)
        np.cumsum(np.bincount(edges.sources, minlength=n_pre), out=first[1:])
    else:
        first, order = layout(edges.sources, index, n_pre, n_lags)
    if dealt or n_lags == 1:
        targets, values = edges.targets, drawn
    else:
        targets, values = edges.targets[order], drawn[order] if np.size(drawn) else drawn
    values, codes = np.asarray(values), np.zeros(0, np.uint16)
    if values.dtype == np.uint16:
        return Listing(first, targets, values, np.zeros(0))
    return Listing(first, targets, codes, values)
