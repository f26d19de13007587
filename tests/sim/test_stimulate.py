"""Another stimulus between runs: from then on the simulation is that of a network with it, and it
can be saved.
"""

import copy
import pickle

import numpy as np
import pytest

from potentia import Network, Simulator
from potentia.errors import NetworkError, ParameterError
from potentia.models import LIF, CubaLIF, SpikeSource
from potentia.sim import Constant, Events, Noise, OneToOne, Poisson, SpikeTrain, Step, TimedArray
from potentia.tests.sim.test_broken_runs import Interrupt, same, state

WAYS = {
    "one thread": {"threads": 1, "chunk": 37},
    "two threads": {"threads": 2},
    "float64": {"dtype": "float64"},
    "whole numbers": {"deterministic": True},
    "reference": {"backend": "reference"},
    "event": {"engine": "event"},
}
every_way = pytest.mark.parametrize("how", WAYS.values(), ids=WAYS)
STIMULI = {
    "constant": (Constant(16e-3), Constant(20e-3)),
    "one per unit": (Constant(16e-3), Constant(np.linspace(10e-3, 30e-3, 8))),
    "one for all": (Constant(np.linspace(10e-3, 30e-3, 8)), Constant(20e-3)),
    "step": (Step([0.0], [16e-3]), Step([0.0, 5e-3, 25e-3], [20e-3, 30e-3, 10e-3])),
    "array": (
        TimedArray([[16e-3]] * 30, interval=1e-3),
        TimedArray(np.full((40, 8), 22e-3), interval=1e-3),
    ),
    "train": (
        SpikeTrain([1e-3], [0], 9e-3),
        SpikeTrain(np.arange(1, 40) * 1e-3, np.arange(39) % 8, 20e-3),
    ),
    "poisson": (
        Poisson(rate=100.0, weight=4e-3),
        Poisson(rate=np.linspace(500.0, 2000.0, 8), weight=4e-3),
    ),
    "events": (
        Events([0], [0], [1e-3], width=2, height=2),
        Events([1, 0], [1, 0], [2e-3, 9e-3], width=2, height=2, weight=20e-3),
    ),
}


def network(stimulus):
    net = Network(seed=3)
    cells, others = (
        net.population(LIF(), 8, name="cells"),
        net.population(CubaLIF(), 8, name="others"),
    )
    net.connect(cells, others, OneToOne(), weight=5e-3, name="joined")
    net.stimulate(cells, stimulus, name="given")
    net.stimulate(cells, Constant(5e-3), name="constant")
    net.stimulate(others, Constant(17e-3), name="drive")
    for part in (cells, others):
        net.probe(part, "spikes")
        net.probe(part, "v", every=1e-3)
    return net


@every_way
@pytest.mark.parametrize("kind", STIMULI)
def test_at_the_beginning_it_is_that_of_a_network_made_so(kind, how):
    first, other = STIMULI[kind]
    simulator, made = Simulator(network(first), **how), Simulator(network(other), **how)
    simulator.stimulate("given", other)
    one, two = state(simulator), state(made)
    assert one == two
    result = simulator.run(30e-3)
    same(result, made.run(30e-3))
    assert np.ptp(result.trace("cells", "v")) > 0
    simulator.reset()
    same(simulator.run(30e-3), Simulator(network(other), **how).run(30e-3))


@every_way
@pytest.mark.parametrize("kind", [kind for kind in STIMULI if kind not in ("poisson",)])
def test_on_the_way_its_past_is_past(kind, how):
    """A sample of a batch that gets it at this time is the oracle."""
    first, other = STIMULI[kind]
    simulator, batch = Simulator(network(first), **how), Simulator(network(first), **how)
    for made in (simulator, batch):
        made.run(10e-3)
    simulator.stimulate("given", other)
    expected = batch.run(20e-3, inputs={"given": other}).samples[0]
    same(simulator.run(20e-3), expected)
    assert simulator.network.inputs[0].stimulus is other


@every_way
def test_poisson_trains_begin_anew(how):
    simulator = Simulator(network(Poisson(rate=0.0, weight=4e-3)), **how)
    batch = Simulator(network(Poisson(rate=0.0, weight=4e-3)), **how)
    for made in (simulator, batch):
        made.run(10e-3)
    simulator.stimulate("given", Poisson(rate=3000.0, weight=4e-3))
    expected = batch.run(20e-3, inputs={"given": Poisson(rate=3000.0, weight=4e-3)}).samples[0]
    result = simulator.run(20e-3)
    same(result, expected)
    assert len(result.spikes("cells")) > 10


@every_way
def test_what_it_was_given_is_saved_copied_and_pickled(how, tmp_path):
    """The lists of events, too, of which a saved state must be."""
    simulator = Simulator(network(STIMULI["train"][0]), **how)
    simulator.run(5e-3)
    simulator.stimulate("given", STIMULI["train"][1])
    simulator.stimulate("drive", Constant(np.linspace(15e-3, 25e-3, 8)))
    simulator.run(5e-3)
    simulator.save(tmp_path / "saved")
    twins = [
        Simulator.load(tmp_path / "saved"),
        copy.deepcopy(simulator),
        pickle.loads(pickle.dumps(simulator)),
    ]
    expected = simulator.run(20e-3)
    assert len(expected.spikes("cells")) > 10
    for twin in twins:
        same(twin.run(20e-3), expected)


def test_another_noise():
    made = [
        Simulator(network(Noise(std=std, interval=1e-3)), dtype="float64") for std in (1e-3, 5e-3)
    ]
    made[0].stimulate("given", Noise(std=5e-3, interval=1e-3))
    same(made[0].run(30e-3), made[1].run(30e-3))


def test_on_a_gpu(gpu):
    for kind in ("one per unit", "train"):
        first, other = STIMULI[kind]
        simulator, made = (
            Simulator(network(first), backend=gpu),
            Simulator(network(other), backend=gpu),
        )
        simulator.stimulate("given", other)
        same(simulator.run(20e-3), made.run(20e-3))


@pytest.mark.parametrize("how", [WAYS["two threads"], WAYS["event"]], ids=str)
def test_again_and_again_and_in_batches(how):
    """By the part that was described, though another one is in its place."""
    net = Network(seed=3)
    source = net.population(SpikeSource(), 4, name="source")
    given = net.stimulate(source, SpikeTrain([1e-3], [0]), name="given")
    net.probe(source, "spikes")
    simulator = Simulator(net, **how)
    for k in range(4):
        simulator.stimulate(given, SpikeTrain([(k + 0.5) * 10e-3], [k]))
        assert simulator.run(10e-3).spikes("source").ids.tolist() == [k]
    simulator.stimulate(given, SpikeTrain([45e-3], [2]))
    found = simulator.run(10e-3, batch=2).samples
    assert [sample.spikes("source").ids.tolist() for sample in found] == [[2], [2]]


@pytest.mark.parametrize("how", [WAYS["two threads"], WAYS["event"]], ids=str)
def test_an_interrupt_changes_nothing(how):
    simulator = Simulator(network(STIMULI["train"][0]), **how)
    simulator.run(5e-3)
    other = STIMULI["train"][1]
    with Interrupt() as count:
        copy.deepcopy(simulator).stimulate("given", other)
    before, interrupted = state(simulator), 0
    for place in np.linspace(1, max(count.passed // 4, 20), 15).astype(int):
        try:
            with Interrupt(place):
                simulator.stimulate("given", other)
        except KeyboardInterrupt:
            interrupted += 1
            assert state(simulator) == before
            assert simulator.network.inputs[0].stimulus is not other
        else:
            break
    assert interrupted > 2


@every_way
def test_what_does_not_fit_is_told(how):
    net = network(STIMULI["train"][0])
    simulator = Simulator(net, **how)
    before = state(simulator)
    for part, stimulus, error, told in (
        ("given", Poisson(rate=1.0), ParameterError, r"'given' takes a SpikeTrain \(got Poisson\)"),
        ("given", SpikeTrain([1e-3], [9]), ParameterError, r"every index must be >= 0 and < 8"),
        (
            "given",
            7.0,
            ParameterError,
            "Simulator.stimulate stimulus: must be a Stimulus such as Constant",
        ),
        ("drive", Constant(np.zeros(3)), ParameterError, "must be one number or one per unit"),
        (
            "drivel",
            Constant(1.0),
            NetworkError,
            "no input is called 'drivel'; did you mean 'drive'",
        ),
        (net.populations[0], Constant(1.0), NetworkError, "is not a input|is not an input"),
    ):
        with pytest.raises(error, match=told):
            simulator.stimulate(part, stimulus)
    assert state(simulator) == before
