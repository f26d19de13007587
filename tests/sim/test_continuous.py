"""Stimuli without steps: noise currents on the event engine, and stimuli of a user's own on both
engines.
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from potentia import Network, Simulator
from potentia.errors import ParameterError, UnsupportedError
from potentia.models import LIF, SpikeSource
from potentia.sim import (
    Constant,
    HeldNoise,
    Noise,
    PiecewiseConstant,
    Poisson,
    PoissonProcess,
    SpikeTimes,
    SpikeTrain,
    Step,
    Stimulus,
)

DT = 1e-4
ENGINES = pytest.mark.parametrize(
    "engine", [{"dt": DT, "dtype": "float64"}, {"engine": "event"}], ids=["clock", "event"]
)


def noisy(model=None, n=5, interval=1e-3, every=1e-3):
    """Units under two noises, one of them per unit, a current that changes in between and a
    constant one.
    """
    net = Network(seed=8)
    cells = net.population(model or LIF(threshold=1.0), n, name="cells")
    net.stimulate(cells, Noise(mean=2e-3, std=4e-3, interval=interval), name="noise")
    net.stimulate(
        cells, Noise(mean=np.linspace(0, 1e-3, n), std=np.linspace(1e-3, 3e-3, n), interval=7e-4)
    )
    net.stimulate(cells, Step([2.5e-3, 11e-3], [4e-3, -1e-3]))
    net.stimulate(cells, Constant(3e-3))
    net.probe(cells, "v", every=every)
    net.probe(cells, "spikes")
    return net


def test_noise_is_the_same_current_on_both_engines():
    """A LIF is solved exactly on the clock while its current holds: potentials agree to rounding,
    at any time.
    """
    event = Simulator(noisy(), engine="event").run(0.05).trace("cells", "v")
    clock = Simulator(noisy(), dt=DT, dtype="float64").run(0.05).trace("cells", "v")
    assert np.ptp(event) > 1e-3
    np.testing.assert_allclose(event, clock, rtol=0, atol=1e-15)


def test_spikes_of_noise_are_those_of_the_clock_as_dt_shrinks():
    """The clock tells a spike at the end of its step, so it is late by at most dt, and less so
    after each spike.
    """
    model = LIF(threshold=3e-3, refractory=1e-3)
    event = Simulator(noisy(model), engine="event").run(0.1).spikes("cells")
    clock = Simulator(noisy(model), dt=1e-6, dtype="float64").run(0.1).spikes("cells")
    np.testing.assert_array_equal(event.counts(), clock.counts())
    assert len(event) > 20
    order = np.lexsort((event.times, event.ids)), np.lexsort((clock.times, clock.ids))
    assert np.abs(event.times[order[0]] - clock.times[order[1]]).max() < 1e-5


def test_noise_samples_of_a_batch_are_those_of_the_clock():
    """Every sample has a noise of its own, from the present on, in the middle of an
    interval too.
    """
    traces = []
    for options in ({"engine": "event"}, {"dt": DT, "dtype": "float64"}):
        simulator = Simulator(noisy(), **options)
        simulator.run(5.4e-3)
        traces.append(
            [sample.trace("cells", "v") for sample in simulator.run(0.02, batch=3).samples]
        )
    np.testing.assert_allclose(traces[0], traces[1], rtol=0, atol=1e-15)
    assert not np.array_equal(traces[0][0], traces[0][1])


@pytest.mark.parametrize("way", ["pickle", "save"])
def test_noise_goes_on_bit_for_bit(way, tmp_path):
    """Cut in the middle of an interval, and taken up by another simulator."""
    whole = Simulator(noisy(), engine="event").run(0.03)
    simulator = Simulator(noisy(), engine="event")
    first = simulator.run(0.0104)
    if way == "save":
        simulator.save(tmp_path / "state.h5")
        simulator = Simulator.load(tmp_path / "state.h5")
    else:
        simulator = pickle.loads(pickle.dumps(simulator))
    rest = simulator.run(0.0196)
    joined = np.concatenate([first.trace("cells", "v"), rest.trace("cells", "v")])
    np.testing.assert_array_equal(joined, whole.trace("cells", "v"))


def test_noise_that_draws_at_steps_needs_an_interval():
    net = Network()
    net.stimulate(net.population(LIF(), 1, name="cells"), Noise(std=1e-3))
    with pytest.raises(
        UnsupportedError, match=r"Noise.interval: must be given for engine='event'.*\(got None\)"
    ):
        Simulator(net, engine="event")
    net = Network()
    net.stimulate(net.population(LIF(), 1, name="cells"), Noise(std=1e-3, interval=1e-12))
    with pytest.raises(
        ParameterError, match=r"HeldNoise.interval: must be >= 1e-09 s \(got 1e-12\)"
    ):
        Simulator(net, engine="event")


def test_an_interval_beyond_all_runs_draws_once():
    """The end of an interval that begins late lies beyond int64 ticks: it never comes, and is no
    sum that wraps.
    """
    net = Network(seed=8)
    cells = net.population(LIF(threshold=1.0, tau=1e3), 2, name="cells")
    net.stimulate(cells, Noise(std=1.0, interval=5e3))
    net.probe(cells, "v", every=1e3)
    v = Simulator(net, engine="event").run(8.9e3).trace("cells", "v")
    clock = Simulator(net, dt=100.0, dtype="float64").run(8.9e3).trace("cells", "v")
    np.testing.assert_allclose(v, clock, rtol=1e-12)


def replaced(first, other, **options):
    """The same stimulus given at once, and in place of another one for one run."""
    net = Network(seed=3)
    cells = net.population(LIF(threshold=1.0), 2, name="cells")
    net.stimulate(cells, first, name="in")
    net.probe(cells, "v", every=1e-3)
    simulator = Simulator(net, **options)
    simulator.run(4.3e-3)
    return simulator.run(0.01, inputs={"in": [other]}).samples[0].trace("cells", "v")


def test_noise_in_place_of_another_is_that_of_the_clock():
    noises = Noise(std=1e-3, interval=1e-3), Noise(mean=2e-3, std=5e-3, interval=2e-3)
    event, clock = (
        replaced(*noises, **how) for how in ({"engine": "event"}, {"dt": DT, "dtype": "float64"})
    )
    np.testing.assert_allclose(event, clock, rtol=0, atol=1e-15)


@dataclass(frozen=True)
class Regular(Stimulus):
    """A stimulus of a user's own: a spike into unit 0 every `period` [s], `count` of them."""

    period: float
    count: int = 5

    kernel: ClassVar[str] = "spike_train_step"
    goes: ClassVar[str] = "receptor"
    weighs: ClassVar[tuple[str, ...]] = ("event_weights",)

    @property
    def times(self):
        return self.period * np.arange(1, self.count + 1)

    def train(self):
        return SpikeTrain(self.times, np.zeros(self.count, int))

    def arguments(self, n, dt):
        return self.train().arguments(n, dt)

    def flow(self, n):
        return self.train().flow(n)

    def event(self, n):
        return SpikeTimes(self.times, np.zeros(self.count, int))


@ENGINES
def test_a_stimulus_of_ones_own_runs_on_both_engines(engine):
    net = Network()
    cells = net.population(SpikeSource(), 3, name="cells")
    net.stimulate(cells, Regular(3e-3), name="in")
    net.probe(cells, "spikes")
    spikes = Simulator(net, **engine).run(0.1).spikes("cells")
    np.testing.assert_allclose(spikes.times, 3e-3 * np.arange(1, 6), rtol=0, atol=1e-12)
    assert spikes.ids.tolist() == [0] * 5
    batch = Simulator(net, **engine).run(0.1, inputs={"in": [Regular(3e-3), Regular(2e-3, 7)]})
    assert [len(sample.spikes("cells")) for sample in batch.samples] == [5, 7]


def own(told, goes="drive"):
    """A network under a stimulus of a user's own that says that it is `told`."""

    class Own(Stimulus):
        def event(self, n):
            return told

        def arguments(self, n, dt):
            return {}

    Own.kernel, Own.goes = "own_step", goes
    net = Network(seed=5)
    cells = net.population(LIF(threshold=1.0), 3, name="cells")
    net.stimulate(cells, Own(), name="in")
    net.probe(cells, "v", every=1e-3)
    return Simulator(net, engine="event").run(0.02).trace("cells", "v")


@pytest.mark.parametrize(
    ("told", "goes", "stimulus"),
    [
        (
            SpikeTimes([1e-3, 4e-3], [0, 2], [1e-3, 2e-3]),
            "receptor",
            SpikeTrain([4e-3, 1e-3], [2, 0], [2e-3, 1e-3]),
        ),
        (
            PoissonProcess(500.0, [1e-3, 0.0, 2e-3]),
            "receptor",
            Poisson(rate=500.0, weight=[1e-3, 0.0, 2e-3]),
        ),
        (
            PiecewiseConstant([1e-3], [[1e-3, 2e-3, 3e-3]]),
            "drive",
            Step([1e-3], [[1e-3, 2e-3, 3e-3]]),
        ),
        (
            HeldNoise(2e-3, std=[0.0, 1e-3, 2e-3]),
            "drive",
            Noise(std=[0.0, 1e-3, 2e-3], interval=2e-3),
        ),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else value,
)
def test_what_a_stimulus_says_is_what_it_does(told, goes, stimulus):
    """A stimulus that says it is a spike train, a Poisson process or a current does what that
    stimulus does.
    """
    net = Network(seed=5)
    cells = net.population(LIF(threshold=1.0), 3, name="cells")
    net.stimulate(cells, stimulus, name="in")
    net.probe(cells, "v", every=1e-3)
    known = Simulator(net, engine="event").run(0.02).trace("cells", "v")
    assert np.ptp(known) > 1e-4
    np.testing.assert_array_equal(own(told, goes), known)


@pytest.mark.parametrize(
    ("told", "goes", "error", "words"),
    [
        (
            None,
            "drive",
            UnsupportedError,
            "input 'in' is Own, which does not tell by Own.event what it is without",
        ),
        (
            3.0,
            "drive",
            ParameterError,
            r"Own.event: must return PiecewiseConstant or HeldNoise or None.*\(got 3.0\)",
        ),
        (
            PoissonProcess(1.0),
            "drive",
            ParameterError,
            "Own.event: must return PiecewiseConstant or HeldNoise",
        ),
        (
            HeldNoise(1e-3, 1.0),
            "receptor",
            ParameterError,
            "Own.event: must return SpikeTimes or PoissonProcess",
        ),
        (SpikeTimes([1e-3], [3]), "receptor", ParameterError, r"SpikeTimes.ids: .*< 3 \(got 3\)"),
        (
            PoissonProcess([1.0, 2.0]),
            "receptor",
            ParameterError,
            r"rate: must be one number or one per unit \(3\)",
        ),
        (
            PiecewiseConstant([0.0], [[1.0, 2.0]]),
            "drive",
            ParameterError,
            r"one column or one per unit \(3\)",
        ),
        (
            HeldNoise(1e-3, [1.0]),
            "drive",
            ParameterError,
            r"HeldNoise.std: must be one number or one per unit \(3\)",
        ),
    ],
)
def test_what_does_not_fit_is_refused(told, goes, error, words):
    with pytest.raises(error, match=words):
        own(told, goes)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: SpikeTimes([2e-3, 1e-3], [0, 0]), "SpikeTimes.times: must ascend"),
        (lambda: SpikeTimes([1e-3], [0, 1]), r"SpikeTimes.ids: must be as many as times \(1\)"),
        (
            lambda: SpikeTimes([1e-3], [0], [1.0, 2.0]),
            r"SpikeTimes.weight: must be one number or as many as times",
        ),
        (lambda: PoissonProcess(-1.0), "PoissonProcess.rate: must be >= 0"),
        (
            lambda: PiecewiseConstant([], np.zeros((0, 1))),
            r"PiecewiseConstant.values: must have one row per time \(0\)",
        ),
        (
            lambda: PiecewiseConstant([1.0, 0.0], [[1.0], [2.0]]),
            "PiecewiseConstant.times: must ascend",
        ),
        (lambda: HeldNoise(0.0, 1.0), "HeldNoise.interval: must be >= 1e-09 s"),
    ],
)
def test_what_cannot_be_is_refused(make, words):
    with pytest.raises(ParameterError, match=words):
        make()
