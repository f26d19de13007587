"""Connectivity inside one population that follows the random graphs of network science."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from ...kernels.cpu import connectivity as kernels
from ...kernels.reference.connectivity import ONE
from .. import validation as check
from ..operators.edges import Edges
from .connectivity import MOST_UNITS, Connectivity, from_rows


@final
@dataclass(frozen=True)
class SmallWorld(Connectivity):
    """A ring inside one population, with synapses rewired at random.

    Each unit reaches its `k` nearest, and every synapse is rewired with probability `p`. The
    directed form of Watts and Strogatz (1998), doi:10.1038/30918: k / 2 neighbours on either side,
    out-degree always k, new targets uniform among the units not yet reached; neither autapses nor
    multapses. p = 0 is a lattice and p = 1 a random graph.
    """

    k: int
    p: float

    def __post_init__(self) -> None:
        if check.keep(self, "k", check.whole, most=MOST_UNITS) % 2:
            rule = f"must be even, half of it on either side; the nearest are {self.k - 1} and {self.k + 1}"
            raise check.fail(self, "k", rule, self.k)
        check.keep(self, "p", check.within, least=0.0, most=1.0)

    def expected(self, n_pre: int, n_post: int) -> float:
        return float(self.k) * n_pre

    def _draw(self, n_pre: int, n_post: int, key: np.uint64, recurrent: bool) -> Edges:
        _inside(self, recurrent)
        if self.k > max(n_pre - 1, 0):
            raise check.fail(self, "k", f"must be less than the {n_pre} units of the ring", self.k)
        rows = np.empty((n_pre, self.k), np.uint32)
        kernels.draw_small_world(key, np.uint64(self.p * ONE), rows)
        return from_rows(rows)


@final
@dataclass(frozen=True)
class ScaleFree(Connectivity):
    """A graph inside one population that has grown, with a few hubs and many units of few links.

    Units come one after another, and each joins `m` of those that are there, chosen in proportion
    to the links that these have (Barabasi and Albert 1999, doi:10.1126/science.286.5439.509). The
    first newcomer joins all of the `m` units that are there from the start. The number of units
    with d links falls off like d^-3, so the hubs are among the first units. Every link is two
    synapses, one in each direction, hence 2 m (n - m) synapses in all; neither autapses nor
    multapses.
    """

    m: int

    def __post_init__(self) -> None:
        check.keep(self, "m", check.whole, most=MOST_UNITS)

    def expected(self, n_pre: int, n_post: int) -> float:
        return 2.0 * self.m * max(n_pre - self.m, 0)

    def _draw(self, n_pre: int, n_post: int, key: np.uint64, recurrent: bool) -> Edges:
        _inside(self, recurrent)
        if self.m > max(n_pre - 1, 0):
            rule = f"must be less than the {n_pre} units of the population"
            raise check.fail(self, "m", rule, self.m)
        links = np.empty((n_pre - self.m, self.m), np.uint32)
        kernels.draw_scale_free(key, links)
        new, old = np.repeat(np.arange(self.m, n_pre, dtype=np.uint32), self.m), links.reshape(-1)
        ends = np.concatenate([new, old]), np.concatenate([old, new])
        sources, targets, _ = kernels.sort_edges(*ends, n_pre, n_pre)
        return Edges(sources, targets)


def _inside(owner: object, recurrent: bool) -> None:
    if not recurrent:
        rule = "must be the source population itself"
        raise check.fail(owner, "target", rule, "another population")
