"""What a module trains, checked: numbers that no network could have are refused in every pass.

Training would go on with them in silence: a potential that is NaN never reaches its threshold, and
a threshold below the reset turns the slope of a spike round.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import is_dataclass, replace
from typing import Any

import numpy as np
import torch

from ...errors import ParameterError
from .. import validation as check
from ..description.neuron import NeuronModel
from ..plan.compile import check_resolved
from ..plan.divergence import diverged
from ..plan.plan import Plan
from .course import State
from .units import Units

OWNER = "NetworkModule"


def trainable(model: NeuronModel, field: str, numbers: Callable[[], Any]) -> None:
    """Raise ParameterError where no constant of a model can be differentiated by a field."""
    try:
        found = numbers()
    except (TypeError, RuntimeError, ValueError) as error:
        reason = f"{type(error).__name__}: {error!s:.80}"
    else:
        if any(isinstance(one, torch.Tensor) and one.requires_grad for one in found.values()):
            return
        reason = "none of its constants depends on it"
    raise ParameterError(
        f"{OWNER} train: {type(model).__name__}.{field} cannot be trained, since {reason}"
    )


def finite(value: torch.Tensor) -> bool:
    """Whether all numbers are finite; their sum tells that fast, unless it overflows."""
    return math.isfinite(value.sum().item()) or bool(torch.isfinite(value).all())


def check_finite(name: str, value: torch.Tensor) -> None:
    """Raise ParameterError unless all numbers of a parameter are finite."""
    own = value.detach()
    if not finite(own):
        check.finite_array(OWNER, f"parameter {name}", own.cpu().numpy())


def check_fields(units: Units) -> None:
    """Raise ParameterError, in the words of the model, unless it may have its trained fields.

    None of its time constants may become shorter than a step.
    """
    model, name = units.population.model, units.population.name
    values = {}
    for field, value in units.trained.items():
        array = value.detach().cpu().numpy().astype(np.float64)
        check.finite_array(OWNER, f"parameter {name}.{field}", array)
        values[field] = array if array.ndim else float(array)
    if not values or not is_dataclass(model):
        return
    try:
        check_resolved(replace(units.population, model=replace(model, **values)), units.dt)
    except ParameterError as error:
        raise ParameterError(
            f"{OWNER}.parameter {name}.{check.listed(values)}: {error}; keep it there, such as by "
            "clamping it after each step of the optimizer"
        ) from None


def check_state(
    plan: Plan, units: Mapping[str, Units], state: Mapping[str, State], step: int
) -> None:
    """Raise DivergenceError where a state variable is NaN or infinite at the end of a pass."""
    for name, own in units.items():
        for variable in own.variables:
            value = state[name][variable].detach()
            if value.is_floating_point() and not finite(value):
                _, unit = (~torch.isfinite(value)).nonzero()[0].tolist()
                shown = value[~torch.isfinite(value)][0].item()
                raise diverged(plan, f"{name}.{variable}", unit, shown, step)
