"""Spike trains of a batch, as users hand them over and as the event engine takes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

from ...errors import UnsupportedError
from ...sim import validation as check
from ...sim.conversion import is_tensor, shown
from ...sim.description.inputs import SpikeTrain
from ...sim.description.network import Network
from ...sim.description.parts import Input
from ...sim.engines.event_samples import Trains
from ...sim.engines.event_solved import ticks

OWNER: Final = "EventProp"
EXAMPLE: Final = "{'pixels': times}"


@final
@dataclass(frozen=True, eq=False)
class Given:
    """The trains of one input.

    trains: as the engine takes them; order (n_samples, n): where each of their spikes stands in
    what the user gave, flattened; None where that was no array of times.
    """

    trains: Trains
    order: NDArray[np.int64] | None

    def as_given(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values of the spikes (n_samples, n) in the order in which the user gave their times."""
        if self.order is None:
            return values
        given = np.zeros_like(values)
        np.put_along_axis(given, self.order, values, axis=1)
        return given


def listed_inputs(network: Network) -> dict[str, Input]:
    """The inputs that are spike trains, by name.

    Raises UnsupportedError for one that is neither that nor a constant current.
    """
    for part in network.inputs:
        if part.stimulus.kernel and not isinstance(part.stimulus, SpikeTrain):
            raise UnsupportedError(
                f"{OWNER}: input {part.name!r} is {type(part.stimulus).__name__}; exact gradients are known for "
                "SpikeTrain and Constant"
            )
    return {part.name: part for part in network.inputs if isinstance(part.stimulus, SpikeTrain)}


def all_trains(known: Mapping[str, Input], inputs: Any) -> tuple[dict[str, Given], int]:
    """The trains of every input, and the number of samples.

    Inputs that are not given are the same in all samples. Raises ParameterError for what does not
    fit.
    """
    if is_tensor(inputs) or isinstance(inputs, (np.ndarray, list, tuple)):
        if len(known) != 1:
            rule = f"must name its inputs, such as {EXAMPLE} (known: {check.listed(list(known))})"
            raise check.fail(OWNER, "inputs", rule, inputs)
        inputs = {next(iter(known)): inputs}
    inputs = check.mapping(OWNER, "inputs", {} if inputs is None else inputs, EXAMPLE)
    for name in inputs:
        check.one_of(OWNER, "inputs", name, list(known))
    given = {name: _given(known[name], value) for name, value in inputs.items()}
    sizes = {name: len(own.trains.times) for name, own in given.items()}
    n_samples = next(iter(sizes.values()), 1)
    for name, size in sizes.items():
        if size != n_samples:
            rule = f"{shown(name)} must have as many samples as {next(iter(sizes))!r} ({n_samples})"
            raise check.fail(OWNER, "inputs", rule, size)
    for name in known.keys() - given.keys():
        given[name] = _of_trains(known[name], [known[name].stimulus] * n_samples)
    return given, n_samples


def _given(part: Input, value: Any) -> Given:
    """The trains that a user gave for one input: times, or a SpikeTrain for each sample."""
    if isinstance(value, (list, tuple)) and value and isinstance(value[0], SpikeTrain):
        return _of_trains(part, list(value))
    return _of_times(part, value)


def _of_times(part: Input, value: Any) -> Given:
    """Times (n_samples, n_units) or (n_samples, n_units, n_spikes) [s], inf where there is none."""
    field, n = f"inputs {part.name!r}", part.population.n
    times = check.array_of(OWNER, field, value)
    if times.ndim not in (2, 3) or times.shape[1] != n or not len(times):
        rule = (
            f"must be times (n_samples, {n}) or (n_samples, {n}, n_spikes) of one sample or more, "
            "or a list of SpikeTrain"
        )
        raise check.fail(OWNER, field, rule, f"shape {times.shape}")
    times = times.reshape(len(times), -1).astype(np.float64)
    if not (times >= 0).all():
        rule = "must be times >= 0 s, inf where there is no spike"
        raise check.fail(OWNER, field, rule, float(times[~(times >= 0)][0]))
    counted = ticks(times)
    order = np.argsort(counted, axis=1, kind="stable")
    units = np.repeat(np.arange(n), times.shape[1] // n)
    sorted_times = np.take_along_axis(counted, order, axis=1)
    return Given(Trains(sorted_times, units[order], _weight(part)), order)


def _of_trains(part: Input, trains: list[Any]) -> Given:
    """A spike train for each sample, padded."""
    for train in trains:
        check.instance(OWNER, f"inputs {part.name!r}", train, SpikeTrain)
        train.fits(part.population.n)
    most = max(np.size(train.times) for train in trains)
    never = int(ticks(np.inf))
    times, units = (np.full((len(trains), most), fill) for fill in (never, 0))
    weights: Any = np.zeros((len(trains), most))
    for k, train in enumerate(trains):
        n = np.size(train.times)
        times[k, :n], units[k, :n], weights[k, :n] = ticks(train.times), train.ids, train.weight
    return Given(Trains(times, units, weights), None)


def _weight(part: Input) -> float:
    """The weight of the spikes of an input that is given as times."""
    weight = np.unique(np.asarray(part.stimulus.weight))  # type: ignore[attr-defined]
    if weight.size > 1:
        rule = f"{part.name!r} must be described with one weight for all spikes where it is given as times"
        raise check.fail(OWNER, "inputs", rule, part.stimulus)
    return float(weight[0]) if weight.size else 1.0
