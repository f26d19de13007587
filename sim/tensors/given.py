"""The inputs of a module, checked: tensors in the place of stimuli."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
import torch

from ...errors import ParameterError
from .. import validation as check
from ..conversion import shown
from ..description.currents import Constant
from ..description.parts import Input
from ..operators.signals import Memory
from ..plan.inputs import constant_drive, counts, reached
from .course import Span
from .plan import TensorPlan
from .spans import joined
from .stimuli import Replaced, Stimuli
from .trained import OWNER, finite

MOST_STEPS: Final = 10**9
MOST_FIRST: Final = 1 << 53  # the number of the first sample of a batch


@final
@dataclass(frozen=True)
class Given:
    """Tensors (time, batch, n) in the place of the stimuli of the inputs of these names.

    steps, batch: of all of them; what has a single step stays the same in all. first: the number
    of the first sample.
    """

    plan: TensorPlan
    tensors: Mapping[str, torch.Tensor]
    steps: int
    batch: int
    first: int = 0

    @classmethod
    def of(
        cls, plan: TensorPlan, inputs: Any, steps: int | None, first: int, like: torch.Tensor
    ) -> Given:
        """Raise ParameterError unless the inputs are known, fit each other and are finite.

        like: a tensor of the device and precision that they are brought to.
        """
        found = check.mapping(OWNER, "inputs", inputs, "{'pixels': torch.zeros(100, 32, 784)}")
        for name in found:
            if name not in plan.inputs:
                hint, known = check.nearest(name, plan.inputs), check.listed(plan.inputs) or "none"
                raise ParameterError(
                    f"{OWNER} inputs: no input is called {shown(name)}{hint} (known: {known})"
                )
        ready = {name: _ready(plan, name, value, like) for name, value in found.items()}
        batch = _agreed(ready, "samples", 1, None)
        if steps is not None:
            steps = check.whole(OWNER, "steps", steps, least=1, most=MOST_STEPS)
        first = check.whole(OWNER, "first", first, most=MOST_FIRST)
        return cls(plan, ready, _agreed(ready, "steps", 0, steps), batch, first)

    @property
    def samples(self) -> range:
        """The numbers of all samples."""
        return range(self.first, self.first + self.batch)

    def span(self, memory: Memory, begin: int, start: int) -> Span:
        """What comes from outside: the tensors, and the stimuli of all other inputs.

        begin: the step at which the memory stands; start: that of the span, at or after it.
        """
        span = self._others(memory, begin, start)
        for name, value in self.tensors.items():
            described = self.plan.inputs[name]
            population = described.population.name
            if described.stimulus.goes == "receptor":
                place = (population, reached(described))
                rows, weight = value.expand(self.steps, -1, -1), _weight(described, value)
                rows = rows if isinstance(weight, float) and weight == 1.0 else rows * weight
                span.arrivals[place] = (
                    rows + span.arrivals[place] if place in span.arrivals else rows
                )
            else:
                held = value.shape[0] == 1 or value.stride(0) == 0
                span.drive[population] = span.drive[population] + (value[0] if held else value)
        return span

    def _others(self, memory: Memory, begin: int, start: int) -> Span:
        """What the stimuli bring that nothing takes the place of."""
        plan, names = self.plan, set(self.tensors)
        kept = [
            name for name, one in plan.inputs.items() if one.stimulus.kernel and name not in names
        ]
        replaced = self._without_constants()
        like = next(iter(self.tensors.values()), None)
        if not kept:
            stimuli = Stimuli(plan, memory, replaced, names)
            span = plan.span(stimuli, start, 1, 0)
            span.drive = {
                name: one[0] if isinstance(one, torch.Tensor) and one.ndim == 3 else one
                for name, one in span.drive.items()
            }
            whole = Span(start, self.steps, self.samples, {}, span.drive)
        else:
            spans = []
            for sample in self.samples:
                own = memory.replicate()
                own["sample"][0] = sample
                plan.anew(own, {}, sample, begin)
                stimuli = Stimuli(plan, own, replaced, names)
                if start > begin:  # what came before is past, but it was drawn
                    plan.span(stimuli, begin, start - begin, sample)
                spans.append(plan.span(stimuli, start, self.steps, sample))
            whole = joined(spans)
        return whole if like is None else whole.to(like.device)

    def _without_constants(self) -> Replaced:
        """The constant drives without the currents whose place something else takes."""
        replaced: dict[Any, dict[str, Any]] = {}
        silent = {
            name: Constant(0.0)
            for name in self.tensors
            if not self.plan.inputs[name].stimulus.kernel
        }
        for name in silent:
            population = self.plan.inputs[name].population
            drive = constant_drive(self.plan.network.inputs, population, silent)
            replaced |= self.plan.driven(population.name, drive.astype(self.plan.precision))
        return replaced


def _ready(plan: TensorPlan, name: str, given: Any, like: torch.Tensor) -> torch.Tensor:
    """One input as a finite tensor (time, batch, n)."""
    n = plan.inputs[name].population.n
    value: torch.Tensor
    if isinstance(given, torch.Tensor):
        value = given
    else:
        array = check.finite_array(OWNER, f"inputs {name!r}", given)
        value = torch.from_numpy(np.ascontiguousarray(array))
    if value.ndim != 3 or value.shape[2] != n or 0 in value.shape:
        rule = f"must have shape (time, batch, {n}) with at least one step and one sample"
        raise check.fail(OWNER, f"inputs {name!r}", rule, f"shape {tuple(value.shape)}")
    if value.is_complex():
        raise check.fail(OWNER, f"inputs {name!r}", "must be real numbers", value.dtype)
    value = value.to(like)
    if not finite(value[:1] if value.stride(0) == 0 else value):
        raise check.fail(OWNER, f"inputs {name!r}", "must be finite numbers", "NaN or infinity")
    return value


def _agreed(ready: Mapping[str, torch.Tensor], what: str, dimension: int, given: int | None) -> int:
    """The size that all tensors have in a dimension, or that is given."""
    single = dimension == 0
    sizes = {
        name: one.shape[dimension]
        for name, one in ready.items()
        if not (single and one.shape[dimension] == 1)
    }
    wanted = given if given is not None else next(iter(sizes.values()), None)
    if wanted is None:
        if not single:
            return 1
        if not ready:
            raise check.fail(OWNER, "steps", "must be given where no input tells them", given)
        return 1
    for name, size in sizes.items():
        if size != wanted:
            others = "the others" if given is None else "are asked for"
            rule = f"must have as many {what} as {others} ({wanted})"
            raise check.fail(OWNER, f"inputs {name!r}", rule, size)
    return wanted


def _weight(described: Input, like: torch.Tensor) -> Any:
    """The weight of a spike of an input: a number or (n,)."""
    weight = np.asarray(getattr(described.stimulus, "weight", 1.0), np.float64)
    if counts(described):
        return 1.0
    n = described.population.n
    if weight.ndim and weight.shape != (n,):
        if not weight.size or (weight != weight[0]).any():
            rule = f"must have one weight, or one per unit ({n}), where a tensor takes its place"
            raise check.fail(
                OWNER, f"inputs {described.name!r}", rule, f"{weight.size} weights of spikes"
            )
        weight = weight[0]
    return float(weight) if not np.ndim(weight) else torch.from_numpy(weight).to(like)
