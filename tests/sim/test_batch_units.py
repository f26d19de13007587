"""Distributions and numbers for each unit in batches: what a run makes of them,
sample by sample.
"""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from potentia import Network, Simulator
from potentia.errors import ParameterError
from potentia.learning import STDP
from potentia.models import LIF, CubaLIF
from potentia.sim import (
    Constant,
    FixedProbability,
    Noise,
    Normal,
    Poisson,
    SpikeTrain,
    Step,
    TimedArray,
    Uniform,
)
from potentia.sim.description.drawn import drawn_stimulus

DURATION = 50e-3
WAYS = {
    "event": {"engine": "event", "threads": 2},
    "clock": {"dt": 1e-4, "dtype": "float64", "threads": 2},
    "reference": {"dt": 1e-4, "dtype": "float64", "backend": "reference"},
}
DRAWN = {
    "lif": LIF(
        threshold=Normal(14e-3, 1e-3), tau=Uniform(15e-3, 25e-3), refractory=Uniform(0, 3e-3)
    ),
    "cuba": CubaLIF(tau=Uniform(15e-3, 25e-3), refractory=Uniform(0, 3e-3)),
}


def network(stimulus, model="lif", n=6, rule=None):
    """Units that differ in what they are, how they begin and what drives them."""
    net = Network(seed=5)
    own = DRAWN[model] if isinstance(model, str) else model
    cells = net.population(own, n, name="cells", initial={"v": Uniform(0, 10e-3)})
    net.stimulate(cells, stimulus, name="x")
    net.stimulate(cells, Constant(np.linspace(14e-3, 18e-3, n)), name="base")
    net.connect(
        cells,
        cells,
        FixedProbability(0.4),
        weight=Uniform(0, 1e-3),
        delay=Uniform(1e-3, 2e-3),
        rule=rule,
        name="loop",
    )
    net.probe(cells, "spikes")
    net.probe(cells, "v", every=1e-3)
    return net


def levels(n, k):
    return np.linspace(0, 5e-3, n) + k * 1e-3


LISTED = {
    "constants": lambda n, k: Constant(levels(n, k)),
    "drawn constants": lambda n, k: Constant(Normal((2 + k) * 1e-3, 1e-3)),
    "steps": lambda n, k: Step(
        [0.0, 10e-3, 30e-3], np.stack([0 * levels(n, k), levels(n, k)] * 2)[:3]
    ),
    "an array": lambda n, k: TimedArray(np.stack([levels(n, k), levels(n, 2)]), interval=20e-3),
    "spikes": lambda n, k: SpikeTrain([5e-3, (6 + k) * 1e-3], [0, n - 1], weight=[5e-3, 6e-3]),
}
RANDOM = {
    "noises": lambda n, k: Noise(mean=levels(n, k), std=levels(n, 1), interval=1e-3),
    "drawn noises": lambda n, k: Noise(mean=Normal(k * 1e-3, 1e-3), std=2e-3, interval=1e-3),
    "trains": lambda n, k: Poisson(rate=1e5 * levels(n, k), weight=levels(n, 1)),
    "drawn trains": lambda n, k: Poisson(rate=Uniform(100.0, 300.0 + k), weight=Normal(1e-3, 1e-4)),
}


def assert_equal(one, other):
    assert one.hash == other.hash
    np.testing.assert_array_equal(one.trace("cells", "v"), other.trace("cells", "v"))


@pytest.mark.parametrize(
    ("how", "model"),
    [
        ("event", "lif"),
        ("event", "cuba"),
        ("clock", "lif"),
        ("clock", "cuba"),
        ("reference", "lif"),
    ],
)
@pytest.mark.parametrize("kind", [*LISTED, *RANDOM])
@pytest.mark.parametrize("n", [1, 6])
def test_a_sample_is_a_run_with_these_numbers(how, model, kind, n):
    """Each sample draws for itself; what is then simulated is the network with those numbers, for
    streams of random numbers the same sample of a batch of it.
    """
    stimuli = [(LISTED | RANDOM)[kind](n, k) for k in range(3)]
    made = Simulator(network(stimuli[0], model, n), **WAYS[how])
    batch = made.run(DURATION, inputs={"x": stimuli})
    for k in range(3):
        numbers = drawn_stimulus(made.network, made.network.inputs[0], stimuli[k], k)
        alone = Simulator(network(numbers, model, n), **WAYS[how])
        single = alone.run(DURATION) if kind in LISTED else alone.run(DURATION, batch=1, first=k)[0]
        assert_equal(single, batch[k])
    potentials = [sample.trace("cells", "v").tobytes() for sample in batch]
    assert len(set(potentials)) == 3


FORMS = {
    "constants": (Constant(1e-3), Constant, 2e-3),
    "trains": (
        Poisson(rate=100.0, weight=2e-3),
        lambda value: Poisson(rate=value, weight=2e-3),
        300.0,
    ),
    "noises": (Noise(std=1e-3, interval=1e-3), lambda value: Noise(std=value, interval=1e-3), 2e-3),
}


@pytest.mark.parametrize("how", ["event", "clock"])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("n", [1, 6])
def test_one_number_is_as_many_equal_ones(how, form, n):
    """Also where the description has one number and a sample as many as units, in the middle of
    everything.
    """
    described, of, value = FORMS[form]
    made = Simulator(network(described, n=n), **WAYS[how])
    made.run(20e-3)
    for stimulus in (of(value), described):
        one, each = (
            made.run(DURATION, inputs={"x": [given] * 2})
            for given in (stimulus, of(np.full(n, getattr(stimulus, _field(form)))))
        )
        for here, there in zip(one, each, strict=True):
            assert_equal(here, there)


def _field(form):
    return {"constants": "value", "trains": "rate", "noises": "std"}[form]


@pytest.mark.parametrize("how", ["event", "clock"])
def test_what_was_set_or_saved_holds_in_batches(how, tmp_path):
    """Parameters that were set from a distribution are those of a network described so, and a
    simulator that was saved or pickled draws none of them anew.
    """
    law, given = Normal(14e-3, 1e-3), [Constant(2e-3), Constant(Uniform(0, 1e-3))]
    described = Simulator(network(Constant(1e-3), LIF(threshold=law)), **WAYS[how])
    changed = Simulator(network(Constant(1e-3), LIF()), **WAYS[how])
    changed.set("cells", threshold=law)
    for one, other in zip(
        *(made.run(DURATION, inputs={"x": given}) for made in (described, changed)), strict=True
    ):
        assert_equal(one, other)
    learning = Simulator(network(Poisson(rate=Uniform(100, 300)), rule=STDP()), **WAYS[how])
    learning.run(20e-3)
    learning.save(tmp_path / "saved")
    copies = [Simulator.load(tmp_path / "saved"), pickle.loads(pickle.dumps(learning))]
    trains = [Poisson(rate=Uniform(50.0, 300.0), weight=2e-3)] * 3
    expected = learning.run(DURATION, inputs={"x": trains}, learn="sum")
    for copy in copies:
        result = copy.run(DURATION, inputs={"x": trains}, learn="sum")
        for one, other in zip(expected, result, strict=True):
            assert_equal(one, other)
        np.testing.assert_array_equal(copy.weights("loop"), learning.weights("loop"))


@pytest.mark.parametrize("how", ["event", "clock"])
def test_what_a_sample_draws_is_checked(how):
    made = Simulator(network(Poisson(rate=100.0)), **WAYS[how])
    words = "^Poisson.rate: must be >= 0 Hz .*; drawn for input 'x': rate from Normal"
    with pytest.raises(ParameterError, match=words):
        made.run(DURATION, inputs={"x": [Poisson(rate=100.0), Poisson(rate=Normal(0.0, 100.0))]})
    words = r"^Poisson.rate: must be one number or one per unit \(6\)"
    with pytest.raises(ParameterError, match=words):
        made.run(DURATION, inputs={"x": [Poisson(rate=np.full(5, 100.0))]})
