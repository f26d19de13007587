"""Inputs of a compiled network: whether a stimulus fits, what it reaches, what its kernel gets.

The stimulus may be the described one or another one that takes its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import ParameterError, UnsupportedError
from .. import validation as check
from ..description.continuous import EventInput
from ..description.inputs import Stimulus
from ..description.parts import Input, Population, spikes_only


def reached(described: Input) -> str:
    """The receptor that an input reaches."""
    return described.receptor or described.population.model.receptors[0]


def counts(described: Input) -> bool:
    """Whether an input reaches a receptor to which each arrival adds 1, whatever its weight."""
    return reached(described) in described.population.model.counts


def constants_of(described: Input, stimulus: Stimulus, dt: float) -> dict[str, Any]:
    """The constants of the stimulus's kernel; weights of arrivals that are counted are 1."""
    given = stimulus.arguments(described.population.n, dt)
    if counts(described):
        given |= {name: np.ones(np.shape(given[name]))[()] for name in stimulus.weighs}
    return given


def suits(described: Input, stimulus: Stimulus) -> None:
    """Refuse a stimulus that does not fit the units or the receptor."""
    stimulus.fits(described.population.n)
    spikes_only(described.population, stimulus, described.receptor)
    if stimulus.goes == "receptor":
        conducts(
            described.population,
            reached(described),
            getattr(stimulus, "weight", 0.0),
            described.name,
        )


def event_input(described: Input, stimulus: Stimulus) -> EventInput | None:
    """What a stimulus is in continuous time; None for one that is a constant current.

    Raises UnsupportedError where it does not say, ParameterError where that does not fit the
    population.
    """
    if not stimulus.kernel:
        return None
    told, name = stimulus.event(described.population.n), type(stimulus).__name__
    if told is None:
        raise UnsupportedError(
            f"Simulator.engine: input {described.name!r} is {name}, which does not tell by {name}.event what it is "
            "without steps; use engine='clock'"
        )
    if not isinstance(told, EventInput) or told.goes != stimulus.goes:
        kinds = {
            "receptor": "SpikeTimes or PoissonProcess",
            "drive": "PiecewiseConstant or HeldNoise",
        }
        rule = f"must return {kinds.get(stimulus.goes, 'an EventInput')} or None, as it goes to a {stimulus.goes}"
        raise check.fail(stimulus, "event", rule, told)
    told.fits(described.population.n)
    if told.goes == "receptor":
        conducts(
            described.population, reached(described), getattr(told, "weight", 0.0), described.name
        )
    return told


def conducts(population: Population, receptor: str, weights: Any, name: str) -> None:
    """Refuse weights below 0 where the receptor is a conductance."""
    if receptor in population.model.conductances and np.min(weights, initial=0.0) < 0:
        model, low = type(population.model).__name__, float(np.min(weights))
        raise ParameterError(
            f"Network: the weights of {name} must be >= 0, since {receptor!r} of {model} is a conductance; to "
            f"inhibit, give them and the receptor, one of {', '.join(population.model.receptors)} (got {low:g})"
        )


def constant_drive(
    inputs: Iterable[Input], population: Population, replaced: Mapping[str, Stimulus]
) -> NDArray[np.float64]:
    """The sum of all constant currents among `inputs` that go to a population (n,).

    replaced: stimuli in the place of the described ones, by the names of their inputs.
    """
    drive = np.zeros(population.n)
    for part in inputs:
        stimulus = replaced.get(part.name, part.stimulus)
        if part.population is population:
            drive += np.asarray(stimulus.level)
    return drive
