"""The synapses of one projection on the event engine: drawn, and put into chains of segments.

A segment is the synapses of one source and one delay; a chain is the segments of one source, by
delay.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..description.network import Network
from ..description.parts import Projection
from ..operators.edges import Edges
from ..plan.draw_values import draw_codes, draw_delays
from ..seed import stream_key
from .event_solved import ticks


@dataclass(frozen=True)
class Drawn:
    """Synapses as drawn: delays, one number or (n,) [ticks]; weights, one number or (n,)."""

    edges: Edges
    delays: NDArray[np.int64]
    weights: Any


def draw(network: Network, projection: Projection) -> Drawn:
    """The same synapses and weights as on the clock, with delays as they are."""
    pre, post = projection.pre, projection.post
    edges = projection.connectivity.edges(
        pre.n,
        post.n,
        stream_key(network.seed, "connectivity", projection.name),
        recurrent=pre is post,
    )
    delays = ticks(
        draw_delays(projection, edges, stream_key(network.seed, "delay", projection.name))
    )
    levels, drawn = draw_codes(
        projection, edges, stream_key(network.seed, "weight", projection.name)
    )
    if levels is None:
        return Drawn(edges, delays, drawn)
    return Drawn(edges, delays, float(levels[0]) if levels.size == 1 else levels[drawn])


class Chains:
    """The synapses of one projection in order of (source, delay).

    By segment: start, its first synapse; delay [ticks]; more, whether the same source has another
    one behind it. By chain: chain, its first segment; unit, its source. By synapse: target and
    weight. outgoing (n_pre,): how many synapses each source has. Units are numbered over the whole
    network, in which those of the projection begin with `first_pre` and `first_post`.
    """

    def __init__(self, drawn: Drawn, n_pre: int, first_pre: int, first_post: int) -> None:
        source, target, delay = drawn.edges.sources, drawn.edges.targets, drawn.delays
        self.outgoing = np.bincount(source, minlength=n_pre)
        weight = np.broadcast_to(np.asarray(drawn.weights, np.float64), source.shape)
        if delay.ndim:
            order = np.lexsort((delay, source))
            source, target, delay = source[order], target[order], delay[order]
            weight = weight[order]
        delay = np.broadcast_to(delay, source.shape)
        fresh = np.append(True, source[1:] != source[:-1])[: source.size]  # where a chain begins
        self.start = np.flatnonzero(fresh | np.append(True, delay[1:] != delay[:-1])[: source.size])
        self.delay = delay[self.start].astype(np.int64)
        self.more = np.append(~fresh[self.start[1:]], False)[: self.start.size]
        self.chain = np.flatnonzero(fresh[self.start])
        self.unit = source[self.start][self.chain].astype(np.int64) + first_pre
        self.target, self.weight = target + np.uint32(first_post), np.ascontiguousarray(weight)


def chained_weights(network: Network, projection: Projection) -> NDArray[np.float64]:
    """The weights of a projection (n_synapses,), in the order of its chains."""
    return Chains(draw(network, projection), projection.pre.n, 0, 0).weight
