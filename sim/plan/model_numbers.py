"""The numbers of a neuron model as kernels get them: initial values, constants, thresholds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import validation as check
from ..description.distributions import values
from ..description.network import Network
from ..description.neuron import NeuronModel
from ..description.parts import Population
from ..seed import stream_key


def initial_values(network: Network, population: Population) -> dict[str, Any]:
    """The initial values of state variables, by name: a number or (n,)."""
    start = dict(population.model.initial())
    for variable, value in population.initial.items():
        key = stream_key(network.seed, "initial", population.name, variable)
        start[variable] = values(
            value, population.n, key, "Network", f"population initial {variable}"
        )
    return start


def zero_threshold(model: NeuronModel, precision: str) -> bool:
    """Whether any threshold is 0.

    A potential just below 0 must then not be rounded to 0, where the unit would fire.
    """
    return bool((_field(model, "threshold").astype(precision) == 0).any())


def apart(model: NeuronModel, precision: str) -> None:
    """Refuse a reset that rounding to `precision` lifts to the threshold.

    A refractory unit would fire.
    """
    threshold, reset = _field(model, "threshold"), _field(model, "reset")
    bad = (reset < threshold) & (reset.astype(precision) >= threshold.astype(precision))
    if bad.any():
        worst = float(np.broadcast_to(reset, bad.shape)[bad][0])
        rule = f"must lie below the threshold in {precision} too, which cannot tell them apart"
        raise check.fail(model, "reset", f"{rule}; choose dtype='float64' or a lower reset", worst)


def _field(model: NeuronModel, name: str) -> NDArray[np.float64]:
    """A field of a model, one number or (n,); NaN if there is none with numbers."""
    value = np.asarray(vars(model).get(name, np.nan))
    return value.astype(np.float64) if value.dtype.kind in "iuf" else np.asarray(np.nan)


def per_unit(model: object, constants: Mapping[str, Any], n: int) -> Mapping[str, Any]:
    """A kernel's constants, each of which must be one number or (n,).

    A shorter array would be read past its end.
    """
    for name, value in constants.items():
        if np.ndim(value) and np.shape(value) != (n,):
            rule = f"must be one number or one per unit ({n})"
            raise check.fail(model, f"constants {name}", rule, f"shape {np.shape(value)}")
    return constants
