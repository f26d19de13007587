"""The sentence for states that are no numbers any more."""

from __future__ import annotations

from ...errors import DivergenceError
from .. import validation as check
from .plan import Plan


def diverged(plan: Plan, variable: str, unit: int, value: object, step: int) -> DivergenceError:
    """An error for a state variable, as "population.v", that is NaN or infinite by a step."""
    models = [
        part.model for part in plan.network.populations if variable.startswith(f"{part.name}.")
    ]
    grows = f", a parameter of {check.name_of(models[0])} lets it grow" if models else ""
    return DivergenceError(
        f"{variable} of unit {unit} is {value} by {step * plan.dt:g} s: "
        f"an input or a weight is too large{grows}, or the step is too long"
    )
