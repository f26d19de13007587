"""Networks from snnTorch, run in its steps."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import NetworkError
from ...sim import Distribution, Network, Population, Simulator, SpikeTrain, Stimulus, TimedArray
from ...sim import validation as check
from ...sim.conversion import shown
from .chain import row_of, single_step

OWNER: Final = "run_steps"
INPUT: Final = "input"


def run_steps(simulator: Simulator, x: ArrayLike) -> dict[str, NDArray[np.bool_]]:
    """Run a network made by `from_snntorch`, from time 0, and return which units fire in each step.

    Steps are counted as snnTorch does: each layer's are shifted back by its distance from the
    input. The simulator is reset first, and its weights stay; of samples it stays at time 0.

    Parameters
    ----------
    simulator : Simulator
        Of such a network, by steps of the same dt.
    x : array_like, shape (T, ...) or (T, B, ...)
        What each step gives to each unit of the input, of one or of B samples: 0 or 1, or
        booleans, for inputs that spike, else any number.

    Returns
    -------
    dict of str to ndarray, shape (T, B, n)
        By the name of each population behind the input.

    Raises
    ------
    ParameterError
        If x has another shape, or holds anything but 0 and 1 where inputs spike.
    NetworkError
        If the network is not such a one.
    """
    check.instance(OWNER, "simulator", simulator, Simulator)
    network = simulator.network
    layers, dt = _layers(network), _step(simulator)
    values = _values(x, network.populations[0].n)
    stimuli = [_stimulus(values[:, sample], network, dt) for sample in range(values.shape[1])]
    duration = (len(values) + len(layers)) * dt
    simulator.reset(keep="weights")
    results = simulator.run(duration, inputs={INPUT: stimuli}, batch=len(stimuli))
    found = {}
    for lag, layer in enumerate(layers, 1):
        fired = np.zeros((len(values) + len(layers), len(stimuli), layer.n), np.bool_)
        for sample in range(len(stimuli)):
            spikes = results[sample].spikes(layer.name)
            fired[np.rint(spikes.times / dt).astype(np.int64) - 1, sample, spikes.ids] = True
        found[layer.name] = fired[lag : lag + len(values)]
    return found


def _layers(network: Network) -> list[Population]:
    """The populations behind the input, each a step behind the one before it."""
    source, *layers = row_of(OWNER, network)
    if not any(part.name == INPUT and part.population == source for part in network.inputs):
        rule = f"must have a stimulus {INPUT!r} of its first population, as from_snntorch gives it"
        raise NetworkError(f"{OWNER}.network: {rule} (got none)")
    return layers


def _step(simulator: Simulator) -> float:
    """The step [s] for which a network was made, which must be the simulator's."""
    projections = simulator.network.projections
    first: Any = projections[0].delay
    made_for = 0.0 if isinstance(first, Distribution) else float(np.max(first))
    for projection in projections:
        if not single_step(projection, made_for):
            told = f"{shown(projection.delay)} s of {projection.name!r}"
            rule = "must have one delay for all synapses, a step, as from_snntorch gives it"
            raise NetworkError(f"{OWNER}.network: {rule} (got {told})")
    dt = float(getattr(simulator.plan, "dt", made_for))
    if not math.isclose(dt, made_for):
        rule = f"must have dt={made_for:g}, the step for which from_snntorch made its network"
        raise check.fail(OWNER, "simulator", rule, dt)
    return dt


def _values(x: Any, n: int) -> NDArray[np.float64]:
    """What each step gives to each sample, (T, B, n)."""
    numbers = x * 1 if str(getattr(x, "dtype", "")).endswith("bool") else x
    values = check.finite_array(OWNER, "x", numbers)
    if values.ndim < 2 or not values.size or values[0].size % n:
        rule = f"must have shape (T, ...) or (T, B, ...), with {n} numbers for a sample and step"
        raise check.fail(OWNER, "x", rule, f"shape {values.shape}")
    return values.reshape(len(values), -1, n)


def _stimulus(values: NDArray[np.float64], network: Network, dt: float) -> Stimulus:
    """What a sample (T, n) gives to the units of the input."""
    if network.populations[0].model.sends is not None:
        return TimedArray(values, dt)
    other = (values != 0) & (values != 1)
    if other.any():
        rule = "must be 0 or 1 for inputs that spike; make the network with inputs='numbers'"
        raise check.fail(OWNER, "x", rule, float(values[other][0]))
    steps, ids = np.nonzero(values)
    return SpikeTrain((steps + 1) * dt, ids)
