"""Projections that learn, made ready for the event engine: rules by address, weights, traces, and
ways back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import NetworkError, UnsupportedError
from ...kernels import backend as backends
from ...kernels.cpu import event_binding as binding
from ...kernels.cpu.connectivity import reverse_index
from ...kernels.cpu.event_learning import LEFT, RULE, RUN, TRACE, Learning
from ...kernels.cpu.fingerprint import is_own
from ...kernels.cpu.refusal import essential
from .. import validation as check
from ..description.parts import Projection
from ..description.rule import EventRule
from ..operators.operator import plain

CHANGING = ("weight", "left", "row")  # arrays of the learning that change in a run


class Learner:
    """One projection that learns: kernels by address, constants, and its synapses by target.

    synapse, segment: its first ones among all; base: the first unit of its target population;
    per_segment (n_segments,) how many synapses each has; target (n,) within the population; weight
    (n,) initial. own: whether a kernel is a user's own; the last constant is then the verdict on
    both.
    """

    def __init__(
        self,
        projection: Projection,
        *,
        synapse: int,
        segment: int,
        base: int,
        alike: bool,
        per_segment: NDArray[np.int64],
        target: NDArray[np.uint32],
        weight: NDArray[np.float64],
    ) -> None:
        self.projection, self.synapse, self.segment, self.base = projection, synapse, segment, base
        self.alike, self.target, self.weight, self.n_segments = (
            alike,
            target,
            weight,
            per_segment.size,
        )
        self.from_segment = np.repeat(np.arange(per_segment.size, dtype=np.uint32), per_segment)
        self.place = 0  # of its first weight among all that learn
        self.low, self.high = self._bounds()
        self.event = self._event()
        kernels = [self._kernel(kernel) for kernel in (self.event.arrival, self.event.spike)]
        self.own = any(kernel is not None and is_own(kernel) for kernel in kernels)
        known = ("w", *self.event.traces)
        asked = [() if kernel is None else binding.names_of(kernel) for kernel in kernels]
        names = sorted({name for part in asked for name in part} - set(known))
        self.constants = np.array(
            [self._constant(name) for name in names] + [0.0] * self.own, np.float64
        )
        self.arrival, self.spike = (
            0 if kernel is None else self._entry(kernel, known, names, role)
            for kernel, role in zip(kernels, ("arrival", "spike"), strict=True)
        )
        self.asked = {"arrival": asked[0], "spike": asked[1]}

    @property
    def owner(self) -> str:
        """What to call the rule in a message."""
        return f"{type(self.projection.rule).__name__} of projection {self.projection.name!r}"

    @property
    def names(self) -> list[str]:
        """The names of its kernels."""
        kernels = (self.event.arrival, self.event.spike)
        return [
            kernel if isinstance(kernel, str) else str(kernel.__name__)
            for kernel in kernels
            if kernel is not None
        ]

    def weights(self, learning: Learning) -> NDArray[np.float64]:
        """A copy of its present weights (n,)."""
        return np.array(learning.weight[self.place : self.place + self.weight.size])

    def set_weights(self, learning: Learning, weights: NDArray[np.float64]) -> None:
        """Give it other weights (n,)."""
        learning.weight[self.place : self.place + self.weight.size] = weights

    @property
    def sizes(self) -> tuple[int, int, int, int]:
        """How many weights, constants, traces and values of traces it has."""
        post = sum(trace.side == "post" for trace in self.event.traces.values())
        left = post * self.projection.post.n + (len(self.event.traces) - post) * self.n_segments
        return self.weight.size, self.constants.size, len(self.event.traces), left

    def row(self, constants: int, trace: int) -> tuple[Any, ...]:
        """Its RULE; constants, trace: where its constants and traces begin."""
        return (
            self.synapse,
            self.segment,
            self.base,
            self.place,
            trace,
            trace + len(self.event.traces),
            constants,
            self.arrival,
            self.spike,
            self.alike,
            self.low,
            self.high,
        )

    def traces(self, left: int) -> NDArray[Any]:
        """Its TRACEs; left: where their values begin."""
        made = np.zeros(len(self.event.traces), TRACE)
        for k, (name, trace) in enumerate(self.event.traces.items()):
            asked = (name in self.asked["arrival"], name in self.asked["spike"])
            made[k] = (left, trace.side == "post", *asked, trace.tau)
            left += self.projection.post.n if trace.side == "post" else self.n_segments
        return made

    def runs(self, rule: int) -> tuple[NDArray[Any], NDArray[np.int64], NDArray[np.uint32]]:
        """Its RUNs as those of rule number `rule`, the units that they lead to, and its synapses by
        target.
        """
        first, order = reverse_index(self.target, self.projection.post.n)
        first = first.astype(np.int64)
        reached = np.flatnonzero(np.diff(first))
        run = np.zeros(reached.size, RUN)
        run["rule"], run["first"], run["end"] = (
            rule,
            first[reached] + self.place,
            first[reached + 1] + self.place,
        )
        return run, reached + self.base, order

    def _bounds(self) -> tuple[float, float]:
        rule = self.projection.rule
        assert rule is not None
        low, high = rule.bounds(self.weight)
        return float(low), float(high)

    def _event(self) -> EventRule:
        """What the rule does at events. Raises UnsupportedError where it does not say."""
        rule = self.projection.rule
        assert rule is not None
        event = rule.event(self.low, self.high)
        if event is None:
            raise UnsupportedError(
                f"Simulator.engine: projection {self.projection.name!r} learns by {type(rule).__name__}, which does "
                "not say what it does between steps (Rule.event); use engine='clock'"
            )
        if not isinstance(event, EventRule):
            raise check.fail(rule, "event", "must return an EventRule or None", event)
        return event

    def _kernel(self, kernel: Any) -> Callable[..., Any] | None:
        if kernel is None:
            return None
        if not isinstance(kernel, str):
            plain(self.owner, kernel)
        return backends.load("cpu").kernel(kernel)

    def _constant(self, name: str) -> float:
        """A number by name: a constant of the event rule, or a field of the rule itself."""
        rule = self.projection.rule
        if name in self.event.constants:
            return self.event.constants[name]
        if not hasattr(rule, name):
            known = ", ".join(["w", *self.event.traces, *self.event.constants])
            told = f"its event kernels ask for {name!r}, which is no field of it"
            raise NetworkError(f"{self.owner}: {told} (known: {known})")
        return check.real(rule, name, getattr(rule, name))

    def _entry(
        self, kernel: Callable[..., Any], row: Sequence[str], names: Sequence[str], role: str
    ) -> int:
        """The address of a kernel. Raises NetworkError for a user's own that cannot be compiled."""
        try:
            return binding.learn_entry(kernel, row, names)
        except Exception as error:
            if not is_own(kernel):
                raise
            why = essential(error)
        raise NetworkError(
            f"{self.owner}: event kernel {kernel.__name__} ({role}) cannot be compiled: {why}"
        )


def gather(learners: Sequence[Learner], n_units: int) -> Learning:
    """Everything that learns, at time 0."""
    weights, constants, traces, left = (
        np.cumsum([0, *(sizes[k] for sizes in (learner.sizes for learner in learners))])
        for k in range(4)
    )
    rule, own, runs, units, into, segments = (
        np.zeros(len(learners), RULE),
        [],
        [_RUNS],
        [_NONE],
        [_CODES],
        [_CODES],
    )
    for k, learner in enumerate(learners):
        learner.place = int(weights[k])
        rule[k] = learner.row(int(constants[k]), int(traces[k]))
        own.append(learner.traces(int(left[k])))
        run, reached, order = learner.runs(k)
        runs.append(run)
        units.append(reached)
        into.append((order + np.uint32(learner.place)).astype(np.uint32))
        segments.append(learner.from_segment[order])
    unit = np.concatenate(units)
    by_unit = np.argsort(unit, kind="stable")
    return Learning(
        rule=rule,
        n_rules=rule.size,
        trace=np.concatenate([np.zeros(0, TRACE), *own]),
        left=np.zeros(left[-1], LEFT),
        weight=np.concatenate([_REALS, *(learner.weight for learner in learners)]),
        constants=np.concatenate([_REALS, *(learner.constants for learner in learners)]),
        row=np.zeros(1 + max((len(learner.event.traces) for learner in learners), default=0)),
        run_first=np.searchsorted(unit[by_unit], np.arange(n_units + 1)),
        run=np.concatenate(runs)[by_unit],
        into=np.concatenate(into),
        from_segment=np.concatenate(segments),
    )


def copied(learning: Learning) -> Learning:
    """The same with arrays of its own where they change."""
    return learning._replace(**{name: getattr(learning, name).copy() for name in CHANGING})


def judge(learners: Sequence[Learner], learning: Learning) -> None:
    """Raise NetworkError if a rule of a user's own broke down, which it notes
    behind its constants.
    """
    for learner, rule in zip(learners, learning.rule, strict=True):
        if (
            learner.own
            and learning.constants[verdict := int(rule["constants"]) + learner.constants.size - 1]
        ):
            learning.constants[verdict] = 0.0  # all copies share it
            raise NetworkError(
                f"{learner.owner}: an event kernel raised an error, such as a division of whole numbers by zero"
            )


_NONE, _CODES, _REALS, _RUNS = (
    np.zeros(0, np.int64),
    np.zeros(0, np.uint32),
    np.zeros(0),
    np.zeros(0, RUN),
)
