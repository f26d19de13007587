"""Parts of a network as a user would write them: a store, rules and stimuli of one's own."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np
import torch

from potentia.sim import (
    EventRule,
    EventTrace,
    PiecewiseConstant,
    Rule,
    SpikeTimes,
    SpikeTrain,
    Stimulus,
    Store,
)
from potentia.sim.operators.operator import Kernel, Phase
from potentia.tests.learning.marks import raise_marks_step, reward_step


@final
@dataclass(frozen=True, kw_only=True)
class Plain(Store):
    """What `Ideal` does, by a store that says nothing of what it can."""

    def prepare(self, projection: Any) -> dict[str, Any]:
        synapses = projection.synapses
        weights = np.broadcast_to(synapses.weights, (synapses.n,))
        return {"weights": projection.signal("weights", "store", "float", (synapses.n,), weights)}

    def read(self, projection: Any, scope: dict[str, Any]) -> None:
        own = {**projection.listed(), **scope, "pending": projection.pending()}
        own |= projection.build.waking(projection.names["receiving"])
        if projection.alike:
            own["weights"] = 1.0
        projection.operator(projection.phase, "deliver_step", own)

    def multiply(self, projection: Any, scope: dict[str, Any]) -> None:
        ends = {"low": projection.names["begin_post"], "high": projection.names["end_post"]}
        own = {**projection.spelled_lags(), **projection.reverse(), **scope, **ends}
        projection.operator(projection.phase, "plastic_product_step", own)

    def program(self, projection: Any, scope: dict[str, Any], proposals: Any) -> None:
        projection.operator(Phase.LEARN, "program_step", {**proposals.scope, **scope})

    def weights(self, projection: Any, memory: Any) -> Any:
        return memory[f"{projection.name}.weights"].astype(np.float64)


def triplet_arrival(w, y, a_minus):  # type: ignore[no-untyped-def]
    return w - a_minus * y


def triplet_spike(w, x, slow, a_plus):  # type: ignore[no-untyped-def]
    return w + a_plus * x * (1.0 + slow)


def triplet_arrival_step(  # type: ignore[no-untyped-def]
    step,
    history,
    history_count,
    lags,
    begin,
    end,
    targets,
    trace_y,
    rate_y,
    span_y,
    a_minus,
    synapse,
    change,
    proposed,
):
    """A spike arrives: its synapses fall by the targets' fast traces."""
    depth, room, arrived = history.shape[0], proposed[0], 0
    factor = -a_minus * math.exp(-rate_y * (step % span_y))
    for g in range(lags.size):
        slot = (step - lags[g]) % depth
        for k in range(history_count[slot]):
            segment = np.int64(history[slot, k]) * lags.size + g
            for s in range(begin[segment], end[segment]):
                synapse[room] = s
                change[room] = factor * trace_y[targets[s]]
                room += 1
        arrived += history_count[slot]
    proposed[0] = room
    return arrived


def triplet_spike_step(  # type: ignore[no-untyped-def]
    step,
    fired_post,
    count_post,
    first_post,
    synapse_post,
    segment_post,
    trace_x,
    rate_x,
    span_x,
    trace_slow,
    rate_slow,
    span_slow,
    a_plus,
    synapse,
    change,
    proposed,
):
    """A target fires: its synapses rise by arrivals and by its earlier spikes."""
    fast, room = math.exp(-rate_x * (step % span_x)), proposed[0]
    slow = math.exp(-rate_slow * (step % span_slow))
    for k in range(count_post[0]):
        j = fired_post[k]
        earlier = slow * trace_slow[j]  # this spike, which is 1, included
        for q in range(first_post[j], first_post[j + 1]):
            synapse[room] = synapse_post[q]
            change[room] = a_plus * fast * trace_x[segment_post[q]] * earlier
            room += 1
    proposed[0] = room
    return count_post[0]


def triplet_arrival_on_tensors(  # type: ignore[no-untyped-def]
    step, arriving, segments, targets, trace_y, rate_y, span_y, a_minus
):
    factor = -a_minus * math.exp(-rate_y * (step % span_y))
    return {"change": arriving[:, segments] * (factor * trace_y[:, targets])}


def triplet_spike_on_tensors(  # type: ignore[no-untyped-def]
    step,
    fired_post,
    segments,
    targets,
    trace_x,
    rate_x,
    span_x,
    trace_slow,
    rate_slow,
    span_slow,
    a_plus,
):
    earlier = math.exp(-rate_slow * (step % span_slow)) * trace_slow
    fast = math.exp(-rate_x * (step % span_x))
    raised = a_plus * fast * trace_x[:, segments] * earlier[:, targets]
    return {"change": fired_post[:, targets] * raised}


@final
@dataclass(frozen=True, kw_only=True)
class Triplet(Rule):
    """The triplet rule (Pfister and Gerstner 2006, doi:10.1523/JNEUROSCI.1425-06.2006), proposed.

    An arrival lowers the weight by a_minus y, a spike of the target raises it by a_plus x (1 +
    slow).
    """

    least: float
    most: float
    a_plus: float
    a_minus: float
    tau_x: float = 16.8e-3  # [s]
    tau_y: float = 33.7e-3  # [s]
    tau_slow: float = 50e-3  # [s]
    shares: ClassVar[bool] = True
    tensors: ClassVar[Mapping[str, Any]] = {
        "triplet_arrival_step": triplet_arrival_on_tensors,
        "triplet_spike_step": triplet_spike_on_tensors,
    }

    def bounds(self, weights: Any) -> tuple[float, float]:
        return self.least, self.most

    def learn(self, projection: Any, proposals: Any) -> None:
        scope = {**projection.listed(), **projection.reverse(), **proposals.scope}
        scope |= {"a_plus": self.a_plus, "a_minus": self.a_minus}
        scope |= projection.trace("pre", self.tau_x).named("x")
        scope |= projection.trace("post", self.tau_y).named("y")
        scope |= projection.trace("post", self.tau_slow).named("slow")
        projection.operator(Phase.ARRIVALS, triplet_arrival_step, scope)
        projection.operator(Phase.LEARN, triplet_spike_step, scope)

    def event(self, low: float, high: float) -> EventRule:
        traces = {
            "x": EventTrace(side="pre", tau=self.tau_x),
            "y": EventTrace(side="post", tau=self.tau_y),
            "slow": EventTrace(side="post", tau=self.tau_slow),
        }
        return EventRule(arrival=triplet_arrival, spike=triplet_spike, traces=traces)


def marks_on_tensors(  # type: ignore[no-untyped-def]
    step,
    fired_post,
    segments,
    targets,
    trace_pre,
    rate_pre,
    span_pre,
    trace_c,
    rate_c,
    span_c,
):
    factor = math.exp(rate_c * (step % span_c) - rate_pre * (step % span_pre))
    return {"trace_c": trace_c + fired_post[:, targets] * (factor * trace_pre[:, segments])}


def reward_on_tensors(  # type: ignore[no-untyped-def]
    step, reward, left, d, gain, targets, trace_c, rate_c, span_c
):
    d = d * left + reward
    d = torch.where(d.abs() < 1e-9, torch.zeros_like(d), d)
    factor = gain * math.exp(-rate_c * (step % span_c))
    return {"d": d, "change": factor * trace_c * d[:, targets]}


@final
@dataclass(frozen=True, kw_only=True)
class Rewarded(Rule):
    """Coincidences mark a synapse, and a reward that lasts turns marks into weight."""

    least: float
    most: float
    gain: float
    tau: float = 20e-3  # of the arrivals [s]
    tau_c: float = 50e-3  # of the marks [s]
    tau_d: float = 5e-3  # of the reward [s]
    modulators: ClassVar[tuple[str, ...]] = ("reward",)
    shares: ClassVar[bool] = True
    tensors: ClassVar[Mapping[str, Any]] = {
        "raise_marks_step": marks_on_tensors,
        "reward_step": reward_on_tensors,
    }

    def bounds(self, weights: Any) -> tuple[float, float]:
        return self.least, self.most

    def learn(self, projection: Any, proposals: Any) -> None:
        d = projection.signal("d", "flow", "float", (projection.synapses.n_post,))
        left = math.exp(-projection.build.dt / self.tau_d)
        scope = {**projection.reverse(), **proposals.scope, "d": d, "left": left}
        scope["gain"] = self.gain
        scope |= projection.trace("pre", self.tau).named("pre")
        scope |= projection.eligibility(self.tau_c).named("c")
        projection.operator(Phase.LEARN, raise_marks_step, scope)
        projection.operator(Phase.LEARN, reward_step, scope)


def drifting_step(  # type: ignore[no-untyped-def]
    step,
    arriving,
    rate,
    begin_post,
    end_post,
    first_post,
    synapse_post,
    segment_post,
    synapse,
    change,
    proposed,
):
    """Every weight moves by the number that arrives; how much moved."""
    room, moved = proposed[0], 0
    for j in range(begin_post, end_post):
        for q in range(first_post[j], first_post[j + 1]):
            brought = arriving[segment_post[q]]
            if brought != 0:
                synapse[room] = synapse_post[q]
                change[room] = rate * brought
                room += 1
                moved += 1
    proposed[0] = room
    return moved


def drifting_on_tensors(arriving, segments, rate):  # type: ignore[no-untyped-def]
    return {"change": rate * arriving[:, segments]}


@final
@dataclass(frozen=True, kw_only=True)
class Drifting(Rule):
    """A rule of numbers: dw = rate * what arrives, within the bounds."""

    least: float
    most: float
    rate: float
    watches: ClassVar[tuple[str, ...]] = ("numbers",)
    shares: ClassVar[bool] = True
    tensors: ClassVar[Mapping[str, Any]] = {"drifting_step": drifting_on_tensors}

    def bounds(self, weights: Any) -> tuple[float, float]:
        return self.least, self.most

    def learn(self, projection: Any, proposals: Any) -> None:
        scope = {**projection.arriving(), **projection.reverse(), **proposals.scope}
        projection.operator(Phase.LEARN, drifting_step, {**scope, "rate": self.rate})


@final
@dataclass(frozen=True)
class Regular(Stimulus):
    """A spike into one unit every `period` [s], `count` of them; with a kernel of the library."""

    period: float
    count: int = 5
    unit: int = 0
    weight: float = 1.0

    kernel: ClassVar[Kernel] = "spike_train_step"
    goes: ClassVar[str] = "receptor"
    weighs: ClassVar[tuple[str, ...]] = ("event_weights",)
    wakes: ClassVar[bool] = True

    def train(self) -> SpikeTrain:
        times = self.period * np.arange(1, self.count + 1)
        return SpikeTrain(times, np.full(self.count, self.unit), self.weight)

    def arguments(self, n: int, dt: float) -> dict[str, Any]:
        return self.train().arguments(n, dt)

    def flow(self, n: int) -> dict[str, tuple[str, tuple[int, ...], Any]]:
        return self.train().flow(n)

    def anew(self, n: int, dt: float, step: int) -> dict[str, Any]:
        return self.train().anew(n, dt, step)

    def event(self, n: int) -> SpikeTimes:
        train = self.train()
        return SpikeTimes(train.times, train.ids, self.weight)


def saw_step(step, repeat, top, drive):  # type: ignore[no-untyped-def]
    """Add a current that rises in `repeat` steps to `top`, unit after unit a step later."""
    for i in range(drive.shape[0]):
        drive[i] += top * ((step + i) % repeat) / repeat
    return drive.shape[0]


@final
@dataclass(frozen=True)
class Saw(Stimulus):
    """A current that rises from step to step to `top` and falls back after `period` [s]."""

    top: float
    period: float

    kernel: ClassVar[Kernel] = staticmethod(saw_step)
    goes: ClassVar[str] = "drive"

    def arguments(self, n: int, dt: float) -> dict[str, Any]:
        return {"repeat": max(round(self.period / dt), 1), "top": self.top}


@final
@dataclass(frozen=True)
class Pulses(Stimulus):
    """A current of `top` in every other interval of `period` [s], `count` of them."""

    top: float
    period: float
    count: int = 20

    kernel: ClassVar[Kernel] = "step_current_step"
    goes: ClassVar[str] = "drive"
    lasts: ClassVar[bool] = True

    def table(self) -> tuple[Any, Any]:
        values = self.top * (np.arange(2 * self.count) % 2)
        return self.period * np.arange(2 * self.count), values[:, None]

    def arguments(self, n: int, dt: float) -> dict[str, Any]:
        times, values = self.table()
        return {"from_steps": np.rint(times / dt).astype(np.int64), "levels": values}

    def event(self, n: int) -> PiecewiseConstant:
        return PiecewiseConstant(*self.table())
