"""Which populations must be stepped together: those that reach each other in circles."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ..description.network import Network


def groups(network: Network) -> list[list[str]]:
    """The populations in groups, each after the groups that reach it.

    The members of a group reach each other; a population that no path leads back to is alone.
    """
    names = [part.name for part in network.populations]
    number = {name: k for k, name in enumerate(names)}
    edges = {(number[part.pre.name], number[part.post.name]) for part in network.projections}
    of = _components(len(names), sorted(edges))
    before: dict[int, set[int]] = {group: set() for group in of}
    for pre, post in edges:
        if of[pre] != of[post]:
            before[of[post]].add(of[pre])
    order: list[int] = []
    while len(order) < len(before):
        ready = [group for group in before if group not in order and before[group] <= set(order)]
        order.append(min(ready))
    return [[name for k, name in enumerate(names) if of[k] == group] for group in order]


def _components(n: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """The strongly connected component of each of n nodes, numbered by its first node."""
    rows, columns = np.array(edges, np.int64).reshape(-1, 2).T
    table = coo_array((np.ones(rows.size), (rows, columns)), shape=(n, n))
    _, labels = connected_components(table, directed=True, connection="strong")
    first = _firsts(labels.tolist())
    return [first[label] for label in labels.tolist()]


def _firsts(labels: Iterable[int]) -> dict[int, int]:
    found: dict[int, int] = {}
    for k, label in enumerate(labels):
        found.setdefault(label, k)
    return found
