"""The spikes of a network depend on its description, its seed and dt, and on nothing else."""

import pytest

from potentia import Network, Simulator
from potentia.models import LIF, SpikeSource
from potentia.sim import Constant, FixedProbability, Noise, Normal, Poisson, SpikeTrain, Uniform

DURATION = 0.1


def network(*, probes: bool = True, seed: int = 3) -> Network:
    """A small active network with every kind of randomness."""
    net = Network(seed=seed)
    exc = net.population(LIF(), 200, name="exc")
    inh = net.population(LIF(tau=10e-3), 50, name="inh")
    net.connect(
        exc, inh, FixedProbability(0.2), weight=Normal(0.6e-3, 0.2e-3), delay=Uniform(0.5e-3, 3e-3)
    )
    net.connect(inh, exc, FixedProbability(0.2), weight=-2e-3, delay=1e-3)
    net.connect(exc, exc, FixedProbability(0.1), weight=0.4e-3, delay=Uniform(0.1e-3, 2e-3))
    net.stimulate(exc, Constant(14e-3))
    net.stimulate(exc, Poisson(rate=300.0, weight=1e-3), name="background")
    net.stimulate(inh, Noise(mean=12e-3, std=10e-3))
    if probes:
        for population in (exc, inh):
            net.probe(population, "spikes")
            net.probe(population, "rate")
            net.probe(population, "v", every=0.7e-3)
        net.probe(exc, "counts", every=20e-3)
    return net


@pytest.fixture(scope="module")
def plain() -> str:
    """The hash of the whole run in one shard; the network must be active for it to
    mean anything.
    """
    result = Simulator(network(), dt=1e-4, threads=1).run(DURATION)
    assert len(result.spikes("exc")) > 200
    assert len(result.spikes("inh")) > 50
    return result.hash


@pytest.mark.parametrize("chunk", [1, 7, 1000])
def test_hash_does_not_depend_on_the_chunk(plain, chunk):
    assert Simulator(network(), dt=1e-4, chunk=chunk).run(DURATION).hash == plain


def test_hash_does_not_depend_on_probes(plain):
    assert Simulator(network(probes=False), dt=1e-4).run(DURATION).hash == plain


def test_hash_does_not_depend_on_the_cut(plain):
    simulator = Simulator(network(), dt=1e-4)
    shards = [simulator.run(duration) for duration in (0.03, 0.0, 0.0501, 0.0199)]
    assert shards[-1].hash == plain


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("batch", [1, 3, 8])
def test_batch_samples_do_not_depend_on_batch_or_threads(plain, threads, batch):
    """Sample 0 of any batch is the plain run, and sample k is the same in every
    batch that has it.
    """
    results = Simulator(network(), dt=1e-4, threads=threads).run(DURATION, batch=batch)
    alone = Simulator(network(probes=False), dt=1e-4, threads=1).run(DURATION, batch=8)
    assert results[0].hash == plain
    assert [sample.hash for sample in results.samples] == [
        sample.hash for sample in alone.samples[:batch]
    ]
    assert len({sample.hash for sample in results.samples}) == batch


def test_seed_changes_the_spikes(plain):
    assert Simulator(network(seed=4), dt=1e-4).run(DURATION).hash != plain


def test_batch_inputs_equal_single_runs():
    """A batch over spike trains gives each sample what a simulator with that train alone gives."""
    trains = [SpikeTrain([k * 1e-3, 5e-3], [k, 2], weight=20e-3) for k in range(4)]

    def build(train: SpikeTrain) -> Network:
        net = Network(seed=1)
        neurons = net.population(LIF(), 5, name="neurons")
        net.stimulate(neurons, train, name="drive")
        net.probe(neurons, "spikes")
        return net

    batch = Simulator(build(trains[0]), dt=1e-4).run({"drive": trains}, batch=4)
    assert batch[3].stop == pytest.approx(5e-3)
    for train, sample in zip(trains, batch.samples, strict=True):
        alone = Simulator(build(train), dt=1e-4).run(5e-3)
        assert sample.hash == alone.hash
        assert sample.spikes("neurons").ids.tolist() == alone.spikes("neurons").ids.tolist()


def test_a_batch_over_constants_gives_the_f_i_curve():
    """Sample k sees its own constant current: rates ascend from zero below the threshold."""
    net = Network()
    neurons = net.population(LIF(refractory=0.0), 1, name="neurons")
    net.stimulate(neurons, Constant(0.0), name="current")
    net.probe(neurons, "spikes")
    levels = [Constant(value) for value in (10e-3, 16e-3, 20e-3, 40e-3)]
    spikes = [
        len(sample.spikes("neurons"))
        for sample in Simulator(net).run(0.5, inputs={"current": levels}).samples
    ]
    assert spikes[0] == 0
    assert spikes[0] < spikes[1] < spikes[2] < spikes[3]


def test_a_silent_network_jumps_to_the_next_input():
    """Spikes and traces are the same whether the loop jumps over silence or, with noise of size 0,
    may not.
    """

    def spikes(keep_awake: bool) -> tuple[str, list[float]]:
        net = Network()
        neurons = net.population(LIF(), 2, name="neurons")
        net.connect(neurons, neurons, FixedProbability(1.0), weight=5e-3, delay=20e-3)
        net.stimulate(neurons, SpikeTrain([10e-3, 5.0, 9.0], [0, 1, 0], weight=16e-3))
        net.probe(neurons, "v", every=1.0)
        if keep_awake:
            net.stimulate(neurons, Noise(std=0.0))
        result = Simulator(net, dt=1e-3).run(10.0)
        return result.hash, result.trace("neurons", "v").tolist()

    assert spikes(False) == spikes(True)


def test_poisson_trains_are_the_same_on_any_grid_and_in_any_precision():
    """After an hour the spikes of two grids, two precisions and no grid at all still agree, to half
    a step.
    """

    def times(**options: object) -> list[float]:
        net = Network(seed=9)
        source = net.population(SpikeSource(), 1, name="source")
        net.stimulate(source, Poisson(rate=1.0 / 7.0))
        net.probe(source, "spikes")
        return Simulator(net, **options).run(3600.0).spikes("source").times.tolist()

    exact = times(engine="event")
    assert len(exact) > 400
    assert (
        times(dt=1e-3, dtype="float32")
        == times(dt=1e-3, dtype="float64")
        == pytest.approx(exact, abs=0.51e-3)
    )
    assert times(dt=5e-4) == pytest.approx(exact, abs=0.26e-3)
