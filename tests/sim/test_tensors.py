"""Backend "torch" runs what the cpu runs, in double precision with the same spikes."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from potentia import Network, Simulator
from potentia.errors import ParameterError, UnsupportedError
from potentia.learning import STDP
from potentia.models import (
    IF,
    LIF,
    AdaptiveLIF,
    AdEx,
    AlphaLIF,
    CobaLIF,
    CubaLIF,
    EscapeLIF,
    Izhikevich,
    LeakyRate,
    RateSource,
    SpikeSource,
)
from potentia.sim import (
    AllToAll,
    Constant,
    Conv2d,
    FixedProbability,
    FixedTotal,
    NeuronModel,
    Noise,
    Normal,
    Poisson,
    Procedural,
    SpikeTrain,
    Step,
    TimedArray,
    Uniform,
)

DT = 1e-4
STRENGTH = {AlphaLIF: 8e-3, CobaLIF: 0.4, AdEx: 10e-3, Izhikevich: 8e-3, CubaLIF: 30e-3}
MODELS = [IF, LIF, AdaptiveLIF, AlphaLIF, CubaLIF, CobaLIF, AdEx, EscapeLIF, Izhikevich]


def circle(model=LIF, *, seed=3, delay=1e-3):
    """Poisson spikes into units that reach each other, and units that these reach."""
    network, weight = Network(seed=seed), STRENGTH.get(model, 4e-3)
    source = network.population(SpikeSource(), 20, name="source")
    units = network.population(model(), 40, name="units")
    after = network.population(LIF(refractory=1e-3), 10, name="after")
    network.stimulate(source, Poisson(rate=80.0), name="in")
    receptor = units.model.receptors[0]
    network.connect(
        source, units, FixedProbability(0.5), weight=weight, delay=Uniform(DT, 2e-3), name="w"
    )
    network.connect(
        units, units, FixedProbability(0.1), weight=weight / 4, delay=3e-4, receptor=receptor
    )
    network.connect(units, after, AllToAll(), weight=Normal(3e-3, 1e-3), delay=delay)
    if model not in (IF, Izhikevich):
        network.stimulate(units, Noise(mean=2e-3, std=2e-3, interval=1e-3))
    for part in (source, units, after):
        network.probe(part, "spikes")
    network.probe(units, "v", every=5e-4, ids=[0, 3, 7])
    network.probe(after, "counts", every=7e-3)
    network.probe(units, "rate", every=2e-3, ids=[1, 2])
    network.probe(after, "rate")
    return network


def both(network, seconds, **options):
    """What the cpu and torch make of a network in two runs."""
    results = []
    for backend in ("cpu", "torch"):
        simulator = Simulator(network, dt=DT, backend=backend, dtype="float64", **options)
        results.append([simulator.run(part) for part in seconds])
    return zip(*results, strict=True)


def same(here, there):
    """Equal spikes and counts; potentials may differ by rounding."""
    assert here.hash == there.hash
    assert here.tallies == there.tallies
    for name, spikes in here.spike_records.items():
        assert np.array_equal(spikes.times, there.spike_records[name].times)
        assert np.array_equal(spikes.ids, there.spike_records[name].ids)
    for name, samples in here.sample_records.items():
        other = there.sample_records[name]
        assert np.array_equal(samples.times, other.times)
        assert np.allclose(samples.values, other.values, rtol=1e-9, atol=1e-12), name


@pytest.mark.filterwarnings("ignore::potentia.errors.PotentiaWarning")
@pytest.mark.parametrize("model", MODELS)
def test_every_model_has_the_spikes_of_the_cpu(model):
    for here, there in both(circle(model), (0.05, 0.021)):
        same(here, there)
        assert len(here.spikes("units").times) > 10


@pytest.mark.filterwarnings("ignore::potentia.errors.PotentiaWarning")
def test_chunks_change_nothing():
    one, other = (
        Simulator(circle(), dt=DT, backend="torch", dtype="float64", chunk=chunk)
        for chunk in (1000, 7)
    )
    same(one.run(0.03), other.run(0.03))


@pytest.mark.filterwarnings("ignore::potentia.errors.PotentiaWarning")
def test_a_state_does_not_tell_in_how_many_runs_it_was_reached():
    """To the last bit, what lies behind the ends of lists too."""
    made = [Simulator(circle(), dt=DT, backend="torch", chunk=chunk) for chunk in (1000, 70)]
    made[0].run(0.03)
    for seconds in (0.011, 0.019):
        made[1].run(seconds)
    one, other = (simulator._engine.snapshot() for simulator in made)
    assert one.keys() == other.keys()
    for name, array in one.items():
        np.testing.assert_array_equal(array, other[name], err_msg=name)


def test_a_probe_of_a_list_is_refused():
    """Of the refractory the cpu keeps a list, tensors a number for each unit."""
    network = circle()
    network.probe(network.populations[1], "resting")
    told = (
        r"'torch' has no variable 'resting' of 'units' that a probe could see, only v, left; choose"
    )
    with pytest.raises(UnsupportedError, match=told):
        Simulator(network, dt=DT, backend="torch")


def test_numbers_and_currents_have_the_spikes_of_the_cpu():
    network = Network(seed=5)
    numbers = network.population(RateSource(), 12, name="numbers")
    rates = network.population(LeakyRate(tau=5e-3), 9, name="rates", initial={"r": 0.3})
    units = network.population(LIF(refractory=np.linspace(0.0, 3e-3, 8)), 8, name="units")
    network.stimulate(numbers, Step([0.0, 5e-3], [[0.4], [1.1]]))
    network.stimulate(numbers, TimedArray(np.linspace(0, 1, 60).reshape(5, 12), interval=3e-3))
    network.stimulate(rates, Constant(np.linspace(-1, 1, 9)))
    network.connect(numbers, rates, FixedProbability(0.4), weight=0.3, delay=1e-3)
    network.connect(rates, rates, FixedProbability(0.3), weight=-0.2, delay=Uniform(DT, 1e-3))
    network.connect(rates, units, AllToAll(), weight=6e-3, delay=2e-4)
    network.connect(units, rates, AllToAll(), weight=0.05, delay=5e-4)
    network.probe(rates, "r")
    network.probe(units, "spikes")
    for here, there in both(network, (0.04, 0.013)):
        same(here, there)
        assert len(here.spikes("units").times) > 10


def test_synapses_that_are_drawn_again_have_the_spikes_of_the_cpu():
    network = Network(seed=5)
    source = network.population(SpikeSource(), 30, name="source")
    units = network.population(LIF(), 20, name="units")
    network.stimulate(source, Poisson(rate=50.0))
    network.connect(
        source, units, FixedTotal(400), weight=Normal(4e-3, 1e-3), store=Procedural(), delay=1e-3
    )
    network.probe(units, "spikes")
    for here, there in both(network, (0.05, 0.02)):
        same(here, there)


@pytest.mark.filterwarnings("ignore::potentia.errors.PotentiaWarning")
def test_the_samples_of_a_batch_are_those_of_the_cpu():
    network = circle()
    network.stimulate(network.populations[0], SpikeTrain([1e-3, 2e-3], [0, 1]), name="train")
    rng = np.random.default_rng(1)
    trains = [SpikeTrain(rng.uniform(0, 0.03, 40), rng.integers(0, 20, 40)) for _ in range(5)]
    runs = []
    for backend in ("cpu", "torch"):
        simulator = Simulator(network, dt=DT, backend=backend, dtype="float64")
        simulator.run(4e-3)
        runs.append(simulator.run(0.03, inputs={"train": trains}))
        rest = simulator.run(0.03, inputs={"train": trains[3:]}, first=3)
        same(rest[1], runs[-1][4])
    for here, there in zip(*runs, strict=True):
        same(here, there)


@pytest.mark.filterwarnings("ignore::potentia.errors.PotentiaWarning")
def test_a_simulator_goes_on_from_what_the_cpu_saved(tmp_path):
    cpu = Simulator(circle(), dt=DT, backend="cpu", dtype="float64")
    cpu.run(0.013)
    cpu.save(tmp_path / "state")
    other = Simulator.load(tmp_path / "state", backend="torch")
    same(cpu.run(0.02), other.run(0.02))
    other.save(tmp_path / "state")
    same(cpu.run(0.01), Simulator.load(tmp_path / "state", backend="cpu").run(0.01))


@pytest.mark.filterwarnings("ignore::potentia.errors.PotentiaWarning")
def test_what_is_set_counts_from_then_on():
    made = [Simulator(circle(), dt=DT, backend=b, dtype="float64") for b in ("cpu", "torch")]
    results = []
    for simulator in made:
        simulator.run(0.01)
        simulator.set("units", v=3e-3, threshold=12e-3)
        simulator.set("w", weights=simulator.weights("w") * 1.3)
        simulator.stimulate("in", Poisson(rate=120.0))
        results.append(simulator.run(0.02))
        simulator.reset()
        results[-1] = (results[-1], simulator.run(0.01))
    for here, there in zip(*results, strict=True):
        same(here, there)


def never_step(v, drive, fired):
    """Nobody fires."""
    return 0


@dataclass(frozen=True, kw_only=True)
class Mine(NeuronModel):
    """Units of a user's own without a form on tensors."""

    kernel: ClassVar = staticmethod(never_step)
    state: ClassVar = {"v": "float"}
    receptors: ClassVar = ("jump",)

    def constants(self, dt):
        return {}


def test_a_model_without_a_kernel_on_tensors_is_named():
    network = Network()
    network.population(Mine(), 3, name="mine")
    with pytest.raises(UnsupportedError, match=r"'torch' has no kernel for Mine.*'mine'"):
        Simulator(network, dt=DT, backend="torch")


def test_sums_in_whole_numbers_are_refused():
    with pytest.raises(ParameterError, match="deterministic"):
        Simulator(circle(), dt=DT, backend="torch", deterministic=True)


@pytest.mark.filterwarnings("ignore::potentia.errors.PotentiaWarning")  # of arrivals in one step
@pytest.mark.parametrize("joins", ["list", "kernel", "learned"])
def test_sources_fire_at_every_arrival_whatever_its_weight(joins):
    """Also where weights that arrive in one step cancel, or are no whole numbers."""
    outcomes = []
    for backend in ("cpu", "torch"):
        network = Network(seed=1)
        image = network.population(SpikeSource(), 16, name="image")
        pooled = network.population(SpikeSource(), 9, name="pooled")
        if joins == "kernel":
            kernel = np.array([[1.0, -1.0], [0.5, 2.0]])[None, None]
            network.connect(image, pooled, Conv2d(kernel, input_shape=(1, 4, 4)), delay=1e-3)
        else:
            weights = np.resize([1.0, -1.0, 0.5, 2.0], 144)
            rule = STDP(w_min=-2.0, w_max=2.0) if joins == "learned" else None
            network.connect(image, pooled, AllToAll(), weight=weights, delay=1e-3, rule=rule)
        times = [1e-3] * 4 + [2e-3] * 3
        network.stimulate(image, SpikeTrain(times, [0, 1, 2, 3, 5, 6, 10]))
        result = Simulator(network, dt=1e-3, backend=backend, dtype="float64").run(6e-3)
        outcomes.append((result.hash, result.tallies))
    assert outcomes[0] == outcomes[1]
    assert outcomes[0][1]["pooled.merged"] > 0
