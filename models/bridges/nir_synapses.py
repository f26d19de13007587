"""The synapses of a projection as what NIR has: matrices, factors, convolutions, each with a delay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array

from ...errors import CapacityError, UnsupportedError
from ...sim.description.connectivity import OneToOne
from ...sim.description.convolution import Conv1d, Sliding, SumPool2d
from ...sim.description.distributions import Distribution
from ...sim.description.network import Network
from ...sim.description.parts import Projection
from ...sim.plan.draw_values import draw_codes, draw_delays
from ...sim.seed import stream_key
from .nir_maps import MOST_ENTRIES
from .nir_nodes import NirNode

MOST_DELAYS: Final = 64  # different ones of one projection


@final
@dataclass(frozen=True, eq=False)
class Synapses:
    """Synapses one by one: sources, targets (n,), delays [s] and weights, one number or (n,)."""

    sources: NDArray[np.int64]
    targets: NDArray[np.int64]
    delays: Any
    weights: Any


def synapses_of(network: Network, projection: Projection) -> Synapses:
    """The synapses that engines draw for a projection, with delays that are rounded to no grid."""
    pre, post, name = projection.pre, projection.post, projection.name
    keys = {
        part: stream_key(network.seed, part, name) for part in ("connectivity", "delay", "weight")
    }
    if projection.connectivity.expected(pre.n, post.n) > MOST_ENTRIES:
        raise CapacityError(f"to_nir: {name!r} has more synapses than {MOST_ENTRIES:,}")
    edges = projection.connectivity.edges(
        pre.n, post.n, keys["connectivity"], recurrent=pre is post
    )
    levels, weights = draw_codes(projection, edges, keys["weight"])
    if levels is not None:
        weights = float(levels[0]) if levels.size == 1 else levels[weights]
    delays = draw_delays(projection, edges, keys["delay"])
    return Synapses(edges.sources.astype(np.int64), edges.targets.astype(np.int64), delays, weights)


def matrices(synapses: Synapses, projection: Projection) -> dict[float, NDArray[np.float64]]:
    """A matrix (n_post, n_pre) for each delay [s]; synapses between the same units add up.

    Raises UnsupportedError for too many delays, CapacityError for a matrix that is too large.
    """
    shape = projection.post.n, projection.pre.n
    different = np.unique(synapses.delays)
    if different.size > MOST_DELAYS:
        rule = f"must have at most {MOST_DELAYS} different delays, as each takes a node of its own"
        raise UnsupportedError(f"to_nir: {projection.name!r} {rule} (got {different.size:,})")
    if different.size * shape[0] * shape[1] > MOST_ENTRIES:
        rule = f"would make matrices of {shape[0]:,} x {shape[1]:,}"
        raise CapacityError(f"to_nir: {projection.name!r} {rule}; at most {MOST_ENTRIES:,} entries")
    weights = np.broadcast_to(np.asarray(synapses.weights, np.float64), synapses.sources.shape)
    found = {}
    for delay in different:
        chosen = np.broadcast_to(synapses.delays == delay, synapses.sources.shape)
        places = synapses.targets[chosen], synapses.sources[chosen]
        found[float(delay)] = coo_array((weights[chosen], places), shape=shape).toarray()
    return found


def factors(synapses: Synapses, projection: Projection) -> NDArray[np.float64] | None:
    """One weight per unit, where unit i reaches unit i alone; else None."""
    if not isinstance(projection.connectivity, OneToOne):
        return None
    return np.broadcast_to(np.asarray(synapses.weights, np.float64), (projection.pre.n,)).copy()


def slides(projection: Projection) -> bool:
    """Whether a projection is a convolution or pooling as NIR has them, all synapses alike."""
    own, weight, delay = projection.connectivity, projection.weight, projection.delay
    if not isinstance(own, Sliding) or projection.store.bits is not None:
        return False
    alike = all(
        not isinstance(value, Distribution) and np.ndim(value) == 0
        for value in (0.0 if weight is None else weight, delay)
    )
    return alike and (not isinstance(own, SumPool2d) or all(a == b for a, b in own.zeros))


def sliding_nodes(projection: Projection, factor: Any) -> list[tuple[str, dict[str, Any]]]:
    """The nodes of a projection that slides, types with parameters.

    factor: by what weights are multiplied, one number or one for each target.
    """
    own: Any = projection.connectivity
    weight = 1.0 if projection.weight is None else float(projection.weight)  # type: ignore[arg-type]
    scale = np.asarray(factor) * weight
    alike = scale.ndim == 0
    if isinstance(own, SumPool2d):
        padding = tuple(before for before, _ in own.zeros)
        fields: dict[str, Any] = {"kernel_size": own.size, "stride": own.stride, "padding": padding}
        made, after = ("SumPool2d", fields), scale
    else:
        fields = {name: getattr(own, name) for name in ("stride", "padding", "dilation", "groups")}
        kernel = np.asarray(own.kernel) * (scale if alike else 1.0)
        fields |= {"weight": kernel, "bias": np.zeros(len(kernel))}
        fields["input_shape"] = own.input_shape[1:]
        made = ("Conv1d" if isinstance(own, Conv1d) else "Conv2d", fields)
        after = np.ones(()) if alike else scale
    if (after == 1.0).all():
        return [made]
    shaped = np.full(own.output_shape, after) if alike else after.reshape(own.output_shape)
    return [made, ("Scale", {"scale": shaped})]


def with_bias(node: NirNode, bias: NDArray[np.float64], shape: tuple[int, ...]) -> NirNode | None:
    """The node with a constant (n_out,) added to what it gives; None where it cannot have it."""
    fields = dict(node.parameters)
    if node.type == "Linear":
        return NirNode("Affine", fields | {"bias": bias}, node.metadata, node.name)
    if node.type in ("Conv1d", "Conv2d"):
        channels = bias.reshape(shape[0], -1)
        if (channels == channels[:, :1]).all():
            fields["bias"] = channels[:, 0]
            return NirNode(node.type, fields, node.metadata, node.name)
    return None


def with_matrix(node: NirNode) -> NirNode | None:
    """A Scale of units in a row as the matrix that it is, which can have a bias; else None."""
    scale = node.parameters.get("scale", np.zeros(()))
    if scale.ndim != 1 or scale.size**2 > MOST_ENTRIES:
        return None
    return NirNode("Linear", {"weight": np.diag(scale)}, node.metadata, node.name)
