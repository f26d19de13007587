"""Warnings about descriptions that are valid but probably not meant, each given once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ..notice import notify
from .inputs import Stimulus
from .neuron import NeuronModel

if TYPE_CHECKING:
    from .parts import Input, Population

LONGEST: Final = 10.0  # [s] a longer time constant is doubtful: membranes, synapses and adaptation are all faster
HIGHEST: Final = 1.0  # [V] a higher threshold is doubtful
UNREACHED: Final = 1e3  # [V] but not from here on: such a threshold is meant to keep a unit silent
POTENTIALS: Final = ("threshold", "peak")  # how the names of fields begin that hold thresholds


def check_model(model: NeuronModel) -> None:
    """Warn of time constants and thresholds that are implausible in seconds and volts.

    Time constants are the fields called tau... Potentials without a unit are no volts.
    """
    volts = model.units.get("v", "V") == "V"
    for name, value in vars(model).items():
        size = _size(value)
        if name.startswith("tau") and size > LONGEST:
            notify(
                f"{type(model).__name__}.{name}: times are in seconds, and 20 ms is 20e-3 (got {size:g} s)"
            )
        if volts and name.startswith(POTENTIALS) and HIGHEST < size < UNREACHED:
            notify(
                f"{type(model).__name__}.{name}: potentials are in volts, and 15 mV is 15e-3 (got {size:g} V)"
            )


class Doubts:
    """The warnings that one simulator has given about its runs."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def missed(
        self,
        inputs: Iterable[Input],
        samples: Sequence[Mapping[str, Stimulus]],
        start: float,
        stop: float,
    ) -> None:
        """Warn of inputs with no event after `start` and up to `stop` [s].

        samples: the stimuli that replace inputs in each sample. Events in an earlier run are no
        reason to warn.
        """
        for described in inputs:
            name = described.name
            for stimuli in samples if stop > start else ():
                stimulus = stimuli.get(name, described.stimulus)
                fault = _outside(stimulus, start, stop, fresh=name in stimuli)
                if fault and name not in self._told:
                    self._told.add(name)
                    notify(
                        f"Simulator.run: nothing of input {name!r} falls into this run, from {start:g} to {stop:g} s: "
                        f"{fault}; times are in seconds from the beginning of the simulation, so give t * 1e-6 for "
                        "microseconds"
                    )

    def merged(self, tallies: Mapping[str, float], populations: Iterable[Population]) -> None:
        """Warn of spikes that were lost because others came at the same time.

        Another spike of the same unit came at the same time or step.
        """
        for name in (part.name for part in populations):
            tally = f"{name}.merged"
            if tallies.get(tally) and tally not in self._told:
                self._told.add(tally)
                spikes = "spike" if tallies[tally] == 1 else "spikes"
                notify(
                    f"Simulator.run: {tallies[tally]:.0f} {spikes} of {name!r} came in one step, or at one time, with "
                    f"another of the same unit and made one with it (Result.tallies[{tally!r}]); in the clock engine, "
                    "a shorter dt tells more of them apart"
                )


def _outside(stimulus: Stimulus, start: float, stop: float, *, fresh: bool) -> str:
    """How a stimulus misses a run, or an empty text. fresh: it had no part in an earlier run."""
    span = stimulus.span
    if span is None:
        return ""
    first, last = span
    if first > stop * (1 + 1e-9):
        return f"it begins at {first:g} s"
    if fresh and start and last <= start and stimulus.goes == "receptor":
        return f"it ends at {last:g} s"
    return ""


def _size(value: Any) -> float:
    """The largest absolute value of a number or an array of numbers; 0 for anything else."""
    array = np.asarray(value)
    return float(np.abs(array).max(initial=0.0)) if array.dtype.kind in "iuf" else 0.0
