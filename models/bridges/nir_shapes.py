"""The shapes of the signals in a NIR graph, which files tell only in part."""

from __future__ import annotations

import math
from collections import deque
from typing import Any, Final

from ...errors import NetworkError
from ...sim import validation as check
from .nir_graph import FlatGraph
from .nir_nodes import MOST_EXTENT, NEURONS, NirNode

Shape = tuple[int, ...]
UNIT: Final = ("Delay", "Scale", *NEURONS)  # nodes whose output has the shape of their input


def shapes_of(graph: FlatGraph) -> dict[str, tuple[Shape, Shape]]:
    """What each node takes and gives: two shapes, none with a batch dimension.

    Raises NetworkError where shapes do not fit or cannot be told.
    """
    followers: dict[str, list[str]] = {name: [] for name in graph.nodes}
    for source, target in graph.edges:
        followers[source].append(target)
    known = {name: shape for name, node in graph.nodes.items() if (shape := _asked(node))}
    found: dict[str, tuple[Shape, Shape]] = {}
    todo = deque(known)
    while todo:
        name = todo.popleft()
        node = graph.nodes[name]
        found[name] = known[name], _given(node, known[name])
        for follower in followers[name]:
            if follower not in known:
                known[follower] = found[name][1]
                todo.append(follower)
    _check_all(graph, found)
    return found


def _check_all(graph: FlatGraph, found: dict[str, tuple[Shape, Shape]]) -> None:
    for name, node in graph.nodes.items():
        if name not in found:
            rule = "its shape cannot be told, for no Input and no parameter tells it"
            raise NetworkError(f"{node.owner}: {rule}")
    for source, target in graph.edges:
        gives, takes = found[source][1], found[target][0]
        if gives != takes:
            hint = ""
            if math.prod(gives) == math.prod(takes):
                hint = "; as many numbers, so a Flatten is missing, or one counts a batch dimension"
            raise NetworkError(
                f"NIR edge {(source, target)!r:.150}: shapes must be equal{hint} "
                f"(got {gives} and {takes})"
            )


def _asked(node: NirNode) -> Shape | None:
    """The shape of input that the parameters of a node tell; None where they do not."""
    if node.type in ("Input", "Output"):
        return _of(node["shape"])
    if node.type in ("Linear", "Affine"):
        extents = node["weight"].shape
        return (*extents[:-2], extents[-1])
    if node.type in ("Conv1d", "Conv2d"):
        extents = node.parameters.get("input_shape")
        return None if extents is None else (_channels(node), *extents)
    if node.type == "Flatten":
        return node.parameters.get("input_type")
    if node.type in UNIT:
        shape: Shape = max((value.shape for value in node.parameters.values()), key=len)
        return shape or None
    return None


def _of(shape: Any) -> Shape:
    """A signal without dimensions is one number."""
    return tuple(shape) or (1,)


def _channels(node: NirNode) -> int:
    return int(node["weight"].shape[1] * node["groups"])


def _given(node: NirNode, taken: Shape) -> Shape:
    """The shape of what a node gives, from that of what it takes."""
    if node.type in ("Linear", "Affine"):
        extents = node["weight"].shape
        return (*extents[:-2], extents[-2])
    if node.type in ("Conv1d", "Conv2d", "SumPool2d", "AvgPool2d"):
        return _windows(node, taken)
    if node.type == "Flatten":
        return _flattened(node, taken)
    return taken


def _windows(node: NirNode, taken: Shape) -> Shape:
    """The channels and extents after a convolution or a pooling."""
    pooling = node.type.endswith("Pool2d")
    rank = 1 if node.type == "Conv1d" else 2
    if len(taken) != rank + 1:
        rule = f"must get channels and {rank} extent{'s' * (rank > 1)}"
        raise NetworkError(f"{node.owner}: {rule} (got shape {taken})")
    if not pooling and taken[0] != _channels(node):
        raise NetworkError(
            f"{node.owner}: its weight and groups are for {_channels(node)} channels (got {taken[0]})"
        )
    kernel = node["kernel_size"] if pooling else node["weight"].shape[2:]
    dilation = (1, 1) if pooling else node["dilation"]
    before, after = padding_of(node)
    extents = [
        (extent + b + a - d * (k - 1) - 1) // s + 1
        for extent, b, a, d, k, s in zip(
            taken[1:], before, after, dilation, kernel, node["stride"], strict=True
        )
    ]
    if min(extents) < 1:
        rule = f"its windows of {tuple(kernel)} do not fit what it gets"
        raise NetworkError(f"{node.owner}: {rule} (got shape {taken})")
    shape = (taken[0] if pooling else node["weight"].shape[0], *extents)
    if math.prod(shape) > MOST_EXTENT:
        raise NetworkError(f"{node.owner}: gives {shape}, more than {MOST_EXTENT} numbers")
    return shape


def padding_of(node: NirNode) -> tuple[Shape, Shape]:
    """The zeros before and after each extent; 'same' puts the odd one behind, as PyTorch does."""
    padding = node["padding"]
    if padding == "same":
        total = [
            d * (k - 1) for d, k in zip(node["dilation"], node["weight"].shape[2:], strict=True)
        ]
        return tuple(n // 2 for n in total), tuple(n - n // 2 for n in total)
    zeros = (0,) * len(node["stride"])
    return (zeros, zeros) if padding == "valid" else (tuple(padding), tuple(padding))


def _flattened(node: NirNode, taken: Shape) -> Shape:
    """The shape with dimensions start_dim to end_dim made one; both count without a batch."""
    ends = []
    for name in ("start_dim", "end_dim"):
        place = node[name]
        if not -len(taken) <= place < len(taken):
            rule = f"must be a dimension of {taken}, which has no batch dimension"
            raise check.fail(node.owner, name, rule, place)
        ends.append(place % len(taken))
    first, last = ends
    if first > last:
        raise check.fail(node.owner, "start_dim", "must not come after end_dim", node["start_dim"])
    return (*taken[:first], math.prod(taken[first : last + 1]), *taken[last + 1 :])
