"""Stimuli that take the place of others in a batch: they begin at the present, whatever the others
did before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from potentia import Network, Simulator
from potentia.errors import NetworkError, ParameterError
from potentia.models import LIF, CobaLIF, SpikeSource
from potentia.sim import Constant, Noise, Poisson, SpikeTrain, Step
from potentia.sim.description.inputs import Stimulus

DT = 1e-4  # [s]
ENGINES = pytest.mark.parametrize("engine", ["clock", "event"])


def sources(n, stimulus, engine="clock", backend="auto", **options):
    """A simulator of `n` sources under one stimulus called "in", whose spikes are recorded."""
    net = Network(seed=11)
    cells = net.population(SpikeSource(), n, name="cells")
    net.stimulate(cells, stimulus, name="in")
    net.probe(cells, "spikes")
    return Simulator(
        net, engine=engine, backend=backend, dt=DT if engine == "clock" else None, **options
    )


@ENGINES
def test_poisson_trains_begin_at_the_present(engine):
    """After 0.1 s of silence, four samples of 300 units at 100 Hz for 0.5 s: each the right number,
    none alike.
    """
    simulator = sources(300, Poisson(rate=0.0), engine)
    simulator.run(0.1)
    samples = simulator.run(0.5, inputs={"in": [Poisson(rate=100.0)] * 4}).samples
    trains = [sample.spikes("cells").trains() for sample in samples]
    for own in trains:
        counts = np.array([train.size for train in own])
        lost = 100 * DT / 2 * (engine == "clock")  # two spikes of one source in one step are one
        assert counts.mean() == pytest.approx(50 * (1 - lost), abs=5 * np.sqrt(50 / 300))
        first = np.array([train[0] for train in own]) - 0.1
        assert first.min() > 0
        # one mean interval
        assert first.mean() == pytest.approx(0.01, abs=5 * 0.01 / np.sqrt(300) + DT)
    for k, one in enumerate(trains):
        for other in trains[:k]:
            assert np.mean([a[0] == b[0] for a, b in zip(one, other, strict=True)]) < 0.1


def test_engines_draw_the_same_trains_after_a_run():
    """A train that begins at 0.1 s is the same on every grid and on none, to half a step."""
    spikes = {}
    for engine in ("clock", "event"):
        simulator = sources(40, Poisson(rate=30.0), engine)
        simulator.run(0.1)
        samples = simulator.run(0.5, inputs={"in": [Poisson(rate=20.0)] * 2}).samples
        spikes[engine] = [sample.spikes("cells").trains() for sample in samples]
    for clock, event in zip(spikes["clock"], spikes["event"], strict=True):
        for grid, exact in zip(clock, event, strict=True):
            early = exact[exact < 0.6 - DT]
            nearest = grid[np.abs(grid[:, None] - early).argmin(axis=0)]
            np.testing.assert_allclose(nearest, early, rtol=0, atol=1.01 * DT)


def test_no_draw_is_used_twice(backend):
    """The intervals after the present are not those from the beginning, in the
    first sample either.
    """
    simulator = sources(50, Poisson(rate=50.0), backend=backend.name)
    before = simulator.run(0.2).spikes("cells").trains()
    (sample,) = simulator.run(0.2, inputs={"in": [Poisson(rate=50.0)]}).samples
    after = sample.spikes("cells").trains()
    same = [
        np.isclose(a[0], b[0] - 0.2, atol=DT)
        for a, b in zip(before, after, strict=True)
        if a.size and b.size
    ]
    assert len(same) > 40
    assert np.mean(same) < 0.1


@ENGINES
def test_samples_go_their_own_ways(engine):
    """Without other stimuli, the first sample is the run that would follow; the others share no
    spike with it.
    """
    simulator = sources(60, Poisson(rate=20.0), engine)
    simulator.run(0.1)
    samples = [sample.spikes("cells") for sample in simulator.run(0.3, batch=3).samples]
    rest = simulator.run(0.3).spikes("cells")
    np.testing.assert_array_equal(samples[0].times, rest.times)
    np.testing.assert_array_equal(samples[0].ids, rest.ids)
    firsts = [
        np.array([train[0] if train.size else -k - 1.0 for train in own.trains()])
        for k, own in enumerate(samples)
    ]
    for k, one in enumerate(firsts):
        for other in firsts[:k]:
            assert np.mean(one == other) < 0.1


def listed(times):
    return SpikeTrain(times, np.zeros(len(times), int))


@ENGINES
def test_spikes_of_a_list_come_at_their_times(engine):
    """Whatever the old list did: of a new one what lies before the present is past, all else comes,
    once.
    """
    for old in ([1e-3, 2e-3, 3e-3, 150e-3], [], [99e-3] * 3, [0.3, 0.4]):
        simulator = sources(2, listed(old), engine)
        simulator.run(0.1)
        new = [5e-3, 0.1, 0.1 + 0.3 * DT, 0.103, 0.11, 0.12, 0.1999]
        first, second = simulator.run(0.1, inputs={"in": [listed(new), listed(new[5:])]}).samples
        # the next point of the grid: that nearest to it is past
        soon = 0.1 + DT if engine == "clock" else new[2]
        np.testing.assert_allclose(
            first.spikes("cells").times, [soon, *new[3:]], rtol=0, atol=1e-12
        )
        np.testing.assert_allclose(second.spikes("cells").times, new[5:], rtol=0, atol=1e-12)
        rest = simulator.run(0.1).spikes("cells").times  # the simulator itself keeps its list
        np.testing.assert_allclose(rest, [t for t in old if 0.1 < t <= 0.2], rtol=0, atol=1e-12)


@ENGINES
def test_at_the_beginning_it_is_as_if_described_so(engine):
    """A batch before any run gives what simulators with these stimuli give, spikes at time 0
    included.
    """
    for stimulus in (listed([0.0, 4e-3, 9e-3]), Poisson(rate=300.0)):
        plain = sources(2, stimulus, engine).run(0.02)
        placeholder = listed([7e-3]) if isinstance(stimulus, SpikeTrain) else Poisson(rate=3.0)
        (sample,) = sources(2, placeholder, engine).run(0.02, inputs={"in": [stimulus]}).samples
        assert len(plain.spikes("cells")) > 2
        assert sample.hash == plain.hash


def test_rooms_agree_after_a_run(room):
    """The spikes of replaced and of kept inputs, bit for bit."""
    hashes = []
    for backend in ("reference", room):
        net = Network(seed=3)
        cells = net.population(LIF(), 5, name="cells")
        net.stimulate(cells, Poisson(rate=200.0, weight=6e-3), name="noise")
        net.stimulate(cells, listed([1e-3, 60e-3]), name="list")
        net.probe(cells, "spikes")
        simulator = Simulator(net, backend=backend, dtype="float64")
        simulator.run(0.05)
        batch = simulator.run(0.1, inputs={"list": [listed([2e-3, 0.06, 0.07]), listed([0.08])]})
        hashes.append([sample.hash for sample in batch.samples])
        assert all(len(sample.spikes("cells")) > 3 for sample in batch.samples)
    assert hashes[0] == hashes[1]


@ENGINES
def test_other_constants_leave_changing_currents_alone(engine):
    """The drive is the sum of the new constants and of the steps, in each sample."""
    net = Network()
    cells = net.population(LIF(threshold=1.0), 2, name="cells")
    net.stimulate(cells, Constant(1e-3), name="constant")
    net.stimulate(cells, Constant(2e-3), name="kept")
    net.stimulate(cells, Step([10e-3], [[4e-3, 5e-3]]), name="step")
    net.probe(cells, "v", every=1e-3)
    simulator = Simulator(net, engine=engine)
    simulator.run(0.02)
    batch = simulator.run(0.3, inputs={"constant": [Constant(1e-3), Constant([3e-3, -1e-3])]})
    for sample, constant in zip(batch.samples, ([1e-3, 1e-3], [3e-3, -1e-3]), strict=True):
        expected = np.array(constant) + 2e-3 + [4e-3, 5e-3]
        # 15 time constants: all but 3e-7 of the way, and rounding in float32 stops 200 steps of
        # 6e-8 below
        np.testing.assert_allclose(sample.trace("cells", "v")[-1], expected, rtol=2e-5)


@dataclass(frozen=True)
class Countdown(Stimulus):
    """A stimulus of a user's own: one spike to unit 0 after `wait` steps; it keeps how many are
    left.
    """

    wait: int
    room: int = 1

    kernel: ClassVar[str] = "countdown_step"
    goes: ClassVar[str] = "receptor"

    def arguments(self, n, dt):
        return {"wait": self.wait}

    def flow(self, n):
        return {"passed": ("int64", (self.room,), 0)}


def countdown_step(wait, passed, receiving):
    passed[0] += 1
    if passed[0] == wait:
        receiving[0] += 1.0
    return 1


@pytest.mark.parametrize("threads", [1, 2])
def test_a_stimulus_of_ones_own_begins_anew(processor, threads, monkeypatch):
    monkeypatch.setattr(Countdown, "kernel", staticmethod(countdown_step))
    simulator = sources(1, Countdown(30), backend=processor, threads=threads)
    simulator.run(20 * DT)
    samples = simulator.run(
        40 * DT, inputs={"in": [Countdown(5), Countdown(25), Countdown(41)]}
    ).samples
    times = [sample.spikes("cells").times / DT for sample in samples]
    np.testing.assert_allclose(np.concatenate(times), [25, 45], atol=1e-6)
    with pytest.raises(
        ParameterError, match=r"Countdown.flow: must keep 'passed' in the shape \(1,\).*\(2,\)"
    ):
        simulator.run(DT, inputs={"in": [Countdown(5, room=2)]})


@ENGINES
def test_a_replacement_is_checked_like_the_first(engine):
    """Conductances below 0 and ids beyond the population are refused before
    anything is simulated.
    """
    simulator = sources(2, listed([1e-3]), engine)
    with pytest.raises(ParameterError, match=r"SpikeTrain.ids: .*< 2 \(got 2\)"):
        simulator.run(0.01, inputs={"in": [listed([1e-3]), SpikeTrain([1e-3], [2])]})


@pytest.mark.parametrize(
    "pair",
    [
        (Poisson(rate=1.0), Poisson(rate=1.0, weight=[1.0, -1.0])),
        (listed([1e-3]), SpikeTrain([1e-3], [0], -1.0)),
    ],
    ids=["poisson", "list"],
)
def test_conductances_below_zero_are_refused_in_a_batch(pair):
    first, other = pair
    net = Network()
    cells = net.population(CobaLIF(), 2, name="cells")
    net.stimulate(cells, first, name="in", receptor="inhibitory")
    simulator = Simulator(net)
    with pytest.raises(
        ParameterError, match=r"weights of in must be >= 0, .*conductance.*\(got -1\)"
    ):
        simulator.run(0.01, inputs={"in": [first, other]})


def test_noise_differs_between_samples_after_a_run():
    net = Network(seed=4)
    cells = net.population(LIF(threshold=1.0), 20, name="cells")
    net.stimulate(cells, Noise(std=5e-3, interval=1e-3), name="in")
    net.probe(cells, "v")
    simulator = Simulator(net)
    simulator.run(0.05)
    one, two = (sample.trace("cells", "v")[-1] for sample in simulator.run(0.1, batch=2).samples)
    assert abs(np.corrcoef(one, two)[0, 1]) < 0.9
    np.testing.assert_array_equal(one, simulator.run(0.1).trace("cells", "v")[-1])


def nudge_step(receiving, told, level):
    receiving[0] += level


@pytest.mark.parametrize(
    ("level", "anew", "rule"),
    [
        (None, {}, "the constant 'level' must be a number or numbers"),
        ("much", {}, "the constant 'level' must be a number or numbers"),
        (1e-3, None, "anew: must return a dictionary"),
        (1e-3, {"told": [1, 2, 3]}, "'told', if it is there, fits the shape"),
    ],
)
def test_what_stimuli_of_ones_own_return_is_checked(level, anew, rule):
    class Nudge(Stimulus):
        kernel, goes = nudge_step, "receptor"

        def arguments(self, n, dt):
            return {"level": level}

        def flow(self, n):
            return {"told": ("int64", (1,), 0)}

        def anew(self, n, dt, step):
            return anew

    net = Network()
    net.stimulate(net.population(LIF(), 2), Nudge(), name="nudge")
    with pytest.raises((NetworkError, ParameterError), match=rule):
        Simulator(net).run(1e-3, inputs={"nudge": [Nudge()]})
