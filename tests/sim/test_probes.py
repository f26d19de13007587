"""What probes record agrees with each other, and with the spikes."""

import numpy as np
import pytest

from potentia import Network, Simulator
from potentia.learning import STDP
from potentia.models import LIF
from potentia.sim import Constant, FixedProbability, Ideal, Poisson


@pytest.fixture(scope="module")
def result():
    net = Network(seed=7)
    units = net.population(LIF(), 30, name="units")
    net.stimulate(units, Constant(np.linspace(14e-3, 30e-3, 30)))
    net.probe(units, "spikes")
    net.probe(units, "counts", every=10e-3)
    net.probe(units, "rate", every=5e-3)
    net.probe(units, "v", every=2e-3, ids=[29, 3])
    simulator = Simulator(net, dt=1e-4, dtype="float64", chunk=37)
    simulator.run(0.0123)  # so that the recorded span begins off every interval
    return simulator.run(0.2)


def test_counts_are_the_spikes_of_each_interval(result):
    """An interval holds the spikes at its end, not at its beginning; the first ends at 20 ms."""
    samples, spikes = result.samples("units", "counts"), result.spikes("units")
    assert samples.times == pytest.approx(np.arange(2, 22) * 10e-3)
    edges = np.concatenate([[0.0], samples.times])
    for k in range(1, 20):
        inside = (spikes.times > edges[k] + 1e-9) & (spikes.times <= edges[k + 1] + 1e-9)
        assert np.array_equal(samples.values[k], np.bincount(spikes.ids[inside], minlength=30))


def test_rate_is_the_mean_of_the_counts(result):
    """Two intervals of the rate make one of the counts."""
    rate, counts = result.rate("units"), result.counts("units")
    begin = int(np.argmin(np.abs(result.samples("units", "rate").times - 25e-3)))
    pairs = rate[begin : begin + 36].reshape(-1, 2).mean(axis=1)
    assert pairs == pytest.approx(counts[1:19].sum(axis=1) / (30 * 10e-3))


def test_traces_are_sampled_at_multiples_of_their_interval(result):
    samples = result.samples("units", "v")
    assert samples.times == pytest.approx(np.arange(7, 107) * 2e-3)
    assert samples.ids.tolist() == [29, 3]
    assert samples.unit == "V"
    refractory = (result.trace("units", "v") == 0.0).sum(axis=0)
    assert refractory[0] > refractory[1] > 0  # unit 29 is driven harder, fires more often and is reset more often


def test_weights_are_those_of_the_store():
    """The last sample is what the simulator holds; learning has moved the weights apart."""
    net = Network(seed=3)
    units = net.population(LIF(), 20, name="units")
    net.stimulate(units, Poisson(rate=400.0, weight=6e-3))
    synapses = net.connect(units, units, FixedProbability(0.3), weight=1e-4, store=Ideal(), rule=STDP())
    net.probe(synapses, "weights", every=50e-3)
    simulator = Simulator(net, dt=1e-4)
    result = simulator.run(0.2)
    samples = result.samples(synapses.name, "weights")
    assert samples.times == pytest.approx([0.05, 0.1, 0.15, 0.2])
    assert np.array_equal(samples.values[-1], simulator.weights(synapses))
    assert len(np.unique(samples.values[-1])) > 10
    assert samples.values.shape[1] == simulator.plan.synapses[synapses.name].n
