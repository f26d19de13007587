"""Several rules on one projection: the sum of what each does, in the order in which they stand."""

from __future__ import annotations

import math
import pickle
import shutil
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from potentia import Simulator
from potentia.errors import ParameterError
from potentia.hardware import Crossbar, PulsedReRAM
from potentia.kernels.gpu import devices
from potentia.learning import STDP
from potentia.sim import (
    EventRule,
    Rules,
    SpikeTrain,
)
from potentia.sim.description.rule import Rule
from potentia.sim.operators.operator import Phase

from .forced import (
    BOTH,
    DT,
    DURATION,
    FAST,
    INITIAL,
    LAGS,
    N_POST,
    N_PRE,
    SLOW,
    forced,
    large,
    learned,
    trains,
)


def decay_arrival_step(
    step, history, history_count, lags, begin, end, weights, left, lost, low, high
):
    """A spike arrives: the weights of its synapses shrink by a share, and by an amount."""
    arrived = 0
    for g in range(lags.size):
        slot = (step - lags[g]) % history.shape[0]
        for k in range(history_count[slot]):
            segment = np.int64(history[slot, k]) * lags.size + g
            for s in range(begin[segment], end[segment]):
                weights[s] = min(max(weights[s] * left - lost, low), high)
        arrived += history_count[slot]
    return arrived


def decay_proposed_step(
    step, history, history_count, lags, begin, end, lost, synapse, change, proposed
):
    """The same by proposals, where nothing shrinks by a share."""
    arrived = 0
    for g in range(lags.size):
        slot = (step - lags[g]) % history.shape[0]
        for k in range(history_count[slot]):
            segment = np.int64(history[slot, k]) * lags.size + g
            for s in range(begin[segment], end[segment]):
                synapse[proposed[0]] = s
                change[proposed[0]] = -lost
                proposed[0] += 1
        arrived += history_count[slot]
    return arrived


def decay_arrival(w, left, lost):
    return w * left - lost


@dataclass(frozen=True, kw_only=True)
class Decay(Rule):
    """A rule of a user's own: arrivals weaken a synapse, w := left * w - lost."""

    left: float = 1.0
    lost: float = 0.0

    direct: ClassVar = True
    shares: ClassVar = True

    def bounds(self, weights):
        return -2.0, 0.5

    def learn(self, projection, proposals):
        own = {**projection.listed(), **proposals.scope, "left": self.left, "lost": self.lost}
        kernel = decay_arrival_step if proposals.direct else decay_proposed_step
        projection.operator(Phase.ARRIVALS, kernel, own)

    def event(self, low, high):
        assert (low, high) == (-2.0, 0.5)  # its own
        return EventRule(arrival=decay_arrival)


def pairs(rule):
    """What a rule of pairs changes (N_PRE, N_POST): the sum over all pairs of
    spikes, closed form.
    """
    (pre, i), (post, j) = trains()
    change = np.zeros((N_PRE, N_POST))
    for k, lag in enumerate(LAGS):
        arrivals = pre[i == k // N_POST] + lag
        arrivals = arrivals[arrivals < round(DURATION / DT)]
        apart = (post[j == k % N_POST][:, None] - arrivals[None, :]) * DT
        up = rule.a_plus * np.exp(-np.maximum(apart, 0) / rule.tau_plus)
        down = rule.a_minus * np.exp(np.minimum(apart, 0) / rule.tau_minus)
        change[k // N_POST, k % N_POST] = up[apart >= 0].sum() - down[apart < 0].sum()
    return change


def arrivals():
    """How many spikes arrive at each synapse (N_PRE, N_POST)."""
    (pre, i), _ = trains()
    end = round(DURATION / DT)
    counts = [np.count_nonzero(pre[i == k // N_POST] + lag < end) for k, lag in enumerate(LAGS)]
    return np.reshape(counts, (N_PRE, N_POST))


WAYS = {
    "cpu": {},
    "two threads": {"threads": 2},
    "reference": {"backend": "reference"},
    "deterministic": {"deterministic": True},
    "cuts": {"cuts": 3},
    "event": {"engine": "event", "dt": None, "dtype": None},
}


@pytest.mark.parametrize("options", WAYS.values(), ids=WAYS)
def test_the_sum_of_closed_forms(options):
    """One class twice with other time constants, and a rule of a user's own: far from all bounds
    changes add up, to some hundred roundings.
    """
    decay = Decay(lost=1e-5)
    expected = INITIAL + pairs(FAST) + pairs(SLOW) - decay.lost * arrivals()
    assert np.abs(expected - INITIAL - pairs(FAST)).min() > 1e-6  # the others matter
    found = learned(forced((FAST, decay, SLOW)), **options)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


@pytest.mark.skipif(shutil.which("g++") is None, reason="g++ is not installed")
def test_the_sum_on_the_gpu(monkeypatch):
    """Two rules whose kernels the gpu has, compiled for the processor."""
    monkeypatch.setenv(devices.SWITCH, "host")
    found = learned(forced((FAST, SLOW)), backend="gpu")
    np.testing.assert_allclose(found, INITIAL + pairs(FAST) + pairs(SLOW), rtol=0, atol=1e-12)


@pytest.mark.parametrize("options", [{}, {"backend": "reference"}], ids=["cpu", "reference"])
def test_proposals_add_up(options):
    """On a crossbar all rules propose, and pulses round each change to 2**-40 of the range."""
    exact = {"nonlinearity_up": 0.0, "nonlinearity_down": 0.0, "cycle_noise": 0.0}
    store = Crossbar(PulsedReRAM(levels=2**40, **exact), adc=None)
    decay, weight = Decay(lost=1e-5), 20e-3  # far from 0, where both devices of a pair are at rest
    found = learned(forced((FAST, decay, SLOW), store=store, weight=weight), **options)
    expected = weight + pairs(FAST) + pairs(SLOW) - decay.lost * arrivals()
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)


def one_by_one(rules, low, high):
    """All synapses in every step, rule by rule, each change cut to the bounds (N_PRE, N_POST)."""
    (pre, i), (post, j) = trains()
    fired_pre = np.zeros((round(DURATION / DT), N_PRE), bool)
    fired_post = np.zeros((round(DURATION / DT), N_POST), bool)
    fired_pre[pre, i], fired_post[post, j] = True, True
    w, lags = np.full((N_PRE, N_POST), INITIAL), LAGS.reshape(N_PRE, N_POST)
    traces = {rule: np.zeros((2, N_PRE, N_POST)) for rule in rules if isinstance(rule, STDP)}
    for step in range(len(fired_pre)):
        came = (step >= lags) & fired_pre[step - lags, np.arange(N_PRE)[:, None]]
        fires = np.broadcast_to(fired_post[step], came.shape)
        for rule, both in traces.items():
            both[0] *= math.exp(-DT / rule.tau_plus)
            both[1] *= math.exp(-DT / rule.tau_minus)
            both[0, came] += rule.a_plus
        for rule in rules:
            changed = w * rule.left - rule.lost if isinstance(rule, Decay) else w - traces[rule][1]
            w = np.where(came, np.clip(changed, low, high), w)
        for rule, (x, y) in traces.items():
            y[fires] += rule.a_minus
            w = np.where(fires, np.clip(w + x, low, high), w)
    return w


@pytest.mark.parametrize("options", WAYS.values(), ids=WAYS)
def test_rules_run_in_their_order_within_the_bounds_of_all(options):
    """A share of the weight is lost, and weights meet both bounds: the order makes a difference."""
    up = STDP(tau_plus=20e-3, tau_minus=5e-3, a_plus=2e-3, a_minus=3e-3, w_max=8e-3)
    rules = up, Decay(left=0.6)
    results = []
    for order in (rules, rules[::-1]):
        expected = one_by_one(order, 0.0, 8e-3)
        np.testing.assert_allclose(learned(forced(order), **options), expected, rtol=1e-11)
        results.append(expected)
    assert min(results[0].min(), results[1].min()) == 0.0
    assert np.abs(results[0] - results[1]).max() > 1e-4


def test_one_in_a_tuple_is_the_rule_itself():
    """The same plan, signals and weights, bit for bit."""
    alone, tuple_, rules = (
        Simulator(forced(rule), dt=DT) for rule in (FAST, (FAST,), Rules(rules=(FAST,)))
    )
    for simulator in (tuple_, rules):
        assert str(simulator.plan) == str(alone.plan)
        assert simulator._engine.snapshot().keys() == alone._engine.snapshot().keys()
    for simulator in (alone, tuple_, rules):
        simulator.run(DURATION)
    assert tuple_.network.projections[0].rule is FAST
    assert tuple_.weights("in").tobytes() == alone.weights("in").tobytes()
    assert rules.weights("in").tobytes() == alone.weights("in").tobytes()


@pytest.mark.parametrize("rule", [BOTH, (BOTH[0], Decay(left=0.99)), (Decay(left=0.9), *BOTH)])
def test_threads_learn_at_once(rule):
    outcomes, second = [], []
    for threads in (1, 2, 3):
        simulator = Simulator(large(rule), dt=DT, threads=threads)
        result = simulator.run(0.1)
        outcomes.append((result.hash, simulator.weights("in").tobytes()))
        names = [one.name for one in simulator.plan.operators if one.thread == 1]
        second.append({name for name in names if "STDP" in name or "decay" in name})
    assert len(set(outcomes)) == 1
    kernels = {"STDP_arrival", "STDP_spike"}
    assert second[0] == set()
    assert kernels <= second[1]
    assert ("decay_arrival_step" in second[1]) is any(isinstance(one, Decay) for one in rule)


def test_saving_copying_and_going_on(tmp_path):
    """From a file, a pickle and the description on disk."""
    for options in ({}, {"engine": "event", "dt": None}):
        made = {name: value for name, value in ({"dt": DT} | options).items() if value}
        rule = (*BOTH, Decay(left=0.95))
        whole, cut = (Simulator(large(rule), **made) for _ in range(2))
        whole.run(0.04)
        whole.run(0.04)
        cut.run(0.04)
        cut.save(tmp_path / "half")
        others = [Simulator.load(tmp_path / "half"), pickle.loads(pickle.dumps(cut))]
        for other in others:
            assert other.network.projections[0].rule == Rules(rules=rule)
            other.run(0.04)
            assert other.weights("in").tobytes() == whole.weights("in").tobytes()
        after = whole.weights("in")
        whole.reset(keep="weights")
        assert np.ptp(after) > 0
        assert whole.weights("in").tobytes() == after.tobytes()
        whole.reset()
        assert np.ptp(whole.weights("in")) == 0


@pytest.mark.parametrize(
    "options", [{"dt": DT, "dtype": "float64"}, {"engine": "event"}], ids=["clock", "event"]
)
def test_batches_that_learn(options):
    """Samples learn as runs do; the sum of what they change is cut to the bounds of all rules."""
    rule = (STDP(a_plus=2e-3, a_minus=1e-3, w_max=9e-3), Decay(lost=1e-4))
    (pre, i), _ = trains()
    others = [SpikeTrain((pre + 1) * DT, (i + k) % N_PRE) for k in range(3)]
    simulator, alone = Simulator(forced(rule), **options), []
    before = simulator.weights("in")
    for train in others:
        one = Simulator(forced(rule), **options)
        one.stimulate("train", train)
        one.run(DURATION)
        alone.append(one.weights("in"))
    simulator.run(DURATION, inputs={"train": others}, learn="each")
    assert (simulator.weights("in") == before).all()
    simulator.run(DURATION, inputs={"train": others}, learn="sum")
    expected = np.clip(before + sum(after - before for after in alone), 0.0, 9e-3)
    assert expected.max() == 9e-3
    assert np.unique(expected).size > 5
    np.testing.assert_allclose(simulator.weights("in"), expected, rtol=0, atol=1e-15)


def test_what_is_shown():
    net = forced((FAST, Decay(left=0.5)))
    assert "Decay(left=0.5)" in str(net)
    assert str(net).index("STDP(tau_plus=0.007") < str(net).index("Decay(left=0.5)")
    assert "<" in net._repr_html_()
    plan = str(Simulator(net, engine="event").plan)
    assert "STDP_arrival, STDP_spike, decay_arrival" in plan


NONE = "must be a Rule such as STDP() or several such as (STDP(), STDP(tau_plus=5e-3))"
BAD = {
    "nothing": ((), f"connect rule: {NONE}, or None where nothing learns (got ())"),
    "no rule": ((STDP(), "decay"), f"connect rule: {NONE}; rule 1 is none (got 'decay')"),
    "a class": (STDP, f"connect rule: {NONE}, or None (got "),
    "a set": ({1}, f"connect rule: {NONE}, or None (got {{1}})"),
}


@pytest.mark.parametrize(("rule", "words"), BAD.values(), ids=BAD)
def test_bad_rules(rule, words):
    with pytest.raises(ParameterError) as caught:
        forced(rule)
    assert words in str(caught.value)


@pytest.mark.parametrize("options", [{"dt": DT}, {"engine": "event"}], ids=["clock", "event"])
def test_bounds_that_leave_nothing(options):
    words = r"Rules\.rules: must have bounds .* \(got 'STDP \[1, 2\], Decay \[-2, 0.5\]'\)"
    net = forced((STDP(w_min=1.0, w_max=2.0), Decay()), weight=1.5)
    with pytest.raises(ParameterError, match=words):
        Simulator(net, **options)
