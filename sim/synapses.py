"""A compiled projection: its synapses in (source, delay) order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..kernels.cpu.connectivity import index_lags, layout, reverse_index
from .build import Build
from .connectivity import Edges
from .operator import Phase
from .signals import Signal


@dataclass
class Synapses:
    """The synapses of one projection, sorted by source, then delay, then target.

    lags (n_lags,) int64, distinct delays [steps]; first (n_pre * n_lags + 1,) start of each (source, lag)
    segment; targets (n,) uint32; weights, one number or (n,) float64. `plastic` when a rule learns them, within
    `bounds`. Stores deliver in `phase`.
    `scope` offers the kernels of stores and rules what they may ask for by name.
    """

    name: str
    n_pre: int
    n_post: int
    lags: NDArray[np.int64]
    first: NDArray[Any]
    targets: NDArray[np.uint32]
    weights: Any
    plastic: bool
    key: int
    dt: float
    bounds: tuple[float, float] = (float("-inf"), float("inf"))
    phase: Phase = Phase.DELIVER
    scope: dict[str, Any] = field(default_factory=dict)

    @property
    def n(self) -> int:
        return int(self.targets.size)

    def sources(self) -> NDArray[np.uint32]:
        """The source of every synapse (n,)."""
        per_source = np.diff(self.first[:: self.lags.size].astype(np.int64))
        return np.repeat(np.arange(self.n_pre, dtype=np.uint32), per_source)

    def segments(self) -> NDArray[np.uint32]:
        """The (source, lag) segment, source * n_lags + lag index, of every synapse (n,)."""
        per_segment = np.diff(self.first.astype(np.int64))
        return np.repeat(np.arange(per_segment.size, dtype=np.uint32), per_segment)

    def reverse(self, build: Build) -> dict[str, Signal]:
        """Signals to go from a target to its synapses, made on first use.

        first_post (n_post + 1,); synapse_post (n,) the synapses of each target; segment_post (n,) their segments.
        """
        if "first_post" not in self.scope:
            first_post, synapse_post = reverse_index(self.targets, self.n_post)
            self.scope["first_post"] = build.fixed(f"{self.name}.first_post", first_post)
            self.scope["synapse_post"] = build.fixed(f"{self.name}.synapse_post", synapse_post)
            self.scope["segment_post"] = build.fixed(f"{self.name}.segment_post", self.segments()[synapse_post])
        return {name: self.scope[name] for name in ("first_post", "synapse_post", "segment_post")}


def arrange(
    name: str, edges: Edges, lags: Any, weights: Any, n_pre: int, n_post: int, *, plastic: bool, key: int, dt: float
) -> Synapses:
    """Put edges into (source, delay) order.

    lags: one number or (n,) steps per edge; weights: one number or (n,), in the order of `edges`.
    """
    if np.ndim(lags) == 0:
        distinct, index = np.array([lags], np.int64), np.zeros(edges.sources.size, np.uint32)
    else:
        distinct, index = index_lags(lags)
    first, order = layout(edges.sources, index, n_pre, distinct.size)
    return Synapses(
        name=name, n_pre=n_pre, n_post=n_post, lags=distinct.astype(np.int64), first=first,
        targets=edges.targets[order],
        weights=weights if np.ndim(weights) == 0 else np.asarray(weights)[order], plastic=plastic, key=key, dt=dt,
    )  # fmt: skip
