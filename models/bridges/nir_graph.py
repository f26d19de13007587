"""Graphs of NIR: named nodes and graphs, joined by edges that add up where they meet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, final

import numpy as np

from ...errors import NetworkError
from ...sim import validation as check
from ...sim.conversion import shown
from .nir_nodes import PRIMITIVES, NirNode

MOST_DEPTH: Final = 16  # of graphs in graphs
GRAPH: Final = "NIRGraph"
Edges = tuple[tuple[str, str], ...]


@final
@dataclass(frozen=True, eq=False)
class NirGraph:
    """A graph of NIR: nodes by name, and edges from node to node.

    Edges are pairs of names. A node may be a graph with one Input and one Output. metadata: as of a
    node. `from_nir` reads graphs and `to_nir` makes them; `to_dict` gives what
    ``nir.dict2NIRNode`` of the package nir takes. Raises NetworkError for an edge that is there
    twice or leads to no node.
    """

    nodes: Mapping[str, Any]
    edges: Any
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        nodes = check.mapping(self, "nodes", self.nodes, "{'input': NirNode(...)}")
        for name, node in nodes.items():
            check.text(self, "nodes", name)
            if not isinstance(node, (NirNode, NirGraph)):
                raise check.fail(self, f"nodes {name!r:.60}", "must be a NirNode or NirGraph", node)
        object.__setattr__(self, "nodes", nodes)
        object.__setattr__(self, "edges", _checked_edges(self.edges, nodes))
        metadata = check.mapping(self, "metadata", self.metadata, "{'source': 'a text'}")
        object.__setattr__(self, "metadata", metadata)

    def __repr__(self) -> str:
        return f"NirGraph({len(self.nodes)} nodes, {len(self.edges)} edges)"

    @staticmethod
    def from_dict(data: Any) -> NirGraph:
        """The graph that nested dictionaries tell, as NIR's files and ``to_dict`` hold it.

        Raises ParameterError or NetworkError, which name what is missing, unknown or wrong.
        """
        return _graph(data, "NIR graph", 0)

    def to_dict(self) -> dict[str, Any]:
        """The graph as nested dictionaries of arrays, numbers and texts."""
        told = {
            name: node.to_dict() if isinstance(node, NirGraph) else _told(node)
            for name, node in self.nodes.items()
        }
        return {
            "type": GRAPH,
            "nodes": told,
            "edges": list(self.edges),
            "metadata": dict(self.metadata),
        }


@final
@dataclass(frozen=True, eq=False)
class FlatGraph:
    """A graph without graphs in it.

    ports: those nodes that were the Input or Output of an inner graph; they pass on what they get.
    """

    nodes: Mapping[str, NirNode]
    edges: Edges
    ports: frozenset[str]


def flattened(graph: NirGraph) -> FlatGraph:
    """`graph` with inner graphs spelled out, their nodes called ``graph.node``.

    Raises NetworkError where an inner graph has no single Input or Output.
    """
    nodes: dict[str, NirNode] = {}
    edges: list[tuple[str, str]] = []
    ports: set[str] = set()
    _spell_out(graph, "", nodes, edges, ports)
    return FlatGraph(nodes, tuple(edges), frozenset(ports))


def same_graph(one: NirGraph, other: NirGraph) -> bool:
    """Whether two graphs hold the same nodes, numbers and edges; metadata do not count."""
    if one.nodes.keys() != other.nodes.keys() or set(one.edges) != set(other.edges):
        return False
    return all(_same_node(node, other.nodes[name]) for name, node in one.nodes.items())


def _same_node(one: NirNode | NirGraph, other: NirNode | NirGraph) -> bool:
    if isinstance(one, NirGraph) or isinstance(other, NirGraph):
        both = isinstance(one, NirGraph) and isinstance(other, NirGraph)
        return both and same_graph(one, other)  # type: ignore[arg-type]
    if one.type != other.type or one.parameters.keys() != other.parameters.keys():
        return False
    return all(
        np.array_equal(value, other[name])
        if isinstance(value, np.ndarray)
        else value == other[name]
        for name, value in one.parameters.items()
    )


def _spell_out(
    graph: NirGraph,
    prefix: str,
    nodes: dict[str, NirNode],
    edges: list[tuple[str, str]],
    ports: set[str],
) -> None:
    into, out_of = {}, {}
    for name, node in graph.nodes.items():
        own = f"{prefix}{name}"
        into[name] = out_of[name] = own
        if isinstance(node, NirGraph):
            into[name] = f"{own}.{_only(node, own, 'Input')}"
            out_of[name] = f"{own}.{_only(node, own, 'Output')}"
            _spell_out(node, f"{own}.", nodes, edges, ports)
            continue
        if own in nodes:
            raise NetworkError(f"NIR graph: two nodes are called {own!r:.100}, one in a graph")
        nodes[own] = NirNode(node.type, node.parameters, node.metadata, own)
        if prefix and node.type in ("Input", "Output"):
            ports.add(own)
    edges += [(out_of[source], into[target]) for source, target in graph.edges]


def _only(graph: NirGraph, name: str, kind: str) -> str:
    """The name of the one Input or Output of an inner graph."""
    found = [
        key for key, node in graph.nodes.items() if isinstance(node, NirNode) and node.type == kind
    ]
    if len(found) != 1:
        rule = f"a graph inside another one must have one {kind}"
        raise NetworkError(f"NIR graph {name!r:.100}: {rule} (got {len(found)})")
    return found[0]


def _graph(data: Any, owner: str, depth: int) -> NirGraph:
    """A graph as dictionaries tell it, `depth` graphs deep."""
    if depth > MOST_DEPTH:
        raise NetworkError(f"{owner}: graphs are nested more than {MOST_DEPTH} deep")
    data = check.mapping(owner, "data", data, "{'nodes': ..., 'edges': ...}")
    for key in ("nodes", "edges"):
        if key not in data:
            raise check.fail(owner, key, "must be given, as a graph has nodes and edges", None)
    for key in data:
        check.one_of(owner, "fields", key, ("nodes", "edges", "metadata", "type"))
    told = check.mapping(owner, "nodes", data["nodes"], "{'input': {'type': 'Input', ...}}")
    nodes = {
        check.text(owner, "nodes", key): _node(key, value, depth) for key, value in told.items()
    }
    return NirGraph(nodes, data["edges"], data.get("metadata", {}))


def _node(name: str, data: Any, depth: int) -> NirNode | NirGraph:
    """One node as a dictionary tells it."""
    owner = f"NIR node {name!r:.100}"
    data = check.mapping(owner, "parameters", data, "{'type': 'Scale', 'scale': s}")
    kind = data.pop("type", None)
    if kind is None:
        rule = "must be given; a name with '/' would look like this in a file"
        raise check.fail(owner, "type", rule, None)
    check.one_of(owner, "type", kind, [*PRIMITIVES, GRAPH])
    if kind == GRAPH:
        return _graph(data, f"NIR graph {name!r:.100}", depth + 1)
    metadata = data.pop("metadata", {})
    return NirNode(kind, data, metadata, name)


def _told(node: NirNode) -> dict[str, Any]:
    """A node as a dictionary; sizes in the form in which nir's own classes hold them."""
    told: dict[str, Any] = {}
    for key, value in node.parameters.items():
        if isinstance(value, np.ndarray):
            told[key] = np.array(value)  # a copy, as arrays of nodes cannot be written to
        elif node.type == "Conv1d" and isinstance(value, tuple):
            told[key] = value[0]
        elif isinstance(value, tuple) and node.type != "Conv2d":
            told[key] = np.array(value, np.int64)
        else:
            told[key] = value
    if node.type in ("Conv1d", "Conv2d"):
        told.setdefault("input_shape", None)
    return {"type": node.type, **told, "metadata": dict(node.metadata)}


def _checked_edges(edges: Any, nodes: Mapping[str, Any]) -> Edges:
    """Edges as pairs of texts, each once and between nodes that there are."""
    seen: dict[tuple[str, str], None] = {}
    for edge in _pairs(edges):
        for end in edge:
            if end not in nodes:
                hint = check.nearest(end, nodes)
                known = check.listed(list(nodes)) or "none"
                rule = f"must join nodes of the graph{hint} (known: {known})"
                raise NetworkError(f"NIR graph.edges: {rule} (got {shown(edge)})")
        if edge in seen:
            raise NetworkError(f"NIR graph.edges: each may be there once (got {shown(edge)} twice)")
        seen[edge] = None
    return tuple(seen)


def _pairs(edges: Any) -> Iterator[tuple[str, str]]:
    rule = "must be pairs of names such as ('input', 'lif')"
    try:
        found = None if isinstance(edges, (str, bytes, Mapping, Iterator)) else list(edges)
    except Exception:  # of a foreign object
        found = None
    if found is None:
        raise check.fail("NIR graph", "edges", rule, edges)
    for edge in found:
        if not isinstance(edge, (tuple, list, np.ndarray)) or len(edge) != 2:
            raise check.fail("NIR graph", "edges", rule, edge)
        ends = [end.decode("utf-8", "replace") if isinstance(end, bytes) else end for end in edge]
        if not all(isinstance(end, str) for end in ends):
            raise check.fail("NIR graph", "edges", rule, edge)
        yield str(ends[0]), str(ends[1])
