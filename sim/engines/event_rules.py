"""Projections that learn on the event engine: rules by address, weights, traces, ways back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import NetworkError
from ...kernels.cpu.connectivity import reverse_index
from ...kernels.cpu.event_learning import RULE, RUN, TRACE, Learning
from ..description.parts import Projection
from ..description.rules import members
from .bound_rules import BoundRule
from .event_traces import EventTraces, Range

CHANGING = ("weight", "left", "row")  # arrays of the learning that change in a run


class Learner:
    """One projection that learns: its rules, and its synapses by target.

    synapse, segment: its first ones among all; base: the first unit of its target population;
    per_segment (n_segments,) how many synapses each has; target (n,) within the population; weight
    (n,) initial. low, high: the bounds of all its rules.
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
        assert projection.rule is not None
        self.projection, self.synapse, self.segment, self.base = projection, synapse, segment, base
        self.alike, self.target, self.weight = alike, target, weight
        self.from_segment = np.repeat(np.arange(per_segment.size, dtype=np.uint32), per_segment)
        self.place = 0  # of its first weight among all that learn
        self.low, self.high = (float(bound) for bound in projection.rule.bounds(weight))
        self._groups = {
            "pre": (projection.name, per_segment.size),
            "post": (projection.post.name, projection.post.n),
        }
        self.rules = [BoundRule(rule, projection.name, weight) for rule in members(projection.rule)]

    @property
    def names(self) -> list[str]:
        """The names of the kernels of its rules."""
        return [name for rule in self.rules for name in rule.names]

    @property
    def width(self) -> int:
        """How many numbers a rule needs to work on one synapse: a weight and the rule's traces."""
        return 1 + max(rule.sizes.traces for rule in self.rules)

    def weights(self, learning: Learning) -> NDArray[np.float64]:
        """A copy of its present weights (n,)."""
        return np.array(learning.weight[self.place : self.place + self.weight.size])

    def set_weights(self, learning: Learning, weights: NDArray[np.float64]) -> None:
        """Give it other weights (n,)."""
        learning.weight[self.place : self.place + self.weight.size] = weights

    def traces(self, shared: EventTraces) -> list[NDArray[Any]]:
        """The TRACEs of each of its rules."""
        return [
            rule.traces(lambda trace: shared.place(trace, *self._groups[trace.side]))
            for rule in self.rules
        ]

    def rows(
        self, constants: int, trace: int, raised: Mapping[tuple[str, str], Range]
    ) -> NDArray[Any]:
        """The RULEs of its rules.

        constants, trace: where their constants and traces begin; raised: of each group of spikes.
        """
        made = np.zeros(len(self.rules), RULE)
        for own, rule in zip(made, self.rules, strict=True):
            own["synapse"], own["segment"], own["base"] = self.synapse, self.segment, self.base
            own["weight"], own["alike"] = self.place, self.alike
            own["low"], own["high"] = self.low, self.high
            own["arrival"], own["spike"] = rule.arrival, rule.spike
            own["constants"], own["trace"] = constants, trace
            constants, trace = constants + rule.sizes.constants, trace + rule.sizes.traces
            own["end"] = trace
        made["more"][:-1] = 1
        for side, (group, _) in self._groups.items():
            made[side], made[f"{side}_end"] = raised.get((side, group), (0, 0))
        return made

    def runs(self, rule: int) -> tuple[NDArray[Any], NDArray[np.int64], NDArray[np.uint32]]:
        """Its RUNs, the units that they lead to, and its synapses by target.

        The first rule of the RUNs is number `rule`.
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


def gather(learners: Sequence[Learner], n_units: int) -> Learning:
    """Everything that learns, at time 0."""
    rules = [rule for learner in learners for rule in learner.rules]
    constants, traces = (
        np.cumsum([0, *(rule.sizes[k] for rule in rules)]).tolist() for k in range(2)
    )
    shared = EventTraces()
    own_traces = [part for learner in learners for part in learner.traces(shared)]
    rows, runs, units, into, segments = [_RULES], [_RUNS], [_NONE], [_CODES], [_CODES]
    place = first = 0
    for learner in learners:
        learner.place = place
        rows.append(learner.rows(constants[first], traces[first], shared.ranges()))
        run, reached, order = learner.runs(first)
        runs.append(run)
        units.append(reached)
        into.append((order + np.uint32(place)).astype(np.uint32))
        segments.append(learner.from_segment[order])
        place, first = place + learner.weight.size, first + len(learner.rules)
    unit = np.concatenate(units)
    by_unit = np.argsort(unit, kind="stable")
    return Learning(
        rule=np.concatenate(rows),
        n_rules=len(rules),
        trace=np.concatenate([np.zeros(0, TRACE), *own_traces]),
        raised=shared.raised,
        left=shared.left,
        weight=np.concatenate([_REALS, *(learner.weight for learner in learners)]),
        constants=np.concatenate([_REALS, *(rule.constants for rule in rules)]),
        row=np.zeros(max((learner.width for learner in learners), default=1)),
        run_first=np.searchsorted(unit[by_unit], np.arange(n_units + 1)),
        run=np.concatenate(runs)[by_unit],
        into=np.concatenate(into),
        from_segment=np.concatenate(segments),
    )


def first_rules(learners: Sequence[Learner]) -> NDArray[np.int64]:
    """The number of the first rule of each projection that learns."""
    return np.cumsum([0, *(len(learner.rules) for learner in learners)])[:-1]


def copied(learning: Learning) -> Learning:
    """The same with arrays of its own where they change."""
    return learning._replace(**{name: getattr(learning, name).copy() for name in CHANGING})


def judge(learners: Sequence[Learner], learning: Learning) -> None:
    """Raise NetworkError if a user's own rule broke down.

    Rules note that behind their constants.
    """
    rules = [rule for learner in learners for rule in learner.rules]
    for rule, row in zip(rules, learning.rule, strict=True):
        verdict = int(row["constants"]) + rule.constants.size - 1
        if rule.own and learning.constants[verdict]:
            learning.constants[verdict] = 0.0  # all copies share it
            raise NetworkError(
                f"{rule.owner}: an event kernel raised an error, such as a division of whole numbers by zero"
            )


_NONE, _CODES, _REALS, _RULES, _RUNS = (
    np.zeros(0, np.int64),
    np.zeros(0, np.uint32),
    np.zeros(0),
    np.zeros(0, RULE),
    np.zeros(0, RUN),
)
