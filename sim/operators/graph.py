"""What the graph of a projection looks like: how dense, how far apart, how clustered, how even."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

MOST_DISTANCES: Final = 2**22  # that are held at a time


@final
@dataclass(frozen=True, kw_only=True)
class GraphMeasures:
    """Measures of a directed graph of units, in which several synapses of a pair count as one.

    Autapses are left out. NaN stands where nothing is there to be measured.
    """

    density: float  # share of all ordered pairs of units that a synapse joins
    reachable: float  # share of all ordered pairs that a path joins
    path_length: float  # mean number of synapses on the shortest path, over reachable pairs
    clustering: float  # mean over units of the share of triangles, see `_clustering`
    degree_spread: float  # standard deviation over mean of the degree: synapses in and out


def measure(sources: NDArray[np.int64], targets: NDArray[np.int64], n: int) -> GraphMeasures:
    """The measures of the graph on `n` units with synapses from `sources` to `targets`."""
    from scipy.sparse import csr_array

    other = sources != targets
    pairs = np.unique(sources[other] * max(n, 1) + targets[other])
    ends = pairs // max(n, 1), pairs % max(n, 1)
    graph = csr_array((np.ones(pairs.size), ends), shape=(n, n))
    degree = np.bincount(ends[0], minlength=n) + np.bincount(ends[1], minlength=n)
    all_pairs, reached, length = n * (n - 1), *_paths(graph)
    return GraphMeasures(
        density=_ratio(pairs.size, all_pairs),
        reachable=_ratio(reached, all_pairs),
        path_length=_ratio(length, reached),
        clustering=_clustering(graph, degree),
        degree_spread=_ratio(float(degree.std()), float(degree.mean())) if n else np.nan,
    )


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole else float("nan")


def _paths(graph: Any) -> tuple[int, float]:
    """How many ordered pairs of different units a path joins, and the sum of their distances."""
    from scipy.sparse.csgraph import dijkstra

    n, reached, length = graph.shape[0], 0, 0.0
    rows = max(MOST_DISTANCES // max(n, 1), 1)
    for first in range(0, n, rows):
        sources = np.arange(first, min(first + rows, n))
        distances = dijkstra(graph, unweighted=True, indices=sources)
        found = distances[np.isfinite(distances)]
        reached += found.size - sources.size  # each unit is at no distance from itself
        length += float(found.sum())
    return reached, length


def _clustering(graph: Any, degree: NDArray[np.int64]) -> float:
    """The mean clustering coefficient of a directed graph.

    Of a unit: the share of triangles, of all that could be made with its synapses in any direction
    (Fagiolo 2007, doi:10.1103/PhysRevE.76.026107). 0 where none could be made.
    """
    if not degree.size:
        return float("nan")
    both = graph + graph.T
    triangles = ((both @ both) * both).sum(axis=1)  # the diagonal of `both` cubed
    mutual = (graph * graph.T).sum(axis=1)
    possible = 2 * (degree * (degree - 1) - 2 * mutual)
    return float(
        np.divide(triangles, possible, where=possible > 0, out=np.zeros(degree.size)).mean()
    )
