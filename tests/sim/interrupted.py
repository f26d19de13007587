"""One network with everything in it, run in several ways, for tests of what breaks a run off."""

import numpy as np

from potentia import Network, Simulator
from potentia.learning import STDP
from potentia.models import LIF, CubaLIF, SpikeSource
from potentia.sim import Constant, FixedProbability, Poisson, SpikeTrain, Uniform

EVENT = {"engine": "event"}
CLOCKS = {
    "one thread": {"chunk": 37, "threads": 1},
    "two threads": {"chunk": 37, "threads": 2},
    "float64": {"chunk": 10, "dtype": "float64"},
    "whole numbers": {"chunk": 37, "deterministic": True},
    "reference": {"chunk": 10, "backend": "reference"},
}
TENSORS = {"chunk": 37, "backend": "torch"}
WAYS = {**CLOCKS, "tensors": TENSORS, "event": EVENT}


def network(*, learns: bool = True) -> Network:
    """Active, with delays, refractory times, trains given and drawn, weights that learn, and every
    kind of probe.
    """
    net = Network(seed=5)
    source, cells = (
        net.population(SpikeSource(), 40, name="source"),
        net.population(LIF(), 60, name="cells"),
    )
    others = net.population(CubaLIF(refractory=np.linspace(0, 3e-3, 50)), 50, name="others")
    rule = STDP() if learns else None
    net.connect(
        source,
        cells,
        FixedProbability(0.3),
        weight=2e-3,
        delay=Uniform(1e-3, 4e-3),
        rule=rule,
        name="in",
    )
    net.connect(cells, others, FixedProbability(0.2), weight=1e-3, delay=1.5e-3)
    net.connect(others, cells, FixedProbability(0.2), weight=-1e-3, delay=2e-3)
    rng = np.random.default_rng(1)
    net.stimulate(
        source,
        SpikeTrain(np.sort(rng.uniform(0, 0.2, 900)), rng.integers(0, 40, 900)),
        name="train",
    )
    net.stimulate(cells, Poisson(rate=600.0, weight=2e-3), name="noise")
    net.stimulate(others, Constant(18e-3))
    for part in net.populations:
        net.probe(part, "spikes")
    net.probe(cells, "v", every=1e-3)
    net.probe(others, "counts", every=7e-3)
    net.probe(net.projections[0], "weights", every=5e-3)
    return net


def simulator(how, *, learns=True):
    """At 10 ms, in the middle of everything."""
    made = Simulator(network(learns=learns and not how.get("deterministic")), **how)
    made.run(10e-3)
    return made


def state(made):
    return {name: array.tobytes() for name, array in made._engine.snapshot().items()}


def same(one, other):
    """Whether two results are equal to the last bit, records and all."""
    assert (one.start, one.stop, one.hash, one.tallies) == (
        other.start,
        other.stop,
        other.hash,
        other.tallies,
    )
    for name, spikes in one.spike_records.items():
        np.testing.assert_array_equal(spikes.times, other.spike_records[name].times)
        np.testing.assert_array_equal(spikes.ids, other.spike_records[name].ids)
    for name, samples in one.sample_records.items():
        np.testing.assert_array_equal(samples.times, other.sample_records[name].times)
        np.testing.assert_array_equal(samples.values, other.sample_records[name].values)
