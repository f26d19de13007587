"""Drawing the weights and the delays of a projection's synapses."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from ...errors import ParameterError
from ...kernels.cpu import rows as kernels
from ...kernels.cpu.connectivity import index_lags
from ...kernels.reference.rows import lag_table as table_of
from .. import validation as check
from ..description.distributions import Distribution, Parametric, values
from ..operators.edges import Edges
from ..operators.synapses import LagTable

if TYPE_CHECKING:
    from ..description.parts import Projection

MAX_LAG: Final = 1 << 20  # steps: a delay longer than this is a unit error
MAX_DELAY: Final = 100.0  # [s]
RARE: Final = 1e-9  # delays in a tail of this probability become the first step of the tail
OWNER: Final = "Network"


def draw_weights(projection: Projection, edges: Edges, key: int) -> Any:
    """One number for all edges, or (n_edges,) float64, in the order of `edges`."""
    weight = projection.weight
    if weight is None:
        if edges.weights is None:
            raise ParameterError(
                f"Network.connect weight: {projection.name} needs a number, an array or a distribution (got None)"
            )
        return edges.weights
    one = not isinstance(weight, Distribution) and np.ndim(weight) == 0
    if edges.weights is not None:
        scales = projection.connectivity.scales
        if scales and one:
            return edges.weights * float(weight)  # type: ignore[arg-type]
        rule = "give one number, which multiplies them, or none" if scales else "leave weight out"
        raise ParameterError(
            f"Network.connect weight: {type(projection.connectivity).__name__} brings its own weights; "
            f"{rule} (got {weight!r:.60})"
        )
    if one:
        return float(weight)  # type: ignore[arg-type]
    return _in_order(values(weight, len(edges), key, projection.name, "weight"), weight, edges)


def draw_codes(
    projection: Projection, edges: Edges, key: int
) -> tuple[NDArray[np.float64], NDArray[np.uint16]] | tuple[None, Any]:
    """Levels (n_levels,) of weights, and the code of each edge's level (n_edges,).

    Where there are no levels: None, and the weights of `draw_weights`.

    One weight for all is one level. In a store with `bits`, a parametric distribution has 2**bits
    equally likely levels, and other weights are rounded to 2**bits equally spaced levels between
    the least and the greatest.
    """
    levels = weight_levels(projection)
    if levels is not None and levels.size > 1:
        chances = edges.chances
        if chances is None:
            chances = np.empty(len(edges), np.uint16)
            kernels.draw_chances(np.uint64(key), chances)
        return levels, chances & np.uint16(levels.size - 1)
    weights = draw_weights(projection, edges, key)
    if np.ndim(weights) == 0:
        return np.array([weights]), np.zeros(0, np.uint16)
    bits = projection.store.bits
    if bits is None or not weights.size:
        return None, weights
    levels = np.linspace(weights.min(), weights.max(), 1 << bits)
    width = max(float(np.ptp(levels)), float(np.finfo(np.float64).tiny)) / (levels.size - 1)
    return levels, np.rint((weights - levels[0]) / width).astype(np.uint16)


def weight_levels(projection: Projection) -> NDArray[np.float64] | None:
    """The levels of weights, if they are known before drawing.

    They are for one weight for all, and for a parametric distribution with `bits`.
    """
    weight, bits = projection.weight, projection.store.bits
    if projection.connectivity.scales:
        return None
    if weight is not None and not isinstance(weight, Distribution) and np.ndim(weight) == 0:
        return np.array([float(weight)])  # type: ignore[arg-type]
    return weight.levels(1 << bits) if isinstance(weight, Parametric) and bits is not None else None


def lag_table(projection: Projection, dt: float) -> LagTable | None:
    """The delays where they are one number or a parametric distribution; else None.

    Drawn delays are rounded to the nearest step, at least one.
    """
    delay = projection.delay
    if isinstance(delay, Parametric):
        ends = delay.quantile(np.array([RARE, 1 - RARE]))
        low, high = (max(int(np.rint(end / dt)), 1) for end in ends)
        _bounded(np.array([high]), dt)
        lags = np.arange(low, high + 1, dtype=np.int64)
        edges = np.asarray((lags[:-1] + 0.5) * dt, np.float64)
        probabilities = np.diff(np.concatenate([[0.0], delay.cdf(edges), [1.0]]))
        return LagTable(lags, *table_of(np.maximum(probabilities, 0.0)))
    if isinstance(delay, Distribution) or np.ndim(delay):
        return None
    if float(delay) < dt * (1 - 1e-9):  # type: ignore[arg-type]
        raise check.fail(
            OWNER,
            "connect delay",
            f"must be at least one step, dt = {dt:g} s, for the clock engine",
            delay,
        )
    lags = np.array([check.steps(OWNER, "connect delay", delay, dt)], np.int64)
    return LagTable(_bounded(lags, dt), *table_of(np.ones(1)))


def draw_lags(
    projection: Projection, edges: Edges, key: int, dt: float
) -> tuple[NDArray[np.int64], Any]:
    """The delays that occur (n_lags,) int64 [steps], and which one each edge has.

    The latter is an index (n_edges,) uint32.
    """
    table = lag_table(projection, dt)
    if table is not None:
        index = np.zeros(len(edges), np.uint32)
        if table.lags.size > 1:
            kernels.draw_indices(np.uint64(key), table.thresholds, table.guide, 0, index)
        return _occurring(table.lags, index)
    delay = projection.delay
    drawn = values(delay, len(edges), key, projection.name, "delay")
    if isinstance(delay, Distribution):
        distinct, index = index_lags(
            _bounded(np.maximum(np.rint(drawn / dt), 1.0), dt).astype(np.int32)
        )
        return distinct, index
    array = _in_order(drawn, delay, edges)
    lags = np.rint(array / dt)
    off = (np.abs(array - lags * dt) > 1e-3 * dt) | (lags < 1)
    if off.any():
        first = int(off.argmax())
        near = check.digits(max(float(lags[first]), 1.0) * dt)
        rule = f"every delay must be a multiple of dt = {dt:g} s, at least one; the nearest is {near} s"
        raise check.fail(
            OWNER,
            "connect delay",
            rule,
            check.at(float(array[first]), _given_at(delay, edges, first)),
        )
    distinct, index = index_lags(_bounded(lags.astype(np.int64), dt))
    return distinct, index


def receptor_of(projection: Projection, weights: Any) -> str:
    """The receptor that the projection names, else the one for the sign of its weights."""
    if projection.receptor is not None:
        return projection.receptor
    low, high = float(np.min(weights, initial=0.0)), float(np.max(weights, initial=0.0))
    model = projection.post.model
    if len(model.receptors) > 1 and low < 0 < high:
        raise ParameterError(
            f"Network.connect receptor: {projection.name} has weights of both signs ({low:g} to {high:g}); "
            f"name the receptor, one of {', '.join(model.receptors)} (got None)"
        )
    return model.receptor(low < 0)


def draw_delays(projection: Projection, edges: Edges, key: int) -> Any:
    """Delays [s], not rounded to any grid: one number for all edges, or (n_edges,)."""
    delay = projection.delay
    if not isinstance(delay, Distribution) and np.ndim(delay) == 0:
        array = np.asarray(float(delay))  # type: ignore[arg-type]
    else:
        if isinstance(delay, Parametric):
            shares = np.empty(len(edges))
            kernels.draw_shares(np.uint64(key), shares)
            array = delay.quantile(shares)
        else:
            array = _in_order(
                values(delay, len(edges), key, projection.name, "delay"), delay, edges
            )
        if edges.dealt and isinstance(delay, Distribution):
            array = array[np.lexsort((array, edges.sources))]
    bad = ~((array >= 0) & (array <= MAX_DELAY))
    if bad.any():
        rule = f"every delay must be >= 0 and <= {MAX_DELAY:g} s for the event engine"
        first = int(bad.argmax())
        many = not isinstance(delay, Distribution) and np.ndim(delay) > 0
        got = (
            check.at(float(array[first]), _given_at(delay, edges, first))
            if many
            else float(array[bad][0])
        )
        raise check.fail(OWNER, f"connect delay of {projection.name}", rule, got)
    return array


def _occurring(lags: NDArray[np.int64], index: NDArray[np.uint32]) -> tuple[NDArray[np.int64], Any]:
    """The lags that occur, and each edge's index among them."""
    used = np.bincount(index, minlength=lags.size) > 0 if lags.size > 1 else np.ones(1, np.bool_)
    return (
        (lags, index)
        if used.all()
        else (lags[used], (np.cumsum(used) - 1).astype(np.uint32)[index])
    )


def _in_order(array: Any, given: Any, edges: Edges) -> Any:
    """Values for the edges as they are sorted now.

    An array from the user is in the order in which edges were given.
    """
    explicit = np.ndim(given) > 0 and edges.order is not None
    return array[edges.order] if explicit else array


def _given_at(given: Any, edges: Edges, place: int) -> int:
    """Where the value of an edge stands among those that were given."""
    explicit = np.ndim(given) > 0 and edges.order is not None
    return int(edges.order[place]) if explicit and edges.order is not None else place


def _bounded(lags: Any, dt: float) -> Any:
    if np.size(lags) and np.max(lags) > MAX_LAG:
        rule = f"must be at most {MAX_LAG * dt:g} s ({MAX_LAG} steps of dt)"
        raise check.fail(OWNER, "connect delay", rule, float(math.ceil(np.max(lags)) * dt))
    return lags
