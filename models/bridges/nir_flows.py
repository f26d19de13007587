"""What reaches each node of a NIR graph: sums of delayed linear maps of what units send.

Everything between two units (linear nodes, delays, poolings) is folded into one map for each
source and delay, and into a constant.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from ...errors import NetworkError, UnsupportedError
from ...sim import validation as check
from .nir_graph import FlatGraph
from .nir_maps import Made, Map, added, applied, composed, map_of, selected
from .nir_nodes import NEURONS, NirNode
from .nir_shapes import Shape

MOST_DELAYS: Final = 1024  # different ones in one node


@final
@dataclass
class Flow:
    """What reaches a node, of `n` numbers.

    maps: by source and delay [s]; constant: what is there always, (n,) or None; made: counts what
    is made for the whole graph.
    """

    n: int
    made: Made
    maps: dict[tuple[str, float], Map] = field(default_factory=dict)
    constant: NDArray[np.float64] | None = None

    def join(self, other: Flow) -> None:
        """Add what another edge brings."""
        for key, map in other.maps.items():
            earlier = self.maps.get(key)
            self.maps[key] = map if earlier is None else self.made(added(earlier, map, self.n))
        if other.constant is not None:
            self.add(other.constant)

    def add(self, constant: NDArray[np.float64]) -> None:
        if self.constant is not None:
            constant = self.made(self.constant + constant)
        self.constant = constant


def is_unit(graph: FlatGraph, name: str) -> bool:
    """Whether a node becomes a population that others listen to: a neuron, or an Input."""
    kind = graph.nodes[name].type
    return kind in NEURONS or (kind == "Input" and name not in graph.ports)


def flows_of(graph: FlatGraph, shapes: dict[str, tuple[Shape, Shape]]) -> dict[str, Flow]:
    """What reaches each neuron and each Output of the graph.

    Raises NetworkError for a loop without a neuron and for a node that nothing reaches.
    """
    into: dict[str, list[str]] = {name: [] for name in graph.nodes}
    for source, target in graph.edges:
        into[target].append(source)
    arriving: dict[str, Flow] = {}
    leaving: dict[str, Flow] = {}
    made = Made()
    for name in (name for name in graph.nodes if is_unit(graph, name)):
        leaving[name] = Flow(math.prod(shapes[name][1]), made, {(name, 0.0): 1.0})
    for name in _in_order(graph, into):
        node = graph.nodes[name]
        if not into[name]:
            rule = "must get something, for a node without state sends nothing of its own"
            raise NetworkError(f"{node.owner}: {rule} (got no edge to it)")
        taken = _sum(into[name], leaving, Flow(math.prod(shapes[name][0]), made))
        leaving[name] = _passed(node, taken, *shapes[name])
        if node.type == "Output" and name not in graph.ports:
            arriving[name] = leaving[name]
    for name in (name for name in graph.nodes if graph.nodes[name].type in NEURONS):
        arriving[name] = _sum(into[name], leaving, Flow(math.prod(shapes[name][0]), made))
    _refuse_edges_to_inputs(graph, into)
    return arriving


def _sum(sources: list[str], leaving: dict[str, Flow], flow: Flow) -> Flow:
    for source in sources:
        flow.join(leaving[source])
    return flow


def _passed(node: NirNode, taken: Flow, before: Shape, after: Shape) -> Flow:
    """What a node without state makes of what reaches it."""
    if node.type == "Delay":
        return _delayed(node, taken)
    map, constant = map_of(node, before, after)
    flow = Flow(math.prod(after), taken.made)
    for key, earlier in taken.maps.items():
        flow.maps[key] = flow.made(composed(map, earlier))
    if taken.constant is not None:
        flow.add(flow.made(_as_many(applied(map, taken.constant), flow.n)))
    if constant is not None and constant.any():
        flow.add(flow.made(_as_many(constant, flow.n)))
    return flow


def _as_many(values: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    return np.broadcast_to(values, (n,)).astype(np.float64, copy=False)


def _delayed(node: NirNode, taken: Flow) -> Flow:
    """What arrives later; where delays differ, each is a part of its own.

    A constant has been there always, so a delay leaves it as it is.
    """
    delays = node["delay"].reshape(-1)
    different = np.unique(delays)
    if different.size > MOST_DELAYS:
        rule = f"must hold at most {MOST_DELAYS} different delays"
        raise UnsupportedError(f"{node.owner}.delay: {rule} (got {different.size:,})")
    flow = Flow(taken.n, taken.made, constant=taken.constant)
    for delay in different:
        part: Map = 1.0 if different.size == 1 else flow.made(selected(delays == delay))
        for (source, earlier), map in taken.maps.items():
            later = flow.made(composed(part, map))
            flow.join(Flow(taken.n, flow.made, {(source, earlier + float(delay)): later}))
    return flow


def _in_order(graph: FlatGraph, into: dict[str, list[str]]) -> list[str]:
    """The nodes without state, each after those that it listens to."""
    plain = {name for name in graph.nodes if not is_unit(graph, name)}
    waits = {name: sum(source in plain for source in into[name]) for name in plain}
    followers: dict[str, list[str]] = {name: [] for name in plain}
    for source, target in graph.edges:
        if source in plain and target in plain:
            followers[source].append(target)
    ready = deque(name for name in graph.nodes if waits.get(name) == 0)
    order = []
    while ready:
        order.append(ready.popleft())
        for follower in followers[order[-1]]:
            waits[follower] -= 1
            if waits[follower] == 0:
                ready.append(follower)
    if len(order) < len(plain):
        left = sorted(plain - set(order))
        rule = "a loop needs a neuron, for a sum has no value before itself"
        raise NetworkError(f"NIR graph: {rule} (got a loop of {check.listed(left, 5)})")
    return order


def _refuse_edges_to_inputs(graph: FlatGraph, into: dict[str, list[str]]) -> None:
    for name, node in graph.nodes.items():
        if node.type == "Input" and name not in graph.ports and into[name]:
            rule = "must be where a graph begins"
            raise NetworkError(f"{node.owner}: {rule} (got an edge from {into[name][0]!r:.60})")
