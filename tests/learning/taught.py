"""Networks of units that send numbers, taught by a delta rule or by Oja's, and the same in plain NumPy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from potentia import Network, Simulator
from potentia.models import LIF, LeakyRate
from potentia.sim import AllToAll, OneToOne, TimedArray
from potentia.sim.description.rule import Rule
from potentia.sim.operators.operator import Phase

DT, STEPS, N_PRE, N_POST = 1e-3, 60, 6, 4
TAU = 5e-3  # [s]
LAGS = (1, 3)


def delta_step(
    step,
    error,
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
    """Propose rate * error of the target * what arrives, for every synapse."""
    room = proposed[0]
    for j in range(begin_post, end_post):
        for q in range(first_post[j], first_post[j + 1]):
            synapse[room] = synapse_post[q]
            change[room] = rate * error[j] * arriving[segment_post[q]]
            room += 1
    proposed[0] = room
    return 0


@final
@dataclass(frozen=True, kw_only=True)
class Delta(Rule):
    """dw = rate * error * x: Widrow and Hoff (1960)."""

    rate: float = 0.05
    most: float = 2.0

    watches: ClassVar[tuple[str, ...]] = ("numbers",)
    modulators: ClassVar[tuple[str, ...]] = ("error",)
    shares: ClassVar[bool] = True

    def bounds(self, weights):
        return -self.most, self.most

    def learn(self, projection, proposals):
        scope = {**projection.arriving(), **projection.reverse(), **proposals.scope}
        projection.operator(Phase.LEARN, delta_step, {**scope, "rate": self.rate})


def oja_step(
    arriving,
    r_post,
    r_pre,
    rate,
    begin_post,
    end_post,
    first_post,
    synapse_post,
    segment_post,
    weights,
):
    """Change the weights themselves; the state of both sides is that after this step."""
    for j in range(begin_post, end_post):
        y = r_post[j]
        for q in range(first_post[j], first_post[j + 1]):
            s = synapse_post[q]
            weights[s] += rate * y * (arriving[segment_post[q]] + 0 * r_pre[0] - y * weights[s])
    return end_post - begin_post


@final
@dataclass(frozen=True, kw_only=True)
class Oja(Rule):
    """dw = rate * y (x - y w): Oja (1982), doi:10.1007/BF00275687."""

    rate: float = 0.05

    watches: ClassVar[tuple[str, ...]] = ("numbers",)
    direct: ClassVar[bool] = True
    shares: ClassVar[bool] = True

    def learn(self, projection, proposals):
        scope = {**projection.arriving(), **projection.reverse(), **proposals.scope}
        projection.operator(Phase.LEARN, oja_step, {**scope, "rate": self.rate})


def taught(rule=None, store=None, *, n_post=N_POST, connectivity=None, weight=None, post=None):
    """Sources that follow inputs of their own, targets, and teachers that send errors to them."""
    net, rng = Network(seed=4), np.random.default_rng(4)
    model = LeakyRate(tau=TAU, activation="linear")
    pre = net.population(model, N_PRE, name="pre", initial={"r": rng.normal(size=N_PRE)})
    post = net.population(post or model, n_post, name="post")
    teacher = net.population(model, n_post, name="teacher")
    n = N_PRE * n_post
    weight = rng.normal(0, 0.3, n) if weight is None else weight
    delay = DT if connectivity else DT * rng.choice(LAGS, n)
    rule = Delta() if rule is None else rule
    net.connect(
        pre,
        post,
        connectivity or AllToAll(),
        weight=weight,
        delay=delay,
        rule=rule,
        store=store,
        name="learned",
    )
    if "error" in net.projections[0].rule.modulators:
        net.connect(teacher, post, OneToOne(), weight=1.0, delay=2 * DT, receptor="error")
    net.stimulate(pre, TimedArray(rng.normal(size=(40, N_PRE)), 7 * DT), name="input")
    net.stimulate(teacher, TimedArray(rng.normal(size=(40, n_post)), 5 * DT), name="lesson")
    for part in (pre, post, teacher):
        net.probe(part, "spikes" if part.model is LIF else "r", **({"every": DT}))
    return net


def plain(net, result, change, *, low=-np.inf, high=np.inf):
    """The targets' rates (steps, n_post) and the weights at the end, synapse by synapse, from what
    sources and teachers sent.
    """
    found = Simulator(net, dt=DT, dtype="float64").synapses("learned")
    lags = np.rint(found.delays / DT).astype(int)
    start = np.asarray(net.populations[0].initial["r"])
    sent = np.vstack([np.tile(start, (max(LAGS), 1)), result.trace("pre", "r")])
    errors = np.vstack([np.zeros((2, len(net.populations[1]))), result.trace("teacher", "r")])
    w, decay = found.weights.copy(), np.exp(-DT / TAU)
    r, rates = np.zeros(len(net.populations[1])), []
    for step in range(len(sent) - max(LAGS)):
        x = sent[step + max(LAGS) - lags, found.sources]
        drive = np.zeros(r.size)
        np.add.at(drive, found.targets, w * x)
        r = drive + (r - drive) * decay
        w = np.clip(w + change(w, x, r[found.targets], errors[step][found.targets]), low, high)
        rates.append(r)
    return np.array(rates), w


def sum_step(
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
    """What arrives is added to the weight, times a rate."""
    for j in range(begin_post, end_post):
        for q in range(first_post[j], first_post[j + 1]):
            synapse[proposed[0]] = synapse_post[q]
            change[proposed[0]] = rate * arriving[segment_post[q]]
            proposed[0] += 1
    return end_post - begin_post


@dataclass(frozen=True, kw_only=True)
class Summed(Rule):
    """Weights move by what arrives, whatever the target does."""

    rate: float
    most: float = np.inf

    watches: ClassVar = ("numbers", "spikes")
    shares: ClassVar = True

    def bounds(self, weights):
        return -self.most, self.most

    def learn(self, projection, proposals):
        own = {**projection.arriving(), **projection.reverse(), **proposals.scope}
        projection.operator(Phase.LEARN, sum_step, {**own, "rate": self.rate})


def burst_step(
    arriving,
    fired_post,
    count_post,
    first_post,
    synapse_post,
    segment_post,
    synapse,
    change,
    proposed,
    trace_post,
):
    """A target fires: its synapses rise by what arrives."""
    for k in range(count_post[0]):
        j = fired_post[k]
        for q in range(first_post[j], first_post[j + 1]):
            synapse[proposed[0]] = synapse_post[q]
            change[proposed[0]] = 0.1 * arriving[segment_post[q]] * (trace_post[j] > 0)
            proposed[0] += 1
    return count_post[0]


@dataclass(frozen=True, kw_only=True)
class Burst(Rule):
    watches: ClassVar[tuple[str, ...]] = ("numbers",)
    shares: ClassVar[bool] = True

    def learn(self, projection, proposals):
        scope = {**projection.arriving(), **projection.reverse(), **proposals.scope}
        scope |= projection.trace("post", 10e-3).named("post")
        projection.operator(Phase.LEARN, burst_step, scope)
