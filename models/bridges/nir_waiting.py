"""Constants of populations that stand for nodes of NIR, from the time on at which they begin.

A population that is late must not move before its time: what is there always comes from then on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...errors import UnsupportedError
from ...sim.description.currents import Constant, Step
from ...sim.description.inputs import SpikeTrain, Stimulus
from ...sim.description.network import Network
from ...sim.description.parts import Input, Population
from .nir_nodes import NirNode
from .nir_units import Unit, even


def initial_of(unit: Unit, begin: float) -> dict[str, Any]:
    """Where the variables of a unit start that begins at `begin` [s]."""
    if unit.fades is None or begin > 0:
        return unit.initial
    variable, amount = unit.fades
    return {**unit.initial, variable: -np.asarray(amount) if np.ndim(amount) else -amount}


def drive_always(
    network: Network,
    population: Population,
    unit: Unit,
    begin: float,
    name: Callable[[str], str],
) -> None:
    """Give a population what is there always, from `begin` [s] on. name: makes names of inputs."""
    rest, drive = unit.rest, unit.drive
    if begin == 0 or not unit.initial:
        rest, drive = 0.0, rest + drive
    parts: list[tuple[Stimulus, str | None]] = []
    if np.any(rest):  # v starts there, and stays
        parts.append((Constant(even(rest)), None))
    if np.any(drive):
        late = even(drive)
        current = Constant(late) if begin == 0 else Step([begin], np.reshape(late, (1, -1)))
        parts.append((current, None))
    if unit.fades is not None and begin > 0:
        units = np.arange(population.n)
        amounts = np.broadcast_to(-np.asarray(unit.fades[1]), units.shape)
        parts.append((SpikeTrain(np.full(units.size, begin), units, amounts), unit.receptor))
    for stimulus, receptor in parts:
        network.stimulate(population, stimulus, receptor=receptor, name=name(population.name))


def check_waiting(node: NirNode, unit: Unit) -> None:
    """Raise UnsupportedError where a unit that is late would do something before its time."""
    starts = next(iter(unit.initial.values()), 0.0)
    threshold = node.parameters.get("v_threshold", node.parameters.get("threshold"))
    if threshold is not None and np.any(np.asarray(starts) > np.reshape(threshold, -1)):
        rule = "a neuron that fires without input cannot wait"
    elif threshold is None and unit.initial:
        rule = "a neuron that sends v_leak from the beginning cannot wait"
    elif np.any(getattr(unit.model, "offset", 0.0)) and not unit.initial:
        rule = "a neuron with a current whose v_leak is not 0 cannot wait, unless start='leak'"
    else:
        return
    raise UnsupportedError(
        f"from_nir.edges: must not be 'layers', for it makes {node.owner} late, and {rule}; give "
        "edges='step' (got 'layers')"
    )


def begins(stimulus: Stimulus) -> float | None:
    """When a current begins that is constant from then on [s]; None for other stimuli."""
    if isinstance(stimulus, Step) and np.size(stimulus.times) == 1:
        return float(np.asarray(stimulus.times)[0])
    return 0.0 if isinstance(stimulus, Constant) else None


def constant_current(described: Input, begin: float) -> Any:
    """The current, one number or (n,), of an input that is there from `begin` [s] on.

    Raises UnsupportedError for any other input.
    """
    stimulus = described.stimulus
    if described.receptor is None and begins(stimulus) == begin:
        if isinstance(stimulus, Constant):
            return stimulus.value
        assert isinstance(stimulus, Step)
        values = np.asarray(stimulus.values)[0]
        return values if values.size > 1 else float(values[0])
    what = f"what {described.name!r} drives, other than a current that is there always"
    raise UnsupportedError(f"to_nir: NIR cannot say {what}")
