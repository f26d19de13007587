"""Drawing the synapses of a projection."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...errors import UnsupportedError
from ...kernels.cpu.connectivity import layout
from ..description.convolution import Sliding
from ..description.distributions import Distribution
from ..description.network import Network
from ..description.parts import Projection
from ..operators.edges import Edges
from ..operators.synapses import Listing, Synapses
from ..seed import stream_key
from .draw_values import draw_codes, draw_lags, lag_table, weight_levels

MOST_LAGS: Final = 256  # distinct delays of synapses that are drawn row by row


def draw(network: Network, projection: Projection, dt: float) -> Synapses:
    """The synapses of a projection: as rows if nobody needs them one by one, else as a listing."""
    pre, post, store = projection.pre, projection.post, projection.store
    common: dict[str, Any] = {
        "name": projection.name,
        "n_pre": pre.n,
        "n_post": post.n,
        "plastic": projection.rule is not None,
        "key": stream_key(network.seed, "projection", projection.name),
        "dt": dt,
        "delay_key": stream_key(network.seed, "delay", projection.name),
    }
    in_rows = _in_rows(network, projection, dt)
    if in_rows is not None:
        return Synapses(**common, **in_rows, redrawn=store.can.redraws)
    if store.can.redraws and isinstance(projection.connectivity, Sliding):
        raise UnsupportedError(
            f"Network.connect: {type(projection.connectivity).__name__} stores no synapse with store=Ideal() either, "
            f"while {type(store).__name__} needs targets that are independent draws (got {projection})"
        )
    if store.can.redraws:
        raise UnsupportedError(
            f"Network.connect: {type(store).__name__} needs targets that are independent draws (FixedTotal or "
            "FixedOutDegree with multapses), a weight and a delay that are each a number or a parametric distribution "
            f"(Normal, Uniform ...), the delay one of at most {MOST_LAGS} steps, and no rule (got {projection})"
        )
    if (convolution := projection.convolution) is not None:
        table = lag_table(projection, dt)
        assert table is not None
        projection.connectivity.expected(pre.n, post.n)  # which refuses other sizes
        return Synapses(
            **common,
            n=convolution.n,
            lags=table.lags,
            levels=weight_levels(projection),
            convolution=convolution,
            redraw=lambda: _list(network, projection, dt)[2],
        )
    lags, levels, listing = _list(network, projection, dt)
    synapses = Synapses(
        **common,
        n=listing.targets.size,
        lags=lags,
        levels=levels,
        _listing=listing,
        redraw=lambda: _list(network, projection, dt)[2],
    )
    if projection.shares:
        synapses.by_target()
    return synapses


def _in_rows(network: Network, projection: Projection, dt: float) -> dict[str, Any] | None:
    """What `Synapses` keeps of targets that are functions of (key, source, number of the synapse).

    None where a rule or the distribution of weights or delays needs synapses one by one, and for a
    connectivity that has no rows.
    """
    levels = weight_levels(projection)
    if not projection.static or levels is None:
        return None
    table = lag_table(projection, dt)
    if table is None or table.lags.size > MOST_LAGS:
        return None
    pre, post = projection.pre, projection.post
    key = stream_key(network.seed, "connectivity", projection.name)
    rows = projection.connectivity.rows(pre.n, post.n, key, recurrent=pre is post)
    if rows is None:
        return None
    return {"n": rows.n, "lags": table.lags, "levels": levels, "rows": rows, "table": table}


def _list(
    network: Network, projection: Projection, dt: float
) -> tuple[NDArray[np.int64], NDArray[np.float64] | None, Listing]:
    """Draw the synapses of a projection one by one and put them in order.

    Returns the delays that occur [steps], the levels of weights if there are few, and the listing.
    """
    pre, post, name = projection.pre, projection.post, projection.name
    key = stream_key(network.seed, "connectivity", name)
    edges = projection.connectivity.edges(pre.n, post.n, key, recurrent=pre is post)
    lags, index = draw_lags(projection, edges, stream_key(network.seed, "delay", name), dt)
    # without synapses there are no delays; each source still has one segment, an empty one
    if not lags.size:
        lags = np.ones(1, np.int64)
    levels, drawn = draw_codes(projection, edges, stream_key(network.seed, "weight", name))
    dealt = edges.dealt and (
        isinstance(projection.delay, Distribution) or np.ndim(projection.delay) == 0
    )
    return lags, levels, arrange(edges, index, drawn, pre.n, lags.size, dealt=dealt)


def arrange(
    edges: Edges, index: Any, drawn: Any, n_pre: int, n_lags: int, *, dealt: bool
) -> Listing:
    """Put edges into (source, delay) order.

    index (n,): the index of each edge's delay among `n_lags`; drawn: codes (n,) uint16 or weights
    (n,) float64, in the order of `edges`, or empty. dealt: see `Edges`.
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
