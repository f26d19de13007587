"""A compiled network that runs on tensors, in the clock engine's memory."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property, partial
from typing import Any, Final
from weakref import WeakKeyDictionary

from ...errors import UnsupportedError
from ...kernels.backend import Call
from .. import validation as check
from ..description.inputs import Stimulus
from ..operators.operator import Operator
from ..operators.signals import Memory
from ..plan.plan import Plan
from ..plan.probes import SENT
from . import memory as states
from .course import Span
from .gradients import without
from .network import TensorNetwork
from .records import Records, TensorRecorder
from .stimuli import Stimuli, tensor

ROOM: Final = 1 << 28  # bytes that the numbers of a span may take
COPIES: Final = 8  # of weights and traces, while a step changes them


@dataclass
class TensorPlan(Plan):
    """A plan whose steps are taken on tensors.

    What it keeps of the plan that it is made `of` is the memory and the description; of the
    operators only those of stimuli run.
    """

    taken: WeakKeyDictionary[Memory, Records] = field(default_factory=WeakKeyDictionary)

    @classmethod
    def of(cls, plan: Plan) -> TensorPlan:
        """The same network on tensors.

        Raises UnsupportedError for models, stores and rules that have no form on tensors.
        """
        made = cls(**{own.name: getattr(plan, own.name) for own in fields(Plan)})
        made.recorders = [TensorRecorder.of(one, made.taken) for one in plan.recorders]
        _check_seen(made, made.tensors)
        return made

    @cached_property
    def tensors(self) -> TensorNetwork:
        """The network as tensors, with the weights of fresh memory."""
        return TensorNetwork(self, self.memory())

    def program(
        self,
        memory: Memory,
        stimuli: Mapping[str, Stimulus] | None = None,
        threads: int | None = None,
        before: Mapping[Operator, Sequence[Call]] | None = None,
    ) -> TensorProgram:
        """What runs the network in `memory`; see `Plan.program`."""
        self.taken.pop(memory, None)  # what a run that was broken off saw
        return TensorProgram(self, memory, self.stimuli(memory, stimuli or {}))

    def stimuli(self, memory: Memory, stimuli: Mapping[str, Stimulus]) -> Stimuli:
        """The stimuli bound to `memory`; those given take the place of the described ones."""
        return Stimuli(self, memory, self._replacements(stimuli))

    def records(self, memory: Memory) -> Records:
        """What probes saw of `memory` since it was last drained."""
        return self.taken.setdefault(memory, Records(self))

    def span(self, stimuli: Stimuli, start: int, steps: int, sample: int) -> Span:
        """What comes from outside in a span."""
        arrivals = {place: tensor(rows) for place, rows in stimuli.arrivals(start, steps).items()}
        drive = {name: tensor(value) for name, value in stimuli.drives(start, steps).items()}
        return Span(start, steps, [sample], arrivals, drive)

    @property
    def most_steps(self) -> int:
        """How many steps of one sample fit into the room for a span."""
        seen = {probe.target.name for probe in self._probed}
        width = sum(
            part.n * (2 + len(part.model.receptors) + (part.name in seen))
            for part in self.network.populations
        )
        return max(1, ROOM // (8 * width))

    def most_samples(self, steps: int) -> int:
        """How many samples of a batch fit into that room, each of so many steps."""
        most, learned = self.most_steps // steps, set(self.tensors.learned)
        width = sum(math.prod(signal.shape) for signal in self.signals if signal.name in learned)
        looks = sum(steps // one.every for one in self._weighed)
        return min(most, ROOM // (8 * width * (COPIES + looks))) if width else most

    def next_look(self, step: int) -> int:
        """The step at which a probe looks at weights that change next; far away if none does."""
        due = [step + one.every - step % one.every for one in self._weighed]
        return min(due, default=1 << 62)

    @property
    def _weighed(self) -> list[Any]:
        return [one for one in self.recorders if one.rows is None] if self.tensors.learned else []

    @property
    def wanted(self) -> set[tuple[str, str]]:
        """The state variables, by population and name, that probes see."""
        return {(probe.target.name, probe.what) for probe in self._probed}

    @property
    def _probed(self) -> list[Any]:
        return [one.probe for one in self.recorders if one.probe.what not in (*SENT, "weights")]


def _check_seen(plan: TensorPlan, network: TensorNetwork) -> None:
    """Raise UnsupportedError for probes of what is no number of each unit here."""
    for name, variable in sorted(plan.wanted):
        known = network.units[name].variables
        if variable not in known:
            raise UnsupportedError(
                f"Simulator.backend: 'torch' has no variable {variable!r} of {name!r} that a probe could see, only "
                f"{check.listed(known)}; choose one of cpu, reference"
            )


class TensorProgram:
    """A plan bound to one memory; see `kernels/backend.py: Program`."""

    def __init__(self, plan: TensorPlan, memory: Memory, stimuli: Stimuli) -> None:
        self.plan, self.memory, self.stimuli = plan, memory, stimuli

    def advance(self, step: int, stop: int) -> int:
        """Run from `step` up to `stop`; return the first step not run."""
        return without(partial(self._advance, step, stop))

    def _advance(self, step: int, stop: int) -> int:
        plan, memory = self.plan, self.memory
        records = plan.records(memory)
        state = states.read(plan, plan.tensors, memory, step)
        while step < stop:
            steps = min(stop - step, plan.most_steps)
            span = plan.span(self.stimuli, step, steps, int(memory["sample"][0]))
            course = plan.tensors.run(state, span, plan.wanted, exact=True)
            records.take(course, memory, step)
            state, step = course.state, step + steps
        states.write(plan, plan.tensors, memory, state, step)
        return step

    def collect(self) -> None:
        """Nothing to do: memory is up to date after `advance`."""

    def halt(self) -> None:
        """Nothing to do: nothing runs but `advance` itself."""
