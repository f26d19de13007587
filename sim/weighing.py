"""Drawing the weights and the delays of a projection's edges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ParameterError
from . import validation as check
from .connectivity import Edges
from .distributions import Distribution, values

if TYPE_CHECKING:
    from .network import Projection

MAX_LAG = 1 << 20  # steps: a delay longer than this is a unit error
MAX_DELAY = 100.0  # [s]


def draw_weights(projection: Projection, edges: Edges, key: int) -> Any:
    """One number for all edges, or (n_edges,) float64, in the order of `edges`."""
    weight = projection.weight
    if weight is None:
        if edges.weights is None:
            raise ParameterError(
                f"Network.connect weight: {projection.name} needs a number, an array or a distribution (got None)"
            )
        return edges.weights
    if edges.weights is not None:
        raise ParameterError(
            f"Network.connect weight: {type(projection.connectivity).__name__} brings its own weights; "
            f"leave weight out (got {weight!r:.60})"
        )
    if not isinstance(weight, Distribution) and np.ndim(weight) == 0:
        return float(weight)  # type: ignore[arg-type]
    return _in_order(values(weight, edges.sources.size, key, projection.name, "weight"), weight, edges)


def draw_lags(projection: Projection, edges: Edges, key: int, dt: float) -> Any:
    """Delays in steps, one number for all edges or (n_edges,) int64; drawn ones go to the nearest step but 0."""
    delay, owner = projection.delay, "Network"
    if isinstance(delay, Distribution):
        drawn = values(delay, edges.sources.size, key, projection.name, "delay")
        drawn /= dt  # in place: fresh memory costs more than the arithmetic
        np.rint(drawn, out=drawn)
        np.maximum(drawn, 1.0, out=drawn)
        return _bounded(projection, drawn, dt).astype(np.int32)
    if np.ndim(delay) == 0:
        if float(delay) < dt * (1 - 1e-9):  # type: ignore[arg-type]
            raise check.fail(
                owner, "connect delay", f"must be at least one step, dt = {dt:g} s, for the clock engine", delay
            )
        return _bounded(projection, np.int64(check.steps(owner, "connect delay", delay, dt)), dt)
    array = _in_order(values(delay, edges.sources.size, key, projection.name, "delay"), delay, edges)
    lags = np.rint(array / dt)
    off = (np.abs(array - lags * dt) > 1e-3 * dt) | (lags < 1)
    if off.any():
        raise check.fail(
            owner,
            "connect delay",
            f"every delay must be a multiple of dt = {dt:g} s, at least one",
            float(array[off][0]),
        )
    return _bounded(projection, lags.astype(np.int64), dt)


def receptor_of(projection: Projection, weights: Any) -> str:
    """The receptor that the projection names, else the one that the sign of its weights chooses."""
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


def _in_order(array: Any, given: Any, edges: Edges) -> Any:
    """Values given one per edge follow the order in which the edges were given."""
    explicit = np.ndim(given) > 0 and getattr(edges, "order", None) is not None
    return array[edges.order] if explicit else array


def _bounded(projection: Projection, lags: Any, dt: float) -> Any:
    if np.size(lags) and np.max(lags) > MAX_LAG:
        raise check.fail(
            "Network",
            "connect delay",
            f"must be at most {MAX_LAG * dt:g} s ({MAX_LAG} steps of dt)",
            float(np.max(lags) * dt),
        )
    return lags


def draw_delays(projection: Projection, edges: Edges, key: int) -> Any:
    """Delays [s] as they are, on no grid: one number for all edges, or (n_edges,)."""
    delay = projection.delay
    if not isinstance(delay, Distribution) and np.ndim(delay) == 0:
        array = np.asarray(float(delay))  # type: ignore[arg-type]
    else:
        array = _in_order(values(delay, edges.sources.size, key, projection.name, "delay"), delay, edges)
    bad = ~((array >= 0) & (array <= MAX_DELAY))
    if bad.any():
        rule = f"every delay must be >= 0 and <= {MAX_DELAY:g} s for the event engine"
        raise check.fail("Network", f"connect delay of {projection.name}", rule, float(array[bad][0]))
    return array
