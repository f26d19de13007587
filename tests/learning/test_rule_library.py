"""The local rules of the library against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest

from potentia import Network, Simulator
from potentia.learning import STDP, InhibitorySTDP, Oja, TripletSTDP
from potentia.models import LIF, LeakyRate, SpikeSource
from potentia.sim import AllToAll, Noise, Poisson, SpikeTrain

from .random_rules import Scene

DT = 1e-4
ENGINES = [{"dt": DT, "dtype": "float64"}, {"engine": "event"}]


def weight(rule, pre, post, engine, start=0.5):
    """The weight of one synapse without delay to speak of, after spikes at given times."""
    net = Network(seed=1)
    source = net.population(SpikeSource(), 1)
    target = net.population(LIF(threshold=10.0, refractory=0.0), 1)
    net.stimulate(source, SpikeTrain(np.array(pre) - DT, [0] * len(pre)))
    net.stimulate(target, SpikeTrain(post, [0] * len(post), weight=100.0))
    net.connect(source, target, AllToAll(), weight=start, delay=DT, rule=rule, name="in")
    simulator = Simulator(net, **engine)
    simulator.run(0.05 + max([*pre, *post]))
    return float(simulator.weights("in")[0])


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("lead", [5e-3, 30e-3, -5e-3, -30e-3])
@pytest.mark.parametrize("mu", [0.0, 0.4, 1.0])
def test_a_pair_changes_the_weight_by_its_window(engine, lead, mu):
    """An arrival that leads by `lead` raises it, one that follows lowers it, more near the bounds
    where the weight counts.
    """
    rule = STDP(a_plus=0.02, a_minus=0.03, tau_minus=40e-3, w_min=-0.5, w_max=1.5, mu=mu)
    share = (0.7 + 0.5) / 2.0
    raised = 0.02 * (1 - share) ** mu * math.exp(-lead / 20e-3)
    lowered = -0.03 * share**mu * math.exp(lead / 40e-3)
    found = weight(rule, [0.1], [0.1 + lead], engine, start=0.7) - 0.7
    assert found == pytest.approx(raised if lead > 0 else lowered, rel=1e-9)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("pairs", ["all", "nearest"])
def test_earlier_spikes_count_or_do_not(engine, pairs):
    """Two arrivals before a spike: both count, or the last one alone."""
    rule = STDP(a_plus=0.02, a_minus=0.0, w_max=1.0, pairs=pairs)
    each = [0.02 * math.exp(-gap / 20e-3) for gap in (30e-3, 10e-3)]
    expected = sum(each) if pairs == "all" else each[1]
    assert weight(rule, [0.1, 0.12], [0.13], engine) - 0.5 == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("pairs", ["all", "nearest"])
def test_a_triplet_is_more_than_its_pairs(engine, pairs):
    """Pfister and Gerstner (2006), equations 3 and 4, for post-pre-post and pre-post-pre."""
    rule = TripletSTDP(a2_plus=5e-3, a3_plus=6e-3, a2_minus=7e-3, a3_minus=2e-3, pairs=pairs)
    fast, slow = math.exp(-5e-3 / rule.tau_plus), math.exp(-15e-3 / rule.tau_y)
    back = math.exp(-10e-3 / rule.tau_minus)
    expected = -back * 7e-3 + fast * (5e-3 + 6e-3 * slow)
    found = weight(rule, [0.11], [0.1, 0.115], engine) - 0.5
    assert found == pytest.approx(expected, rel=1e-9)
    fast, back = math.exp(-10e-3 / rule.tau_plus), math.exp(-5e-3 / rule.tau_minus)
    expected = fast * 5e-3 - back * (7e-3 + 2e-3 * math.exp(-15e-3 / rule.tau_x))
    assert weight(rule, [0.1, 0.115], [0.11], engine) - 0.5 == pytest.approx(expected, rel=1e-9)


def test_potentiation_grows_with_frequency():
    """Of 20 pairs of lead 10 ms, as in visual cortex (their figure 2); with pairs alone it falls."""

    def change(rule, frequency):
        onsets = 0.02 + np.arange(20) / frequency
        return weight(rule, onsets, onsets + 10e-3, ENGINES[1], start=0.3) - 0.3

    triplet, pair = TripletSTDP(), STDP(a_plus=6.5e-3, a_minus=7.1e-3, w_max=1.0)
    assert change(triplet, 50.0) > 5 * change(triplet, 5.0) > 0
    assert change(pair, 50.0) < change(pair, 5.0)


@pytest.mark.parametrize("engine", ENGINES)
def test_inhibition_learns_symmetrically(engine):
    """A lone arrival lowers a weight by 2 gain target tau; a pair raises it alike both ways."""
    rule = InhibitorySTDP(gain=0.01, target=5.0, w_max=1.0)
    lone, pair = -0.01 * 2 * 5.0 * 20e-3, 0.01 * math.exp(-0.5)
    assert weight(rule, [0.1], [], engine) - 0.5 == pytest.approx(lone, rel=1e-9)
    for post in (0.09, 0.11):
        assert weight(rule, [0.1], [post], engine) - 0.5 == pytest.approx(lone + pair, rel=1e-9)


def test_inhibition_holds_a_rate():
    """A unit driven far above its target rate comes down to it; without learning it does not."""

    def rate(gain):
        net = Network(seed=2)
        excited, inhibiting = net.population(SpikeSource(), 100), net.population(SpikeSource(), 100)
        unit = net.population(LIF(refractory=2e-3), 10, name="unit")
        net.stimulate(excited, Poisson(rate=20.0))
        net.stimulate(inhibiting, Poisson(rate=20.0))
        net.connect(excited, unit, AllToAll(), weight=1e-3)
        rule = InhibitorySTDP(gain=-gain, target=8.0, w_min=-5e-3, w_max=0.0)
        net.connect(inhibiting, unit, AllToAll(), weight=-1e-4, rule=rule)
        net.probe(unit, "spikes")
        simulator = Simulator(net, dt=1e-3)
        simulator.run(20.0)
        return simulator.run(5.0).spikes("unit").times.size / (10 * 5.0)

    assert rate(0.0) > 16.0
    assert rate(1e-5) == pytest.approx(8.0, abs=1.5)  # some 400 spikes: a spread of 0.4


@pytest.mark.parametrize("way", [{"threads": 2}, {"backend": "torch"}])
def test_oja_finds_the_principal_component(way):
    """Of five inputs that two sources mix, within 1 % of a right angle's cosine, at length 1."""
    net, linear = Network(seed=1), LeakyRate(tau=2e-3, activation="linear")
    hidden, source = net.population(linear, 2), net.population(linear, 5)
    unit = net.population(linear, 1)
    mixing = np.array([[0.8, 0.4, 0.1, -0.3, 0.3], [0.1, -0.3, 0.2, 0.2, 0.1]])
    net.stimulate(hidden, Noise(mean=0.0, std=1.0, interval=20e-3))
    net.connect(hidden, source, AllToAll(), weight=mixing.ravel(), delay=1e-3)
    net.connect(source, unit, AllToAll(), weight=0.2, delay=1e-3, rule=Oja(gain=4e-3), name="in")
    simulator = Simulator(net, dt=1e-3, dtype="float64", **way)
    simulator.run(5.0)
    weights = simulator.weights("in")
    principal = np.linalg.eigh(mixing.T @ mixing)[1][:, -1]
    assert abs(weights @ principal) > 0.99 * np.linalg.norm(weights)
    assert np.linalg.norm(weights) == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize(
    "rule",
    [
        STDP(a_plus=0.05, a_minus=0.04, w_min=-1.0, w_max=1.0, mu=0.5),
        STDP(a_plus=0.05, a_minus=0.04, w_min=-1.0, w_max=1.0, pairs="nearest"),
        TripletSTDP(a2_plus=0.02, a3_minus=0.01, a3_plus=0.05, a2_minus=0.04, w_min=-1.0),
        TripletSTDP(a2_plus=0.02, a3_plus=0.05, a2_minus=0.04, w_min=-1.0, pairs="nearest"),
        InhibitorySTDP(gain=0.05, target=20.0, w_min=-1.0, w_max=1.0),
    ],
)
@pytest.mark.parametrize(
    "way",
    [{"threads": 1}, {"threads": 2}, {"backend": "reference"}, {"backend": "torch"}, ENGINES[1]],
)
def test_every_way_to_run_them_is_that_of_the_dense_reference(rule, way):
    scene = Scene(rule, seed=5)
    assert abs(scene.dense() - scene.weights).max() > 0.01
    np.testing.assert_allclose(scene.learned(**way), scene.dense(), rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: STDP(mu=-0.1), r"^STDP\.mu: must be >= 0 \(got -0\.1\)$"),
        (lambda: STDP(pairs="last"), r"^STDP\.pairs: must be one of all, nearest"),
        (
            lambda: TripletSTDP(tau_x=0.0),
            r"^TripletSTDP\.tau_x: must be > 0 and <= 1e\+09 s \(got 0\.0\)$",
        ),
        (lambda: TripletSTDP(w_max=-1.0), r"^TripletSTDP\.w_max: must be at least w_min = 0"),
        (lambda: InhibitorySTDP(gain=1e-3, w_max=1.0, target=-1.0), r"^InhibitorySTDP\.target: "),
        (lambda: Oja(gain="fast"), r"^Oja\.gain: must be a finite number \(got 'fast'\)$"),
    ],
)
def test_values_that_are_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()
