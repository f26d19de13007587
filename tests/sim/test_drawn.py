"""Parameters drawn from distributions: by seed, population and field alone, and checked like
arrays.
"""

import copy
import pickle
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest
from scipy import stats

from potentia import Network, Simulator
from potentia.errors import ParameterError
from potentia.models import LIF, AdEx, CubaLIF
from potentia.sim import (
    Choice,
    Constant,
    Distribution,
    Events,
    NeuronModel,
    Noise,
    Normal,
    OneToOne,
    Poisson,
    SpikeTrain,
    Uniform,
)
from potentia.sim.description.drawn import drawn

THRESHOLD, CURRENT = Normal(15e-3, 1e-3), Normal(18e-3, 2e-3)


def network(seed=3, name="cells", first=None, **fields):
    net = Network(seed=seed)
    if first is not None:
        net.population(LIF(threshold=first), 5, name="first")
    cells = net.population(
        LIF(**{"threshold": THRESHOLD, "tau": Uniform(10e-3, 30e-3), **fields}), 40, name=name
    )
    net.stimulate(cells, Constant(CURRENT))
    net.stimulate(cells, Poisson(rate=Uniform(50.0, 300.0), weight=Choice((1e-3, 3e-3))))
    net.connect(cells, cells, OneToOne(), weight=Normal(1e-3, 1e-4), delay=2e-3)
    net.probe(cells, "spikes")
    return net


def model_of(net, name="cells"):
    return {part.name: part.model for part in drawn(net).populations}[name]


def test_values_follow_the_distribution_one_per_unit():
    net = Network(seed=1)
    net.population(LIF(threshold=THRESHOLD, reset=-2e-3), 20_000, name="cells")
    model = model_of(net)
    assert model.threshold.shape == (20_000,)
    assert stats.kstest(model.threshold, "norm", (15e-3, 1e-3)).pvalue > 1e-4
    assert (model.reset, model.tau) == (-2e-3, 20e-3)
    assert net.populations[0].model.threshold is THRESHOLD  # the description stays as it was given


def test_they_hang_on_seed_name_and_field_alone():
    one = model_of(network())
    assert np.array_equal(one.threshold, model_of(network(first=Normal(12e-3, 1e-3))).threshold)
    assert np.array_equal(one.threshold, model_of(network(tau=20e-3, refractory=0.0)).threshold)
    assert not np.array_equal(one.threshold, model_of(network(seed=4)).threshold)
    assert not np.array_equal(one.threshold, model_of(network(name="others"), "others").threshold)
    both = model_of(network(tau=Uniform(0.01, 0.02), refractory=Uniform(0.01, 0.02)))
    assert not np.array_equal(both.tau, both.refractory)


@pytest.mark.parametrize(
    "how",
    [{}, {"threads": 2}, {"backend": "reference"}, {"dtype": "float64"}, {"engine": "event"}],
    ids=str,
)
def test_a_run_is_that_of_the_same_numbers_given_as_arrays(how):
    """On every engine and backend; after saving, pickling and copying; the second run too."""
    net = network()
    sim, given = Simulator(net, **how), Simulator(drawn(net), **how)
    first = sim.run(0.05)
    assert len(first.spikes("cells")) > 0
    assert first.hash == given.run(0.05).hash
    again = [pickle.loads(pickle.dumps(sim)), copy.deepcopy(sim)]
    expected = given.run(0.03).hash
    assert {one.run(0.03).hash for one in (sim, *again)} == {expected}


def test_a_saved_simulator_keeps_the_distributions(tmp_path):
    net = network()
    sim = Simulator(net)
    sim.run(0.02)
    sim.save(tmp_path / "s")
    loaded = Simulator.load(tmp_path / "s")
    assert str(loaded.network) == str(sim.network) == str(net)
    assert "threshold=Normal(mean=0.015, sd=0.001)" in str(net)
    assert loaded.run(0.03).hash == sim.run(0.03).hash


def test_a_batch_draws_a_stimulus_of_its_own_for_each_sample():
    """One stimulus for all is drawn once; a list of them anew for each."""
    net = network()
    sim = Simulator(net)
    current = net.inputs[0].name
    shared = sim.run(0.05, inputs={current: Constant(CURRENT)}, batch=2)
    own = sim.run(0.05, inputs={current: [Constant(CURRENT)] * 2})
    assert shared[0].hash == sim.run(0.05, batch=1)[0].hash  # the one described
    assert own[0].hash != shared[0].hash
    assert (
        own.hash
        == Simulator(network(), threads=1).run(0.05, inputs={current: [Constant(CURRENT)] * 2}).hash
    )


def test_stimuli_are_drawn_per_unit_and_spikes_per_spike():
    net = Network(seed=2)
    cells = net.population(LIF(), 3, name="cells")
    net.stimulate(cells, SpikeTrain([3e-3, 1e-3, 2e-3, 5e-3], [0, 1, 2, 0], Uniform(1.0, 2.0)))
    net.stimulate(
        cells,
        Events(x=[0, 1], y=[0, 0], t=[2e-3, 1e-3], width=2, height=1, weight=Uniform(1.0, 2.0)),
    )
    net.stimulate(cells, Noise(mean=Uniform(0.0, 1.0), std=Uniform(0.0, 1.0), interval=1e-3))
    train, events, noise = (part.stimulus for part in drawn(net).inputs)
    assert (train.weight.shape, events.weight.shape, noise.std.shape) == ((4,), (2,), (3,))
    assert len(set(train.weight)) == 4
    assert Simulator(net).run(0.01).stop == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            LIF(tau=Normal(1e-3, 1e-3)),
            r"LIF\.tau: must be > 0 s \(got '-.* at index \d+'\); drawn for population 'x'",
        ),
        (
            LIF(threshold=Normal(1e-3, 1e-3)),
            r"LIF\.reset: must be < .* at index \d+'\); drawn .*threshold from Normal",
        ),
        (
            LIF(reset=Uniform(0.0, 0.1)),
            r"LIF\.reset: must be < 0\.015 V .*drawn for population 'x': reset from Unif",
        ),
        (CubaLIF(refractory=Uniform(-1e-3, 1e-3)), r"CubaLIF\.refractory: must be >= 0 s"),
        (AdEx(onset=Normal(20e-3, 1e-3)), r"AdEx\.peak: must be >"),
    ],
)
def test_a_value_that_its_field_does_not_allow_is_refused(model, message):
    net = Network()
    net.population(model, 500, name="x")
    with pytest.raises(ParameterError, match=message) as caught:
        Simulator(net)
    assert "\n" not in str(caught.value)


def test_a_distribution_that_makes_no_numbers_is_refused():
    @dataclass(frozen=True)
    class Broken(Distribution):
        def sample(self, key, n):
            return np.full(n, np.nan)

    net = Network()
    net.population(LIF(tau=Broken()), 3)
    with pytest.raises(ParameterError, match=r"LIF\.tau: must be finite everywhere"):
        Simulator(net)


@dataclass(frozen=True, kw_only=True, eq=False)
class Own(NeuronModel):
    """Spikes at every step from `count` steps on."""

    level: Any = 1.0

    kernel: ClassVar = "lif_step"
    state: ClassVar = {"v": "float", "resting": "uint32", "left": "int32"}
    receptors: ClassVar = ("jump",)

    def constants(self, dt):
        return {"decay": 1.0, "coarse": 0, "threshold": self.level, "reset": -1.0, "hold_steps": 0}


def test_a_users_own_model_is_drawn_too():
    net = Network(seed=5)
    cells = net.population(Own(level=Choice((0.5, 1.5))), 20)
    net.stimulate(cells, SpikeTrain([1e-3] * 20, range(20), 1.0))
    net.probe(cells, "spikes")
    levels = drawn(net).populations[0].model.level
    fired = Simulator(net).run(2e-3).spikes(cells)
    assert set(fired.ids) == set(np.flatnonzero(levels == 0.5))


def test_without_distributions_the_network_stays_what_it_is():
    net = Network()
    net.population(LIF(tau=np.full(3, 20e-3)), 3)
    assert drawn(net) is net


def test_a_wrong_entry_of_an_array_is_named_with_the_nearest_good_one():
    net = Network()
    cells = net.population(LIF(), 3)
    net.connect(cells, cells, OneToOne(), weight=1.0, delay=np.array([1e-3, 1.16e-3, 2e-3]))
    told = r"multiple of dt = 0\.0001 s, at least one; the nearest is 0\.0012 s \(got '0\.00116 at index 1'\)"
    with pytest.raises(ParameterError, match=told):
        Simulator(net, dt=1e-4)
    with pytest.raises(ParameterError, match=r"LIF\.tau: must be > 0 s \(got '-1\.0 at index 2'\)"):
        LIF(tau=[1.0, 2.0, -1.0])
    with pytest.raises(
        ParameterError, match=r"times: must be >= 0 s everywhere \(got '-1\.0 at index 1'\)"
    ):
        SpikeTrain([0.0, -1.0], [0, 0])
