"""Linear maps between flat signals: what NIR's nodes without state do, alone and one by one.

A map from n_in to n_out numbers is a float (a multiple of the identity), an array (n,) (one factor
per number), a matrix (n_out, n_in), dense or CSR, or `Windows`, a convolution that needs no matrix.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final, TypeAlias, cast, final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import block_diag, coo_array, csr_array, diags_array

from ...errors import CapacityError
from ...sim.description.convolution import Conv1d, Conv2d, Sliding, SumPool2d
from .nir_nodes import NirNode
from .nir_shapes import Shape

Map: TypeAlias = Any  # float | NDArray[np.float64] | csr_array | Windows
MOST_ENTRIES: Final = 2**26  # of one matrix that is made, not read: 512 MiB of numbers
MOST_MADE: Final = 2**28  # numbers of all maps of a graph, which a few small nodes could multiply
A_MAP: Final = 2**10  # numbers for which any map counts in addition


@final
@dataclass(frozen=True, eq=False)
class Windows:
    """A convolution or pooling that nothing else is folded into, times `factor`."""

    connectivity: Sliding
    factor: float
    owner: str

    ndim: ClassVar[int] = 2

    def matrix(self) -> csr_array:
        """The same as a matrix. Raises CapacityError where it would be too large."""
        own = self.connectivity.convolution
        if max(own.n, own.n_pre, own.n_post) > MOST_ENTRIES:
            rule = f"would make a matrix with {own.n:,} entries; at most {MOST_ENTRIES:,} are made"
            raise CapacityError(f"{self.owner}: {rule}")
        edges = own.edges()
        weights = np.ones(own.n) if edges.weights is None else edges.weights
        triples = weights * self.factor, (edges.targets, edges.sources)
        return csr_array(coo_array(triples, shape=(own.n_post, own.n_pre)))


@final
class Made:
    """How many numbers the maps hold that were made for a graph."""

    def __init__(self) -> None:
        self._numbers = 0

    def __call__(self, map: Map) -> Map:
        """Count a map, and return it. Raises CapacityError where all are too large together."""
        self._numbers += A_MAP + entries_of(map)
        if self._numbers > MOST_MADE:
            rule = (
                f"what lies between its neurons would make maps of more than {MOST_MADE:,} numbers"
            )
            raise CapacityError(f"NIR graph: {rule} in all; put neurons between, or cut it in two")
        return map


def entries_of(map: Map) -> int:
    """The numbers that a map holds, beside those of nodes."""
    if isinstance(map, Windows):
        return 0
    return int(map.data.size + map.indptr.size if _sparse(map) else np.size(map))


def map_of(node: NirNode, taken: Shape, given: Shape) -> tuple[Map, NDArray[np.float64] | None]:
    """What a node without state makes of a signal: its map, and what it adds (n_out,) or None."""
    match node.type:
        case "Linear" | "Affine":
            added = node["bias"].reshape(-1) if node.type == "Affine" else None
            return _blocks(node["weight"]), added
        case "Scale":
            scale = node["scale"]
            return (scale.reshape(-1) if scale.ndim else float(scale)), None
        case "Conv1d" | "Conv2d":
            connectivity = _convolution(node, taken)
            return Windows(connectivity, 1.0, node.owner), _spread(node, given)
        case "SumPool2d" | "AvgPool2d":
            size, shape = node["kernel_size"], cast("Any", taken)
            pool = SumPool2d(
                size, input_shape=shape, stride=node["stride"], padding=node["padding"]
            )
            share = 1.0 if node.type == "SumPool2d" else 1.0 / math.prod(size)
            return Windows(pool, share, node.owner), None
    return 1.0, None  # Flatten, Output and the ports of inner graphs change no order


def composed(after: Map, before: Map) -> Map:
    """The map that does `before`, then `after`."""
    if np.ndim(after) == 0 or np.ndim(before) == 0:
        return _multiplied(after, before)
    after, before = plain(after), plain(before)
    match np.ndim(after), np.ndim(before):
        case 1, 1:
            return after * before
        case 1, _:
            return _rows(after, before)
        case _, 1:
            return _columns(after, before)
    if isinstance(after, np.ndarray) and isinstance(before, np.ndarray):
        _fits(after.shape[0], before.shape[1], after.shape[0] * before.shape[1])
        return after @ before
    after, before = csr_array(after), csr_array(before)
    _fits(after.shape[0], before.shape[1], _most_entries(after, before))
    return csr_array(after @ before)


def _most_entries(after: csr_array, before: csr_array) -> int:
    """How many entries a product of sparse matrices has at most."""
    meetings = np.bincount(after.indices, minlength=after.shape[1]) @ np.diff(before.indptr)
    return min(int(meetings), after.shape[0] * before.shape[1])


def _multiplied(one: Map, other: Map) -> Map:
    """A map times a number, given in either order."""
    map, factor = (one, other) if np.ndim(other) == 0 else (other, one)
    if np.ndim(factor) == 0 and factor == 1.0:
        return map
    if isinstance(map, Windows):
        return replace(map, factor=map.factor * factor)
    return map * factor


def added(one: Map, other: Map, n: int) -> Map:
    """The sum of two maps to `n` numbers."""
    one, other = plain(one), plain(other)
    if np.ndim(one) == np.ndim(other) and not (_sparse(one) or _sparse(other)):
        return one + other
    if np.ndim(one) < 2 and np.ndim(other) < 2:
        return np.broadcast_to(one, (n,)) + np.broadcast_to(other, (n,))
    total = _matrix(one, n) + _matrix(other, n)
    return csr_array(total) if _sparse(total) else total


def applied(map: Map, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """What a map makes of numbers (n_in,)."""
    map = plain(map)
    made: NDArray[np.float64] = map * values if np.ndim(map) < 2 else map @ values
    return made


def selected(places: NDArray[np.bool_]) -> Map:
    """The map that keeps some numbers and makes others 0."""
    (chosen,) = places.nonzero()
    entries = np.ones(chosen.size), (chosen, chosen)
    return csr_array(coo_array(entries, shape=(places.size, places.size)))


def plain(map: Map) -> Map:
    """A map that is no convolution of its own any more."""
    return map.matrix() if isinstance(map, Windows) else map


def _rows(factors: NDArray[np.float64], matrix: Map) -> Map:
    if isinstance(matrix, np.ndarray):
        return factors[:, None] * matrix
    return csr_array(diags_array(factors) @ matrix)


def _columns(matrix: Map, factors: NDArray[np.float64]) -> Map:
    if isinstance(matrix, np.ndarray):
        return matrix * factors
    return csr_array(matrix @ diags_array(factors))


def _sparse(map: Map) -> bool:
    return hasattr(map, "tocsr")


def _matrix(map: Map, n: int) -> Map:
    """A map to `n` numbers as a matrix."""
    return (
        csr_array(diags_array(np.broadcast_to(map, (n,)).astype(float)))
        if np.ndim(map) < 2
        else map
    )


def _fits(n_out: int, n_in: int, entries: int) -> None:
    if entries > MOST_ENTRIES:
        raise CapacityError(
            f"NIR graph: nodes in a row would make a matrix of {n_out:,} x {n_in:,} with up to "
            f"{entries:,} entries; at most {MOST_ENTRIES:,} are made"
        )


def _blocks(weight: NDArray[np.float64]) -> Map:
    """A matrix, or one for each entry of the leading dimensions."""
    if weight.ndim == 2:
        return weight
    return csr_array(block_diag(list(weight.reshape(-1, *weight.shape[-2:])), format="csr"))


def _spread(node: NirNode, given: Shape) -> NDArray[np.float64] | None:
    """The bias of each channel at all its places (n_out,); None without one."""
    bias: NDArray[np.float64] = node["bias"]
    if not bias.any():
        return None
    if math.prod(given) > MOST_ENTRIES:
        rule = f"must give at most {MOST_ENTRIES:,} numbers where it has a bias"
        raise CapacityError(f"{node.owner}: {rule} (got shape {given})")
    return np.repeat(bias, math.prod(given[1:]))


def _convolution(node: NirNode, taken: Shape) -> Sliding:
    fields: dict[str, Any] = {name: node[name] for name in ("stride", "padding", "dilation")}
    fields |= {"input_shape": taken, "groups": node["groups"]}
    if node.type == "Conv2d":
        return Conv2d(node["weight"], **fields)
    single = {name: fields[name][0] for name in ("stride", "dilation")}
    if not isinstance(fields["padding"], str):
        single["padding"] = fields["padding"][0]
    return Conv1d(node["weight"], **fields | single)
