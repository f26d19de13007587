"""STDP through the whole simulator: closed forms, dense brute force, Brian2."""

import math
from dataclasses import dataclass, replace
from typing import final

import numpy as np
import pytest

from potentia import Network, Simulator
from potentia.errors import ParameterError
from potentia.learning import STDP
from potentia.models import LIF, SpikeSource
from potentia.sim import AllToAll, Explicit, Ideal, OneToOne, Poisson, SpikeTrain, Store, Uniform

DT, STEPS, N_PRE, N_POST = 1e-3, 600, 20, 10
RULE = STDP(tau_plus=17e-3, tau_minus=34e-3, a_plus=0.8e-3, a_minus=0.5e-3, w_min=0.0, w_max=8e-3)
INITIAL = 5e-3


@pytest.fixture(scope="module")
def trains():
    """Random spike trains (steps, ids) of both sides, dense enough to share steps; lags 1 to 20."""
    rng = np.random.default_rng(5)
    pre = np.nonzero(rng.random((STEPS, N_PRE)) < 0.08)
    post = np.nonzero(rng.random((STEPS, N_POST)) < 0.08)
    return pre, post, rng.integers(1, 21, N_PRE * N_POST)


def forced(pre, post, delays, rule, *, weight=INITIAL, store=None, **options):
    """A simulator in which both sides fire as told: the targets by strong input, unmoved by the
    synapses.
    """
    net = Network(seed=2)
    source = net.population(SpikeSource(), N_PRE, name="pre")
    target = net.population(LIF(threshold=10.0, reset=0.0, refractory=0.0), N_POST, name="post")
    how = {"delay": delays, "rule": rule, "store": store}
    projection = net.connect(source, target, AllToAll(), weight=weight, name="plastic", **how)
    net.stimulate(source, SpikeTrain((pre[0] + 1) * DT, pre[1]))
    net.stimulate(target, SpikeTrain((post[0] + 1) * DT, post[1], weight=100.0))
    net.probe(target, "spikes")
    simulator = Simulator(net, dt=DT, **{"dtype": "float64", **options})
    return simulator, projection


def dense(pre, post, lags, rule, initial=INITIAL):
    """Every trace of every synapse decayed in every step: the definition, written out."""
    w = np.full((N_PRE, N_POST), initial)
    x, y = np.zeros((N_PRE, N_POST)), np.zeros((N_PRE, N_POST))
    fired_pre, fired_post = np.zeros((STEPS, N_PRE), bool), np.zeros((STEPS, N_POST), bool)
    fired_pre[pre], fired_post[post] = True, True
    lags, every = lags.reshape(N_PRE, N_POST), np.arange(N_PRE)[:, None]
    for step in range(STEPS):
        x *= math.exp(-DT / rule.tau_plus)
        y *= math.exp(-DT / rule.tau_minus)
        arrived = (step >= lags) & fired_pre[step - lags, every]
        x[arrived] += rule.a_plus
        w[arrived] = np.clip(w - y, rule.w_min, rule.w_max)[arrived]
        y[:, fired_post[step]] += rule.a_minus
        w[:, fired_post[step]] = np.clip(w + x, rule.w_min, rule.w_max)[:, fired_post[step]]
    return w


def weights_of(simulator, projection):
    """The present weights as a matrix (n_pre, n_post)."""
    synapses = simulator.plan.synapses[projection.name]
    matrix = np.zeros((N_PRE, N_POST))
    matrix[synapses.sources(), synapses.targets] = simulator.weights(projection)
    return matrix


def test_equals_dense_traces(trains):
    """Lazy traces in closed form are the traces decayed step by step, to 600 roundings."""
    pre, post, lags = trains
    simulator, projection = forced(pre, post, lags * DT, RULE)
    result = simulator.run(STEPS * DT)
    expected = dense(pre, post, lags, RULE)
    assert len(result.spikes("post")) == post[0].size
    np.testing.assert_allclose(weights_of(simulator, projection), expected, rtol=1e-11, atol=1e-15)
    assert expected.min() == 0.0
    assert expected.max() == RULE.w_max


@pytest.mark.validate
def test_equals_brian2(trains):
    """The same rule in Brian2's words, with exact event-driven traces: equal to rounding, 1e-9."""
    brian = pytest.importorskip("brian2", reason="brian2 (extra `validate`) is not installed")
    pre, post, lags = trains
    simulator, projection = forced(pre, post, lags * DT, RULE)
    simulator.run(STEPS * DT)

    brian.prefs.codegen.target = "numpy"
    brian.start_scope()
    brian.defaultclock.dt = DT * brian.second
    sources = [
        brian.SpikeGeneratorGroup(n, train[1], (train[0] + 1) * DT * brian.second)
        for n, train in ((N_PRE, pre), (N_POST, post))
    ]
    synapses = brian.Synapses(
        *sources,
        """w : 1
        dx/dt = -x / tau_plus : 1 (event-driven)
        dy/dt = -y / tau_minus : 1 (event-driven)""",
        on_pre="x += a_plus; w = clip(w + y, w_min, w_max)",
        on_post="y -= a_minus; w = clip(w + x, w_min, w_max)",
        namespace={
            "tau_plus": RULE.tau_plus * brian.second,
            "tau_minus": RULE.tau_minus * brian.second,
            "a_plus": RULE.a_plus,
            "a_minus": RULE.a_minus,
            "w_min": RULE.w_min,
            "w_max": RULE.w_max,
        },
    )
    synapses.connect()
    synapses.w = INITIAL
    synapses.delay = lags * DT * brian.second
    brian.Network(sources, synapses).run((STEPS + 1) * DT * brian.second)

    assert np.ptp(synapses.w[:]) > INITIAL
    expected = synapses.w[:].reshape(N_PRE, N_POST)
    np.testing.assert_allclose(weights_of(simulator, projection), expected, rtol=1e-9, atol=1e-16)


@pytest.mark.parametrize("lag", [1, 7])
@pytest.mark.parametrize("gap", [-3000, -40, -1, 0, 1, 40, 3000])
def test_one_pair(gap, lag):
    """A single pair changes the weight by the window's closed form; an arrival in a step leads its
    spike.
    """
    net = Network()
    source, target = net.population(SpikeSource(), 1), net.population(LIF(threshold=10.0), 1)
    projection = net.connect(source, target, AllToAll(), weight=INITIAL, delay=lag * DT, rule=RULE)
    net.stimulate(source, SpikeTrain([4.0 - lag * DT], [0]))
    net.stimulate(target, SpikeTrain([4.0 + gap * DT], [0], weight=100.0))
    simulator = Simulator(net, dt=DT, dtype="float64")
    simulator.run(8.0)

    if gap >= 0:
        expected = RULE.a_plus * math.exp(-gap * DT / RULE.tau_plus)
    else:
        expected = -RULE.a_minus * math.exp(gap * DT / RULE.tau_minus)
    assert simulator.weights(projection)[0] - INITIAL == pytest.approx(
        expected, rel=1e-10, abs=1e-17
    )


def test_the_reference_backend_learns_the_same(trains):
    """Both rooms of kernels compute the same weights, to rounding."""
    pre, post, lags = trains
    fast, projection = forced(pre, post, lags * DT, RULE)
    slow, again = forced(pre, post, lags * DT, RULE, backend="reference")
    fast.run(0.2)
    slow.run(0.2)
    np.testing.assert_allclose(fast.weights(projection), slow.weights(again), rtol=1e-13)


def active(chunk=1000, backend="cpu"):
    """A network whose own spikes teach it."""
    net = Network(seed=8)
    source, target = (
        net.population(SpikeSource(), 60, name="source"),
        net.population(LIF(), 15, name="target"),
    )
    rule = STDP(w_max=4e-3)
    learned = net.connect(
        source,
        target,
        AllToAll(),
        weight=2e-3,
        delay=Uniform(1e-4, 3e-3),
        rule=rule,
        name="learned",
    )
    net.stimulate(source, Poisson(rate=40.0))
    simulator = Simulator(net, dt=1e-4, chunk=chunk, backend=backend, dtype="float64")
    return simulator, learned


def test_weights_do_not_depend_on_the_chunk():
    """Chunks of 1, 7 and 1000 steps and a cut in the middle leave the same bits."""
    outcomes = []
    for chunk in (1, 7, 1000):
        simulator, learned = active(chunk)
        simulator.run(0.05)
        outcomes.append((simulator.run(0.05).hash, simulator.weights(learned).tobytes()))
    assert len(set(outcomes)) == 1
    assert np.unique(simulator.weights(learned)).size > 100


def test_defaults_follow_the_weights():
    """Left out, w_max is twice the largest initial weight, the amplitudes the published shares of
    it.
    """
    net = Network()
    source, target = net.population(SpikeSource(), 1), net.population(LIF(threshold=10.0), 1)
    projection = net.connect(source, target, AllToAll(), weight=3e-3, delay=DT, rule=STDP())
    net.stimulate(source, SpikeTrain([10e-3], [0]))
    net.stimulate(target, SpikeTrain([11e-3], [0], weight=100.0))
    simulator = Simulator(net, dt=DT, dtype="float64")
    simulator.run(0.02)
    assert simulator.weights(projection)[0] == pytest.approx(3e-3 + 0.005 * 6e-3, rel=1e-12)


@final
@dataclass(frozen=True, kw_only=True)
class Asked(Store):
    """Plain numbers, like `Ideal`, but the rule may not change them: it must propose."""

    def prepare(self, projection):
        return Ideal().prepare(projection)

    def read(self, projection, scope):
        Ideal().read(projection, scope)

    def program(self, projection, scope, proposals):
        assert not proposals.direct
        Ideal().program(projection, scope, proposals)

    def weights(self, projection, memory):
        return Ideal().weights(projection, memory)


def test_a_rule_that_proposes_learns_the_same(trains):
    """The rule changes ideal weights itself and proposes to any other store, with equal results to
    the bit.
    """
    pre, post, lags = trains
    changed, projection = forced(pre, post, lags * DT, RULE)
    asked, again = forced(pre, post, lags * DT, RULE, store=Asked())
    for simulator in (changed, asked):
        simulator.run(0.2)
    np.testing.assert_array_equal(weights_of(changed, projection), weights_of(asked, again))
    assert np.unique(weights_of(asked, again)).size > 50


def test_projections_share_the_traces_of_their_target():
    """Two projections onto one population with the same rule raise one trace per unit; another time
    constant, another.

    The weights are those of two networks with one projection each.
    """

    def simulated(*rules):
        net = Network(seed=3)
        source, target = (
            net.population(SpikeSource(), 30),
            net.population(LIF(threshold=10.0), 5, name="target"),
        )
        for rule in rules:
            net.connect(source, target, AllToAll(), weight=INITIAL, delay=2e-3, rule=rule)
        net.stimulate(source, Poisson(rate=50.0))
        net.stimulate(target, Poisson(rate=50.0, weight=100.0))
        simulator = Simulator(net, dt=DT, dtype="float64")
        simulator.run(0.3)
        return simulator

    other = replace(RULE, tau_minus=9e-3)
    both = simulated(RULE, other, RULE)
    traces = [
        signal.name for signal in both.plan.signals if signal.name.startswith("target.trace_post")
    ]
    assert [name for name in traces if not name.endswith("since")] == [
        "target.trace_post_late",
        "target.trace_post_late2",
    ]
    weights = [both.weights(part) for part in both.network.projections]
    np.testing.assert_array_equal(weights[0], weights[2])
    assert (weights[0] != weights[1]).any()
    for rule, found in zip((RULE, other), weights, strict=False):
        alone = simulated(rule)
        np.testing.assert_array_equal(alone.weights(alone.network.projections[0]), found)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tau_plus": 0.0}, r"STDP.tau_plus: must be > 0 and <= 1e\+09 s \(got 0.0\)"),
        ({"tau_minus": -1.0}, r"STDP.tau_minus: must be > 0 and <= 1e\+09 s \(got -1.0\)"),
        ({"a_plus": math.nan}, r"STDP.a_plus: must be a finite number \(got nan\)"),
        ({"a_minus": "big"}, r"STDP.a_minus: must be a finite number \(got 'big'\)"),
        ({"w_min": math.inf}, r"STDP.w_min: must be a finite number \(got inf\)"),
        ({"w_min": 1.0, "w_max": 1.0}, r"STDP.w_max: must be > 1 \(got 1.0\)"),
    ],
)
def test_bad_parameters(arguments, message):
    with pytest.raises(ParameterError, match=message):
        STDP(**arguments)


@pytest.mark.parametrize(
    ("rule", "weight", "message"),
    [
        (STDP(), -1e-3, r"STDP.w_min: initial weights must lie within .* \(got -0.001\)"),
        (STDP(w_max=1e-3), 2e-3, r"STDP.w_max: initial weights must lie within .* \(got 0.002\)"),
        (STDP(), 0.0, r"STDP.w_max: must be given where all initial weights are 0 \(got None\)"),
    ],
)
def test_weights_outside_the_bounds(rule, weight, message):
    net = Network()
    neurons = net.population(LIF(), 3)
    net.connect(neurons, neurons, Explicit([0, 1], [1, 2]), weight=weight, rule=rule)
    with pytest.raises(ParameterError, match=message):
        Simulator(net)


def test_traces_of_a_network_at_rest_are_kept_alike_whether_or_not_it_is_watched(saved):
    """A probe lets steps run that are skipped without it; traces are rescaled at the same steps all
    the same.
    """

    def rested(watched):
        net = Network(seed=1)
        source, cells = (
            net.population(SpikeSource(), 3, name="source"),
            net.population(LIF(), 3, name="cells"),
        )
        net.connect(
            source,
            cells,
            OneToOne(),
            weight=1e-3,
            rule=STDP(tau_plus=5e-3, tau_minus=5e-3),
            name="c",
        )
        net.stimulate(source, SpikeTrain([1e-3, 2e-3], [0, 1]))
        if watched:
            net.probe(cells, "v", every=1e-3)
        simulator = Simulator(net)
        simulator.run(3.0)  # at rest after 1.4 s
        return saved(simulator)

    one, other = rested(False), rested(True)
    for name in ("c.trace_pre_late", "c.trace_pre_late.since", "cells.trace_post_late.since"):
        np.testing.assert_array_equal(one[name], other[name])
    assert one["c.trace_pre_late.since"] == 29_999 // 800
