"""What `Simulator.set` and `Simulator.stimulate` change: each change makes another engine.

Values are checked as the constructors check them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...errors import ParameterError, UnsupportedError
from .. import validation as check
from ..conversion import is_many, shown
from ..description.convolution import Conv1d, Conv2d
from ..description.distributions import Distribution, values
from ..description.drawn import drawn, drawn_stimulus
from ..description.explicit import FromSparse
from ..description.inputs import Stimulus
from ..description.network import Network
from ..description.neuron import NeuronModel, complete
from ..description.parts import Input, Population, Projection
from ..description.plausibility import check_model
from ..description.replaced import replaced
from ..description.store import Ideal
from ..plan.draw_values import receptor_of
from ..plan.inputs import conducts, suits
from ..seed import stream_key
from .engine import Engine

OWNER: Final = "Simulator"


def set_population(engine: Engine, population: Population, given: Mapping[str, Any]) -> Engine:
    """An engine in which state variables or parameters of a population have these values."""
    variables, parameters = engine.variables(population), _parameters(population.model)
    _known(given, [*variables, *parameters], f"{type(population.model).__name__} has the", "v=0.0")
    states = {
        name: _values(engine.network, population, name, value)
        for name, value in given.items()
        if name in variables
    }
    others = {name: value for name, value in given.items() if name not in variables}
    if others:
        model = replace(population.model, **others)  # type: ignore[type-var]  # a dataclass, or it had no parameters
        complete(model)
        model.fits(population.n)
        check_model(model)
        network = drawn(replaced(engine.network, population, replace(population, model=model)))
        engine = engine.recompiled(network)
        population = next(part for part in network.populations if part.name == population.name)
    return engine.with_state(population, states) if states else engine


def set_projection(engine: Engine, projection: Projection, given: Mapping[str, Any]) -> Engine:
    """An engine in which a projection has other weights."""
    _known(given, ["weights"], "a projection has the", "weights=1e-3")
    kernel = _with_kernel(engine, projection, given["weights"])
    if kernel is not None:
        return engine.recompiled(
            replaced(engine.network, projection, kernel), fresh=(projection.name,)
        )
    n = engine.plan.synapses[projection.name].n
    weights = check.per_unit(OWNER, "set weights", given["weights"])
    if np.ndim(weights) and weights.shape != (n,):
        rule = (
            f"must be one number or one for each synapse ({n}), in the order of Simulator.weights"
        )
        raise check.fail(OWNER, "set weights", rule, f"shape {weights.shape}")
    before = engine.weights(projection.name)
    receptor = projection.receptor if projection.graded else receptor_of(projection, before)
    if receptor is not None:
        conducts(projection.post, receptor, weights, projection.name)
    if engine.writes(projection):
        low, high = engine.bounds(projection)
        check.per_unit(OWNER, "set weights", weights, least=low, most=high)
        return engine.with_weights(projection, np.broadcast_to(weights, n))
    kept = replace(projection, receptor=receptor)  # also where the new weights have another sign
    new = _reweighted(engine, kept, weights)
    return engine.recompiled(replaced(engine.network, projection, new), fresh=(projection.name,))


def _with_kernel(engine: Engine, projection: Projection, given: Any) -> Projection | None:
    """A convolution with another kernel, whose shape `given` has; None for any other change."""
    own = projection.connectivity
    if not isinstance(own, (Conv1d, Conv2d)) or not is_many(given):
        return None
    if projection.rule is not None or engine.writes(projection):
        return None
    kernel = check.finite_array(OWNER, "set weights", given)
    if kernel.ndim < 2:
        return None
    if kernel.shape != np.shape(own.kernel):
        rule = f"must be one number, one for each synapse, or a kernel {np.shape(own.kernel)}"
        raise check.fail(OWNER, "set weights", rule, f"shape {kernel.shape}")
    factor = 1.0 if projection.weight is None else float(projection.weight)  # type: ignore[arg-type]
    before, other = own.convolution, replace(own, kernel=kernel)
    receptor = projection.receptor
    if not projection.graded:  # also where the new weights have another sign
        receptor = receptor_of(projection, before.occurring * factor)
    if receptor is not None:
        conducts(projection.post, receptor, other.convolution.occurring, projection.name)
    return replace(projection, connectivity=other, weight=None, receptor=receptor)


def set_stimulus(engine: Engine, described: Input, stimulus: Any) -> Engine:
    """An engine in which an input has another stimulus of the same kind from now on."""
    check.instance(OWNER, "stimulate stimulus", stimulus, Stimulus, "Constant(18e-3)")
    kind = type(described.stimulus)
    if type(stimulus) is not kind:
        raise ParameterError(
            f"Simulator.stimulate: {described.name!r} takes a {kind.__name__} (got {type(stimulus).__name__})"
        )
    new = replace(described, stimulus=drawn_stimulus(engine.network, described, stimulus))
    suits(described, new.stimulus)
    return engine.stimulated(replaced(engine.network, described, new), described.name)


def _reweighted(engine: Engine, projection: Projection, weights: Any) -> Projection:
    """The projection with other weights: one number, or one per synapse in the engine's order."""
    name, n, store = (
        projection.name,
        engine.plan.synapses[projection.name].n,
        type(projection.store).__name__,
    )
    if projection.rule is not None:
        raise UnsupportedError(
            f"Simulator.set weights: those of {name!r} are changed by its rule alone, since they live in {store}; "
            "use store=Ideal() or a network made with these weights"
        )
    if np.ndim(weights) and projection.store.can.redraws:
        raise UnsupportedError(
            f"Simulator.set weights: {name!r} keeps no weights, which {store} draws again at every spike; give one "
            "number for all, or use store=Ideal()"
        )
    connectivity = projection.connectivity
    own = projection.weight is None or connectivity.scales
    if own and not isinstance(connectivity, (FromSparse, Conv1d, Conv2d)):
        raise UnsupportedError(
            f"Simulator.set weights: those of {name!r} come from {type(connectivity).__name__}; use Explicit or "
            "FromSparse, or a network made with these weights"
        )
    if np.ndim(weights) == 0 and not own:
        return replace(projection, weight=weights)
    if isinstance(connectivity, (Conv1d, Conv2d)) and np.ndim(weights) == 0:
        kernel = np.full(np.shape(connectivity.kernel), weights)
        return replace(projection, connectivity=replace(connectivity, kernel=kernel), weight=None)
    if np.ndim(weights) == 0:
        return _weighted(projection, np.full(n, weights))
    numbered = replace(_weighted(projection, np.arange(n, dtype=np.float64)), store=Ideal())
    described = np.empty(n)
    described[engine.order(replaced(engine.network, projection, numbered), numbered)] = weights
    return _weighted(projection, described)


def _weighted(projection: Projection, weights: NDArray[np.float64]) -> Projection:
    """The projection with one weight for each synapse, in the order in which it is described."""
    own = projection.connectivity
    if isinstance(own, (FromSparse, Conv1d, Conv2d)):
        return replace(projection, connectivity=own.reweighted(weights), weight=None)
    return replace(projection, weight=weights)


def _values(
    network: Network, population: Population, variable: str, value: Any
) -> NDArray[np.float64]:
    """Values of a state variable (n,).

    Draws of a distribution are those of ``Network.population(initial=...)``.
    """
    field = f"set {variable}"
    if not isinstance(value, Distribution):
        value = check.per_unit(OWNER, field, value)
        if np.ndim(value) and value.shape != (population.n,):
            rule = f"must be one number or one per unit ({population.n})"
            raise check.fail(OWNER, field, rule, f"shape {value.shape}")
    key = stream_key(network.seed, "initial", population.name, variable)
    return np.asarray(values(value, population.n, key, OWNER, field), np.float64)


def _parameters(model: NeuronModel) -> list[str]:
    """The fields with which a model is made."""
    if not is_dataclass(model):
        return []
    return [field.name for field in fields(model) if field.init]


def _known(given: Mapping[str, Any], names: Iterable[str], owner: str, example: str) -> None:
    """Raise ParameterError unless something is given, and by known names only."""
    known = list(dict.fromkeys(names))
    if not given:
        raise ParameterError(f"Simulator.set: needs what to set, such as {example} (got nothing)")
    for name in given:
        if name not in known:
            raise ParameterError(
                f"Simulator.set: {shown(name)} is unknown{check.nearest(name, known)}; {owner} "
                f"{check.listed(known) or 'nothing that could be set'}"
            )
