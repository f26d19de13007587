"""Static synapses in bundles: one network gives the same spikes in every store, on any number of
threads, in shards.
"""

from __future__ import annotations

import math
import re
import warnings

import numpy as np
import pytest

from potentia import Network, Simulator
from potentia.errors import ParameterError, UnsupportedError
from potentia.learning import STDP
from potentia.models import LIF, CubaLIF
from potentia.sim import (
    AllToAll,
    Choice,
    Constant,
    Explicit,
    FixedOutDegree,
    FixedProbability,
    FixedTotal,
    Ideal,
    LogNormal,
    Normal,
    Poisson,
    Procedural,
    SpikeTrain,
    Uniform,
)
from potentia.sim.plan import population as scope
from potentia.sim.plan import shards


def recurrent(store=None, *, exc=600, inh=150, floats=False):
    """A network with laws of weights and delays, two projections onto one receptor, and a cut
    inside populations.
    """
    net = Network(seed=3)
    cells = {
        "exc": net.population(CubaLIF(), exc, name="exc", initial={"v": Uniform(0.0, 10e-3)}),
        "inh": net.population(CubaLIF(refractory=1e-3), inh, name="inh"),
        "out": net.population(LIF(), 40, name="out"),
    }
    weight = Normal(0.3e-3, 0.05e-3, low=0.0)
    for post in ("exc", "inh"):
        total = FixedTotal(40 * cells[post].n, autapses=post == "inh")
        net.connect(
            cells["exc"],
            cells[post],
            total,
            weight=weight,
            delay=Normal(1.5e-3, 0.7e-3, low=1e-4),
            store=store,
        )
        degree = FixedOutDegree(cells[post].n // 5)
        net.connect(
            cells["inh"],
            cells[post],
            degree,
            weight=Normal(-2e-3, 2e-4, high=0.0),
            delay=8e-4,
            store=store,
        )
    net.connect(
        cells["exc"],
        cells["exc"],
        FixedTotal(1000),
        weight=1e-4,
        delay=Uniform(1e-4, 1e-3),
        store=store,
    )
    net.connect(cells["exc"], cells["out"], FixedOutDegree(3), weight=2e-3, store=store)
    for name in ("exc", "inh"):
        net.stimulate(cells[name], Constant(11e-3))
        net.stimulate(cells[name], Poisson(rate=300.0, weight=0.5e-3))
    if floats:
        net.connect(cells["inh"], cells["out"], FixedProbability(0.2), weight=Uniform(-1e-3, 0.0))
    for part in cells.values():
        net.probe(part, "spikes")
    return net


@pytest.fixture
def small_shards(monkeypatch):
    """Shards of 64 units, so that small populations are cut too."""
    monkeypatch.setattr(shards, "UNITS", 64)


def test_stored_procedural_threads_and_backends_agree(small_shards):
    """One spike hash for synapses stored or drawn again, one to three threads, both backends, and
    pauses or none.
    """
    stored = recurrent(Ideal(bits=6))
    expected = Simulator(stored, threads=1).run(0.15)
    assert min(len(expected.spikes(name)) for name in ("exc", "inh", "out")) > 100
    hashes = {"reference": Simulator(stored, backend="reference").run(0.15).hash}
    for threads in (2, 3):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # more threads than cores
            hashes[f"stored, {threads} threads"] = Simulator(stored, threads=threads).run(0.15).hash
    for threads in (1, 2):
        simulator = Simulator(recurrent(Procedural(bits=6)), threads=threads)
        hashes[f"procedural, {threads} threads"] = simulator.run(0.15).hash
    assert set(hashes.values()) == {expected.hash}, hashes


def test_more_threads_than_cores_are_warned_of():
    net = Network()
    net.population(LIF(), 10)
    with pytest.warns(UserWarning, match=r"Simulator.threads: 1000 threads share \d+ cores"):
        Simulator(net, threads=1000)


def test_shards_change_no_spike(monkeypatch):
    whole = Simulator(recurrent(), threads=1).run(0.1).hash
    monkeypatch.setattr(shards, "UNITS", 48)
    assert Simulator(recurrent(), threads=1).run(0.1).hash == whole


@pytest.mark.parametrize("floats", [False, True])
def test_weights_and_targets_can_be_had_again(floats):
    """After the words are made, the synapses of a projection are what its connectivity draws."""
    net = recurrent(floats=floats)
    simulator = Simulator(net)
    for projection in net.projections:
        synapses, weights = simulator.plan.synapses[projection.name], simulator.weights(projection)
        assert weights.shape == (synapses.n,) == synapses.targets.shape == synapses.sources().shape
        assert synapses.targets.max() < projection.post.n
        assert (np.diff(synapses.sources().astype(int)) >= 0).all()
    own = simulator.weights(net.projections[1])
    assert abs(own.mean() + 2e-3) < 5 * 2e-4 / np.sqrt(own.size)


def test_levels_keep_mean_and_variance():
    """Levels are means over 65,536 quantiles in all: for these distributions the mean is right to
    1e-5, the standard deviation to 2e-4, where the tail beyond the last quantile is left out; both
    are exact without a tail.
    """
    mean = 2.0 * math.exp(0.5**2 / 2)
    closed = {
        Normal(1.0, 0.1, low=0.0): (1.0, 0.1),
        LogNormal(median=2.0, sigma=0.5): (mean, mean * math.sqrt(math.expm1(0.5**2))),
        Uniform(-1.0, 3.0): (1.0, 4.0 / math.sqrt(12.0)),
        Choice((1.0, 2.0)): (1.5, 0.5),
    }
    for distribution, (mean, spread) in closed.items():
        tail = isinstance(distribution, (Normal, LogNormal))
        for n in (2, 16, 256):
            levels = distribution.levels(n)
            assert levels.mean() == pytest.approx(mean, rel=1e-5 if tail else 1e-9)
            assert levels.std() == pytest.approx(spread, rel=2e-4 if tail else 1e-9)
            assert (np.diff(levels) >= 0).all()
            assert (distribution.cdf(levels) > 0).all()  # none lies below all values


def test_two_levels_of_a_normal_distribution():
    """They sit at one standard deviation on either side, to the share of the variance in the tail
    that is left out.
    """
    np.testing.assert_allclose(Normal(1.0, 0.1).levels(2), [0.9, 1.1], atol=2e-6)


@pytest.mark.parametrize(
    "distribution", [Normal(1.0, 0.1, low=0.95), LogNormal(median=2.0, sigma=0.5), Uniform(-1, 3)]
)
def test_the_quantile_is_the_inverse_of_the_distribution_function(distribution):
    shares = np.linspace(0.01, 0.99, 99)
    np.testing.assert_allclose(distribution.cdf(distribution.quantile(shares)), shares, rtol=1e-12)


def test_bits_round_given_weights_to_levels():
    net = Network(seed=1)
    pre, post = net.population(LIF(), 30), net.population(LIF(), 20)
    weights = np.random.default_rng(0).uniform(1e-3, 2e-3, 600)
    exact = net.connect(pre, post, AllToAll(), weight=weights)
    rounded = net.connect(pre, post, AllToAll(), weight=weights, store=Ideal(bits=4))
    simulator = Simulator(net)
    assert np.unique(simulator.weights(rounded)).size == 16
    assert np.abs(simulator.weights(rounded) - simulator.weights(exact)).max() <= 1e-3 / 15 / 2 * (
        1 + 1e-5
    )


def test_delays_follow_their_law():
    """The mean and spread of dealt delays are the law's, to five standard errors and a step's
    rounding.
    """
    net = Network(seed=5)
    cells = net.population(LIF(), 300)
    projection = net.connect(
        cells,
        cells,
        FixedTotal(60_000),
        weight=1e-5,
        delay=Normal(3e-3, 0.5e-3),
        store=Ideal(bits=2),
    )
    synapses = Simulator(net, dt=1e-4).plan.synapses[projection.name]
    delays = synapses.lags[synapses.segments() % synapses.lags.size] * 1e-4
    assert delays.mean() == pytest.approx(3e-3, abs=5 * 0.5e-3 / np.sqrt(60_000))
    assert delays.std() == pytest.approx(0.5e-3, rel=5 / np.sqrt(120_000) + 0.01)


def test_event_engine_sees_the_same_synapses():
    """With delays on the grid and delta synapses, both engines agree spike for spike, levels and
    dealt delays too.
    """
    net = Network(seed=2)
    source = net.population(LIF(refractory=0.0), 50, name="source")
    target = net.population(LIF(), 60, name="target")
    net.stimulate(
        source,
        SpikeTrain(np.repeat(np.arange(1, 40) * 1e-3, 50), np.tile(np.arange(50), 39), 20e-3),
    )
    delay = Choice((1e-3, 2e-3, 5e-3))
    net.connect(
        source, target, FixedTotal(900), weight=Normal(2e-3, 5e-4), delay=delay, store=Ideal(bits=8)
    )
    for part in (source, target):
        net.probe(part, "spikes")
    clock, event = (
        Simulator(net, dtype="float64").run(0.05),
        Simulator(net, engine="event").run(0.05),
    )
    assert len(clock.spikes("target")) > 50
    np.testing.assert_array_equal(clock.spikes("target").ids, event.spikes("target").ids)
    np.testing.assert_allclose(
        clock.spikes("target").times, event.spikes("target").times, atol=1e-12
    )


def sparse(monkeypatch, many):
    """A large silent population in which single units fire now and then, with pauses or, for a
    large `many`, none.
    """
    monkeypatch.setattr(scope, "MANY", many)
    monkeypatch.setattr(shards, "UNITS", 64)
    net = Network(seed=4)
    fast = CubaLIF(tau=2e-3, tau_excitatory=1e-3, tau_inhibitory=1e-3)
    cells = net.population(fast, 2000, name="cells")
    delta = net.population(LIF(tau=2e-3), 1500, name="delta")
    net.stimulate(delta, Poisson(rate=0.02, weight=30e-3))
    net.stimulate(cells, SpikeTrain([0.3, 0.31, 0.55], [3, 1999, 700], 50e-3))
    net.connect(
        delta,
        cells,
        FixedOutDegree(2),
        weight=60e-3,
        delay=Uniform(1e-4, 3e-3),
        store=Ideal(bits=1),
    )
    net.connect(cells, delta, FixedOutDegree(1), weight=5e-3)
    for part in (cells, delta):
        net.probe(part, "spikes")
    net.probe(cells, "v", ids=[3, 700], every=1e-3)
    return Simulator(net, threads=1)


def test_shards_that_pause_change_nothing(monkeypatch):
    """Spikes and traces are equal to the bit, although most shards nap most of the time."""
    pausing, awake = sparse(monkeypatch, 2), sparse(monkeypatch, 1 << 30)
    results = [simulator.run(1.0) for simulator in (pausing, awake)]
    assert results[0].hash == results[1].hash
    assert len(results[0].spikes("cells")) > 20
    np.testing.assert_array_equal(results[0].trace("cells", "v"), results[1].trace("cells", "v"))
    assert asleep_at(pausing, 1.0).mean() > 0.5
    assert not asleep_at(awake, 1.0).any()


def asleep_at(simulator, time):
    """Which shards sleep when the plan of a simulator has run for `time` [s] from the beginning."""
    plan, memory = simulator.plan, simulator.plan.memory()
    program, step, stop = plan.program(memory), 0, round(time / plan.dt)
    while step < stop:
        step = program.advance(step, stop)
        memory["pause"][0] = 0
        for recorder in plan.recorders:
            recorder.drain(memory)
    return memory["asleep"]


def test_snapshots_do_not_know_of_threads(tmp_path, small_shards):
    """Saved on one thread in mid-run, resumed on two: the same spikes as in one go."""
    net = recurrent(Ideal(bits=4))
    expected = Simulator(net, threads=1).run(0.1).hash
    first = Simulator(net, threads=1)
    first.run(0.05)
    first.save(tmp_path / "half.h5")
    assert Simulator.load(tmp_path / "half.h5", threads=2).run(0.05).hash == expected


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: Ideal(bits=0),
            ParameterError,
            "Ideal.bits: must be a whole number >= 1 and <= 16 (got 0)",
        ),
        (
            lambda: Ideal(bits=17),
            ParameterError,
            "Ideal.bits: must be a whole number >= 1 and <= 16 (got 17)",
        ),
        (
            lambda: Procedural(bits=2.5),
            ParameterError,
            "Procedural.bits: must be a whole number >= 1",
        ),
        (
            lambda: simulated(FixedProbability(0.1)),
            UnsupportedError,
            "Procedural needs targets that are independent",
        ),
        (
            lambda: simulated(FixedTotal(5, multapses=False)),
            UnsupportedError,
            "Procedural needs targets",
        ),
        (
            lambda: simulated(FixedTotal(5), weight=[1e-3] * 5),
            UnsupportedError,
            "Procedural needs targets",
        ),
        (lambda: simulated(FixedTotal(5), rule=STDP()), UnsupportedError, "and no rule"),
        (
            lambda: simulated(FixedTotal(5), rule=STDP(), store=Ideal(bits=3)),
            ParameterError,
            "Ideal.bits: must be None",
        ),
    ],
)
def test_bad_stores(call, error, message):
    with pytest.raises(error, match=re.escape(message)):
        call()


def simulated(connectivity, *, weight=1e-3, rule=None, store=None):
    net = Network()
    cells = net.population(LIF(), 10)
    net.connect(cells, cells, connectivity, weight=weight, rule=rule, store=store or Procedural())
    return Simulator(net)


def test_projections_without_synapses_do_nothing(backend):
    """Empty lists of synapses, weights and delays are a network too."""
    net = Network()
    cells = net.population(LIF(), 5, name="cells")
    net.connect(cells, cells, Explicit([], []), weight=[], delay=[])
    net.connect(cells, cells, Explicit([], []), weight=1e-3)
    net.connect(cells, cells, FixedTotal(0), weight=1e-3, store=Procedural())
    net.connect(
        cells, cells, FixedProbability(0.0), weight=Normal(1e-3, 1e-4), delay=Uniform(1e-4, 1e-3)
    )
    net.stimulate(cells, Constant(20e-3))
    net.probe(cells, "spikes")
    assert len(Simulator(net, backend=backend.name).run(0.03).spikes("cells")) == 5
