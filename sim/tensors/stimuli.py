"""What stimuli bring to a network over a span of time, as arrays."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ...kernels.torch import inputs as kernels
from ..operators.operator import Operator, Phase
from ..operators.signals import Memory, Signal
from ..plan.inputs import reached
from ..plan.plan import Plan

Replaced = Mapping[Operator, dict[str, Any]]
SPIKES, CURRENTS = ("spike_train_step",), ("timed_array_step", "step_current_step")


class Stimuli:
    """The stimuli of a network, bound to one memory; replaced: other arguments for some of them.

    without: the names of inputs that bring nothing, for something else takes their place. Those
    whose kernel has a twin for a whole span are computed at once, the others step by step.
    """

    def __init__(
        self, plan: Plan, memory: Memory, replaced: Replaced, without: Collection[str] = ()
    ) -> None:
        self.plan, self.memory, self.replaced, self.without = plan, memory, replaced, without
        self._programs: dict[tuple[str, ...], Any] = {}

    def arrivals(self, start: int, steps: int) -> dict[tuple[str, str], NDArray[Any]]:
        """The weights that arrive (steps, n), by population and receptor, in a span."""
        found: dict[tuple[str, str], NDArray[Any]] = {}
        for name, described in self.plan.inputs.items():
            if described.stimulus.goes != "receptor" or name not in self.plan.arriving:
                continue
            if name in self.without:
                continue
            operator, n = self.plan.arriving[name], described.population.n
            place = (described.population.name, reached(described))
            if place not in found:
                found[place] = np.zeros((steps, n), self.memory.precision)
            if described.stimulus.kernel in SPIKES:
                self._at_once(operator, start, receiving=found[place])
            else:
                self._one_by_one([operator], "receiving", start, found[place])
        return found

    def drives(self, start: int, steps: int) -> dict[str, Any]:
        """The drive of every population: (steps, n), or what does not change, (n,) or a number."""
        return {
            part.name: self._drive(part.name, start, steps)
            for part in self.plan.network.populations
        }

    def _drive(self, name: str, start: int, steps: int) -> Any:
        own = [one for one in self.plan.operators if one.label == name and "drive" in one.arguments]
        held = [one for one in own if one.phase is Phase.ARRIVE]
        if not held:
            return self._arguments(own[0]).get("drive", 0.0) if own else 0.0
        base = self._arguments(held[0])["base"]
        changing = [
            self.plan.arriving[one.name]
            for one in self.plan.inputs.values()
            if one.population.name == name and one.stimulus.goes == "drive" and one.stimulus.kernel
            if one.name not in self.without
        ]
        if not changing:
            return base
        drive = np.broadcast_to(base, (steps, base.size)).copy()
        if all(one.name in CURRENTS for one in changing):
            for one in changing:
                self._at_once(one, start, drive=drive)
        else:
            self._one_by_one([*held, *changing], "drive", start, drive)
        return drive

    def _at_once(self, operator: Operator, start: int, **target: NDArray[Any]) -> None:
        """Let the twin of a kernel add what it brings in a whole span."""
        kernel = getattr(kernels, operator.name)
        own = {**self._arguments(operator), **target, "start": start}
        names = kernel.__code__.co_varnames[: kernel.__code__.co_argcount]
        kernel(**{name: own[name] for name in names})

    def _one_by_one(
        self, operators: Sequence[Operator], target: str, start: int, rows: NDArray[Any]
    ) -> None:
        """Run operators step by step, and add what they leave in their argument `target` to rows.

        A drive is left there as a whole, of which the constant part stands in `rows` already.
        """
        key = tuple(one.label for one in operators)
        if key not in self._programs:
            self._programs[key] = self.plan.part(operators, self.memory, self.replaced)
        place = self._arguments(operators[-1])[target]
        for t, row in enumerate(rows):
            if target == "receiving":
                place[...] = row
            self._programs[key].advance(start + t, start + t + 1)
            row[...] = place
        if target == "receiving":
            place[...] = 0

    def _arguments(self, operator: Operator) -> dict[str, Any]:
        found = {
            name: self.memory[value]
            if isinstance(value, Signal) and value.name in self.memory.views
            else value
            for name, value in operator.arguments.items()
        }
        return found | dict(self.replaced.get(operator, {}))


def tensor(value: Any) -> Any:
    """What drives a population as a tensor with a place for the batch, unless it is a number."""
    if not isinstance(value, np.ndarray):
        return value
    value = np.require(value, requirements="W")  # a copy where it must not be written to
    return torch.from_numpy(value[:, None] if value.ndim == 2 else value)
