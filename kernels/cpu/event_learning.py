"""Learning on the event engine, by arrivals and spikes.

Weights change then, and traces decay in closed form. A trace is kept as its value at its last
event. Reading it changes nothing, so what it is later does not depend on who has read it.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from .event_binding import call
from .event_memory import ids, reals, record, wholes
from .event_queue import TICKS

RULE = np.dtype(
    [
        ("synapse", np.int64),  # the first synapse of its projection among all
        ("segment", np.int64),  # its first segment among all
        ("base", np.int64),  # the first unit of its target population
        ("weight", np.int64),  # where its weights begin
        ("trace", np.int64),  # its first TRACE
        ("end", np.int64),  # the one behind its last
        ("constants", np.int64),  # where its constants begin
        ("arrival", np.int64),  # the addresses of its kernels, 0 for none
        ("spike", np.int64),
        ("alike", np.int64),  # whether each arrival adds 1, whatever its weight
        ("low", np.float64),  # the least and the greatest weight
        ("high", np.float64),
        ("more", np.int64),  # whether the next RULE is of the same projection
        ("pre", np.int64),  # the first RAISED of the arrivals of its projection
        ("pre_end", np.int64),
        ("post", np.int64),  # the first RAISED of the spikes of its target population
        ("post_end", np.int64),
    ],
    align=True,
)
TRACE = np.dtype(
    [
        (
            "left",
            np.int64,
        ),  # where its values begin: one per segment, or one per unit of the target
        ("post", np.int64),  # whether the target's spikes raise it, not the arrivals
        ("arrival", np.int64),  # whether the kernel for arrivals asks for it
        ("spike", np.int64),  # whether the kernel for spikes does
        ("tau", np.float64),  # decay time [s]
    ],
    align=True,
)
# traces of one side and decay time, which all rules that ask for them share; nearest: events set
# them to 1
RAISED = np.dtype([("left", np.int64), ("tau", np.float64), ("nearest", np.int64)], align=True)
# at its last event [ticks]
LEFT = np.dtype([("value", np.float64), ("last", np.int64)], align=True)
RUN = np.dtype([("rule", np.int64), ("first", np.int64), ("end", np.int64)], align=True)


class Learning(NamedTuple):
    """All synapses that learn; n_rules: the rules by which they do.

    rule RULE, those of one projection side by side; trace TRACE, what each rule reads; raised
    RAISED, what events raise; left LEFT; weight float64, one per synapse that learns; constants
    float64; row float64, work space: a weight and the traces of a synapse.
    run_first (n_units + 1,), the first RUN of each unit; run RUN, the synapses of one projection
    that reach one unit and its first rule, as a range of into uint32, the place of a weight, and
    from_segment uint32, its segment counted from its projection's first.
    """

    rule: Any
    n_rules: int
    trace: Any
    raised: Any
    left: Any
    weight: Any
    constants: Any
    row: Any
    run_first: Any
    run: Any
    into: Any
    from_segment: Any


@njit(error_model="numpy")
def read_segment(learning, index, segment, time):
    """Read the traces that all synapses of `segment` share, before its spike raises them."""
    rule = record(learning.rule, index, RULE)
    row = reals(learning.row)
    for t in range(rule.trace, rule.end):
        trace = record(learning.trace, t, TRACE)
        if trace.arrival and not trace.post:
            row[1 + t - rule.trace] = _faded(learning, trace, segment - rule.segment, time)


@njit(error_model="numpy")
def learn_synapse(learning, index, s, unit, time):
    """A spike arrives at synapse `s`, which leads to `unit`.

    `read_segment` has read the traces of its segment.
    """
    rule = record(learning.rule, index, RULE)
    row, weight = reals(learning.row), reals(learning.weight + 8 * (rule.weight + s - rule.synapse))
    for t in range(rule.trace, rule.end):
        trace = record(learning.trace, t, TRACE)
        if trace.arrival and trace.post:
            row[1 + t - rule.trace] = _faded(learning, trace, unit - rule.base, time)
    row[0] = weight[0]
    weight[0] = _kept(
        call(rule.arrival, learning.row, learning.constants + 8 * rule.constants, 0.0, 0.0), rule
    )


@njit(error_model="numpy")
def raise_segment(learning, index, segment, time):
    """Raise the traces of `segment`, whose spike has arrived and was seen by all rules."""
    rule = record(learning.rule, index, RULE)
    _raise(learning, rule.pre, rule.pre_end, segment - rule.segment, time)


@njit(error_model="numpy")
def learn_segment(learning, index, segment, first, end, target, time):
    """A spike arrives at the synapses `first` to `end` - 1 of `segment`, which lead to `target`."""
    if record(learning.rule, index, RULE).arrival:
        read_segment(learning, index, segment, time)
        for s in range(first, end):
            learn_synapse(learning, index, s, np.int64(target[s]), time)


@njit(error_model="numpy")
def learn_unit(learning, unit, time):
    """`unit` fires: change the weights of the synapses that reach it, then raise its traces."""
    first = wholes(learning.run_first)
    for r in range(first[unit], first[unit + 1]):
        run = record(learning.run, r, RUN)
        index = run.rule
        while index >= 0:
            rule = record(learning.rule, index, RULE)
            if rule.spike:
                _learn_run(learning, rule, run, unit, time)
            index = index + 1 if rule.more else -1
    if first[unit] < first[unit + 1]:
        rule = record(learning.rule, record(learning.run, first[unit], RUN).rule, RULE)
        _raise(learning, rule.post, rule.post_end, unit - rule.base, time)


@njit(error_model="numpy")
def _learn_run(learning, rule, run, unit, time):
    """Change by one rule the weights of synapses that reach `unit`, which fires."""
    row, weight = reals(learning.row), reals(learning.weight)
    into, segment = ids(learning.into), ids(learning.from_segment)
    for t in range(rule.trace, rule.end):
        trace = record(learning.trace, t, TRACE)
        if trace.spike and trace.post:
            row[1 + t - rule.trace] = _faded(learning, trace, unit - rule.base, time)
    for k in range(run.first, run.end):
        for t in range(rule.trace, rule.end):
            trace = record(learning.trace, t, TRACE)
            if trace.spike and not trace.post:
                row[1 + t - rule.trace] = _faded(learning, trace, np.int64(segment[k]), time)
        s = np.int64(into[k])
        row[0] = weight[s]
        weight[s] = _kept(
            call(rule.spike, learning.row, learning.constants + 8 * rule.constants, 0.0, 0.0), rule
        )


@njit(error_model="numpy")
def _faded(learning, trace, place, time):
    """What is left of a trace at `time`."""
    left = record(learning.left, trace.left + place, LEFT)
    if left.value == 0.0:
        return 0.0
    return left.value * math.exp(-((time - left.last) / TICKS) / trace.tau)


@njit(error_model="numpy")
def _raise(learning, first, end, place, time):
    """Raise by 1 the traces `first` to `end` - 1 of what fired or arrived."""
    for r in range(first, end):
        raised = record(learning.raised, r, RAISED)
        left = record(learning.left, raised.left + place, LEFT)
        left.value = 1.0 if raised.nearest else _faded(learning, raised, place, time) + 1.0
        left.last = time


@njit(error_model="numpy")
def _kept(weight, rule):
    """A weight within the bounds of its rule; what is no number stays so."""
    if weight < rule.low:
        return rule.low
    return rule.high if weight > rule.high else weight
