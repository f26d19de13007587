"""The event engine: spikes depend on the description alone; recording looks and does not touch."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from potentia import Network, Simulator
from potentia.models import LIF, CubaLIF, SpikeSource
from potentia.sim import Constant, FixedProbability, Normal, Poisson, SpikeTrain, Step, Uniform


def network(*, probes=True, seed=3):
    """A small active network: recurrent, with a delay per synapse, driven by spikes and currents
    off any grid.
    """
    net = Network(seed=seed)
    exc, inh = (net.population(LIF(), n, name=name) for n, name in ((80, "exc"), (20, "inh")))
    source = net.population(SpikeSource(), 40, name="source")
    net.connect(exc, exc, FixedProbability(0.2), weight=0.4e-3, delay=Uniform(0.5e-3, 3e-3))
    net.connect(exc, inh, FixedProbability(0.2), weight=Normal(0.4e-3, 0.04e-3), delay=3e-3)
    net.connect(inh, exc, FixedProbability(0.3), weight=-2e-3, delay=1e-3)
    net.connect(source, exc, FixedProbability(0.2), weight=2.4e-3, delay=1e-3)
    rng = np.random.default_rng(seed)
    net.stimulate(source, SpikeTrain(rng.uniform(0, 0.3, 2000), rng.integers(0, 40, 2000)))
    net.stimulate(exc, Constant(14e-3 * np.linspace(0.95, 1.1, 80)), name="drive")
    if probes:
        net.probe(exc, "spikes")
        net.probe(inh, "spikes")
    return net


# What must not matter


@pytest.fixture(scope="module")
def whole():
    """A run in one piece."""
    return Simulator(network(), engine="event").run(0.2)


@pytest.mark.parametrize(
    "cuts", [(0.1, 0.1), (0.0, 0.0501, 0.0, 0.1499), (0.0123,) * 16 + (0.0032,)]
)
def test_cuts_do_not_matter(whole, cuts):
    simulator = Simulator(network(), engine="event")
    pieces = [simulator.run(duration) for duration in cuts]
    assert pieces[-1].hash == whole.hash
    assert simulator.time == pytest.approx(0.2, abs=1e-15)
    assert_array_equal(
        np.concatenate([piece.spikes("exc").times for piece in pieces]), whole.spikes("exc").times
    )


def test_probes_do_not_matter(whole):
    net = network()
    exc = net.populations[0]
    net.probe(exc, "v", every=0.37e-3)
    net.probe(exc, "rate")
    net.probe(exc, "counts", every=20e-3)
    assert Simulator(net, engine="event").run(0.2).hash == whole.hash
    assert Simulator(network(probes=False), engine="event").run(0.2).hash == whole.hash


def test_seeds_matter(whole):
    assert Simulator(network(seed=4), engine="event").run(0.2).hash != whole.hash


@pytest.mark.parametrize("threads", [1, 2])
def test_batches(whole, threads):
    """Sample 0 without other inputs is the plain run; the simulator stays where it is."""
    simulator = Simulator(network(), engine="event", threads=threads)
    drives = [Constant(14e-3 * np.linspace(0.95, 1.1, 80)), Constant(0.0), Constant(20e-3)]
    results = simulator.run(0.2, inputs={"drive": drives})
    assert results[0].hash == whole.hash
    assert (
        len(results[1].spikes("exc"))
        < len(results[0].spikes("exc"))
        < len(results[2].spikes("exc"))
    )
    assert simulator.time == 0.0
    assert simulator.run(0.2).hash == whole.hash


def test_batch_of_trains_goes_on_from_the_present():
    """Another train takes over where the first one stands, and Poisson samples differ."""
    net = Network(seed=1)
    source = net.population(SpikeSource(), 2, name="source")
    net.stimulate(source, SpikeTrain([0.05, 0.15], [0, 0]), name="train")
    net.stimulate(source, Poisson(rate=np.array([0.0, 100.0])))
    net.probe(source, "spikes")
    simulator = Simulator(net, engine="event")
    simulator.run(0.1)
    trains = [SpikeTrain([0.02, 0.12, 0.17], [0, 0, 0]), SpikeTrain([0.11], [0])]
    first, second = simulator.run(0.1, inputs={"train": trains}).samples
    assert_array_equal(first.spikes("source").trains()[0], [0.12, 0.17])
    assert_array_equal(second.spikes("source").trains()[0], [0.11])
    assert not np.array_equal(
        first.spikes("source").trains()[1], second.spikes("source").trains()[1]
    )


def poisson_batch(before, after, *, samples=2, threads=1, run=0.1):
    """A batch of Poisson trains, the present being at 0.1 s."""
    net = Network(seed=4)
    source = net.population(SpikeSource(), 3, name="source")
    net.stimulate(source, Poisson(rate=before), name="noise")
    net.probe(source, "spikes")
    simulator = Simulator(net, engine="event", threads=threads)
    simulator.run(0.1)
    inputs = None if after is None else {"noise": [Poisson(rate=after)] * samples}
    return [
        sample.spikes("source")
        for sample in simulator.run(run, inputs=inputs, batch=samples).samples
    ]


@pytest.mark.parametrize("before", [0.0, 1e-3, 30.0, 20_000.0])
def test_replaced_poisson_trains_begin_at_the_present(before):
    """Whatever came before, intervals are exponential from the present on: by count, and by the
    mean first wait.

    20 samples of 3 units for 1 s at 200 Hz: 12,000 spikes with a standard deviation of 110; 60
    first waits of 5 ms, whose mean has a standard deviation of 0.65 ms. Five of each are allowed.
    """
    samples = poisson_batch(before, 200.0, samples=20, run=1.0)
    assert sum(len(spikes) for spikes in samples) == pytest.approx(12_000, abs=550)
    firsts = np.array([[train[0] for train in spikes.trains()] for spikes in samples]) - 0.1
    assert (firsts > 0).all()
    assert firsts.mean() == pytest.approx(5e-3, abs=3.3e-3)
    assert len(np.unique(firsts)) == 60


def test_poisson_samples_differ_from_their_first_spike_on():
    """Sample 0 goes on as the plain run would; the interval that has begun is drawn again in the
    others.
    """
    samples = poisson_batch(30.0, None, samples=6, run=0.5)
    firsts = np.array([[train[0] for train in spikes.trains()] for spikes in samples])
    assert len(np.unique(firsts)) == 18
    again = poisson_batch(30.0, None, samples=6, run=0.5, threads=2)
    assert all(
        np.array_equal(one.times, two.times) for one, two in zip(samples, again, strict=True)
    )
    net = Network(seed=4)
    net.stimulate(net.population(SpikeSource(), 3, name="source"), Poisson(rate=30.0), name="noise")
    net.probe(net.populations[0], "spikes")
    plain = Simulator(net, engine="event").run(0.6).spikes("source").times
    assert_array_equal(samples[0].times, plain[plain > 0.1])


@pytest.mark.parametrize("model", [LIF(threshold=9e-3), CubaLIF(threshold=9e-3)])
def test_currents_that_stay_round_nothing(model):
    """A unit whose current is given again, or changes for others alone, does bit for bit what it
    does undisturbed.
    """
    times = np.arange(1, 60) * 0.7e-3
    others = np.linspace(2e-3, 30e-3, times.size)

    def values(stimulus, replacing=None):
        net = Network(seed=4)
        units = net.population(model, 2, name="units", initial={"v": 3.3e-3})
        net.stimulate(units, stimulus, name="current")
        net.probe(units, "v", every=0.1e-3)
        simulator = Simulator(net, engine="event")
        first = simulator.run(20.3e-3)
        if replacing is None:
            parts = first, simulator.run(20.7e-3)
        else:
            parts = first, simulator.run(20.7e-3, inputs={"current": [replacing]}, batch=1)[0]
        return np.concatenate([part.samples("units", "v").values for part in parts])

    plain = Step([0.0], [[13.7e-3, 5e-3]])
    alone = values(plain)[:, 0]
    moved = values(Step([0.0, *times], np.stack([np.full(60, 13.7e-3), [5e-3, *others]], axis=1)))
    assert_array_equal(moved[:, 0], alone)
    assert not np.array_equal(moved[:, 1], values(plain)[:, 1])
    assert_array_equal(values(plain, Step([0.0], [[13.7e-3, 25e-3]]))[:, 0], alone)
    assert_array_equal(
        values(plain, Step([0.0, 30e-3], [[13.7e-3, 1e-3], [13.7e-3, 9e-3]]))[:, 0], alone
    )


def test_a_run_of_no_time_changes_no_batch():
    """Time 0 is the present before and after it."""
    net = Network(seed=4)
    net.stimulate(net.population(SpikeSource(), 3, name="source"), Poisson(rate=90.0), name="noise")
    fresh, stopped = Simulator(net, engine="event"), Simulator(net, engine="event")
    stopped.run(0.0)
    others = {"noise": [Poisson(rate=40.0), Poisson(rate=50.0)]}
    for inputs in (None, others):
        hashes = [
            [part.hash for part in made.run(0.2, inputs=inputs, batch=2).samples]
            for made in (fresh, stopped)
        ]
        assert hashes[0] == hashes[1]
        assert hashes[0][0] != hashes[0][1]


def test_save_and_load(tmp_path):
    """A loaded simulation goes on as the saved one, with spikes in flight and trains half drawn."""
    net = network()
    net.stimulate(net.populations[0], Poisson(rate=50.0, weight=1e-3))
    net.stimulate(net.populations[1], Step([0.03, 0.12], [16e-3, 3e-3]))
    net.probe(net.populations[0], "counts", every=30e-3)
    simulator = Simulator(net, engine="event")
    simulator.run(0.1001)
    simulator.save(tmp_path / "saved")
    expected, resumed = simulator.run(0.1), Simulator.load(tmp_path / "saved").run(0.1)
    assert resumed.hash == expected.hash
    assert_array_equal(resumed.spikes("inh").times, expected.spikes("inh").times)
    assert_array_equal(resumed.counts("exc"), expected.counts("exc"))


# Recording


def test_traces_are_exact_at_their_times():
    """v and g at multiples of the interval equal the closed forms, also while refractory."""
    net, model = Network(), CubaLIF(threshold=1.0)
    cells = net.population(model, 2, name="cells")
    net.stimulate(cells, SpikeTrain([0.01], [1], weight=5e-3))
    for variable in ("v", "g_e"):
        net.probe(cells, variable, every=0.7e-3, ids=[1])
    result = Simulator(net, engine="event").run(0.05)
    elapsed = np.maximum(result.times - 0.01, 0.0)
    current = 5e-3 * np.exp(-elapsed / model.tau_excitatory) * (result.times >= 0.01)
    decays = np.exp(-elapsed / model.tau_excitatory) - np.exp(-elapsed / model.tau)
    assert result.times[0] == 0.7e-3
    assert len(result.times) == 71
    assert result.trace("cells", "g_e")[:, 0] == pytest.approx(current, abs=1e-17)
    expected = 5e-3 * decays / (1 - model.tau / model.tau_excitatory)
    assert result.trace("cells", "v")[:, 0] == pytest.approx(expected, abs=1e-17)


def test_counts_rates_and_weights(whole):
    """They agree with the spikes, also across a cut inside an interval."""
    net = network()
    exc = net.populations[0]
    net.probe(exc, "counts", every=20e-3)
    net.probe(exc, "rate", every=10e-3)
    net.probe(net.projections[0], "weights")
    simulator = Simulator(net, engine="event")
    pieces = [simulator.run(duration) for duration in (0.033, 0.117, 0.05)]
    counts = np.concatenate([piece.counts("exc") for piece in pieces])
    assert_array_equal(counts, whole.spikes("exc").binned(20e-3))
    rates = np.concatenate([piece.rate("exc") for piece in pieces])
    assert_array_equal(rates, whole.spikes("exc").binned(10e-3).sum(axis=1) / (80 * 10e-3))
    projection = net.projections[0]
    weights = np.concatenate([piece.weights(projection.name) for piece in pieces])
    assert weights.shape[0] == 2
    assert_array_equal(weights[0], simulator.weights(projection))
