"""The event engine: exact spike times, the limit of the clock, and nothing that depends on how it is run."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from potentia import Network, Simulator
from potentia.errors import NetworkError, ParameterError, UnsupportedError
from potentia.learning import STDP
from potentia.models import IF, LIF, AdaptiveLIF, AdEx, CubaLIF, SpikeSource
from potentia.sim import (
    AllToAll,
    Constant,
    Events,
    Explicit,
    FixedProbability,
    NeuronModel,
    Noise,
    Normal,
    OneToOne,
    Poisson,
    SpikeTrain,
    Step,
    TimedArray,
    Uniform,
)
from potentia.sim.neuron import EventKernels

NEAR = 1e-12  # [s]


def spikes_of(model, *stimuli, duration=0.5, n=1, **probes):
    """Spike times of `n` units of a model under some stimuli."""
    net = Network()
    cells = net.population(model, n, name="cells")
    for stimulus in stimuli:
        net.stimulate(cells, stimulus)
    net.probe(cells, "spikes")
    return Simulator(net, engine="event").run(duration).spikes("cells").times


# Closed forms


def test_lif_period():
    """A constant drive fires every refractory + tau ln(d / (d - threshold)) seconds."""
    model = LIF(refractory=3e-3)
    first = model.tau * math.log(20 / 5)
    times = spikes_of(model, Constant(20e-3), duration=1.0)
    expected = first + np.arange(len(times)) * (first + 3e-3)
    assert len(times) == 32
    assert np.abs(times - expected).max() < NEAR


def test_integrator_period():
    """A ramp of i / C volts per second takes (threshold - reset) / ramp."""
    times = spikes_of(IF(refractory=1e-3), Constant(0.7), duration=1.0)
    expected = 15e-3 / 0.7 + np.arange(len(times)) * (15e-3 / 0.7 + 1e-3)
    assert len(times) > 40
    assert np.abs(times - expected).max() < NEAR


def test_adaptive_lif_follows_its_equations():
    """Spike by spike by bisection on the closed forms of v and a, which go on from spike to spike."""
    model, drive = AdaptiveLIF(), 30e-3
    got = spikes_of(model, Constant(drive), duration=0.5)
    v = a = now = 0.0
    for time in got[:12]:
        low, high = 0.0, 0.2
        while low < (middle := (low + high) / 2) < high:
            over = drive + (v - drive) * math.exp(-middle / model.tau)
            over -= a * math.exp(-middle / model.tau_adaptation) + model.threshold
            low, high = (low, middle) if over >= 0 else (middle, high)
        assert time == pytest.approx(now + high, abs=NEAR)
        a = a * math.exp(-(high + model.refractory) / model.tau_adaptation)
        a += model.increment * math.exp(-model.refractory / model.tau_adaptation)
        v, now = model.reset, time + model.refractory
    assert len(got) > 12


def test_spike_source_repeats_its_input():
    """Also at time 0, and twice only where the times differ."""
    times = np.array([0.0, 0.1234567890123, 0.3, 0.3, 0.5])
    assert_array_equal(spikes_of(SpikeSource(), SpikeTrain(times, np.zeros(5, int))), np.unique(times))


def test_changing_currents():
    """Step and TimedArray change the drive at their own times, off any grid; constants add to them."""
    drive, tau, start = 30e-3, 20e-3, 0.0123456
    expected = start + tau * math.log(drive / (drive - 15e-3))
    array = TimedArray([0.0, drive, drive, 0.0], start)
    assert spikes_of(LIF(), array, duration=0.05)[0] == pytest.approx(expected, abs=NEAR)
    early = 1e-3 * (1 - math.exp(-start / tau))  # what the constant current has done before the step
    expected = start + tau * math.log((drive - early) / (drive - 15e-3))
    step = Step([start, 0.1], [drive - 1e-3, -1.0])
    assert spikes_of(LIF(), step, Constant(1e-3), duration=0.05)[0] == pytest.approx(expected, abs=NEAR)
    assert len(spikes_of(LIF(), TimedArray([0.0, 0.0], 0.01), duration=0.2)) == 0


def test_arrivals_at_one_time_are_summed_first():
    """Two halves and an inhibition: what counts is the sum, whatever the paths by which it comes."""
    net = Network()
    source = net.population(SpikeSource(), 1, name="source")
    cells = net.population(LIF(), 2, name="cells")
    net.stimulate(source, SpikeTrain([0.01, 0.02], [0, 0]))
    for delay in (0.1, 0.2, 0.3):  # 0.01 + 0.3 and 0.02 + 0.29 are the same time, though not the same floats
        net.connect(source, cells, Explicit([0], [0]), weight=8e-3, delay=delay)
    net.connect(source, cells, Explicit([0], [0]), weight=8e-3, delay=0.29)
    net.connect(source, cells, Explicit([0, 0], [1, 1]), weight=[20e-3, -12e-3], delay=0.1)
    net.probe(cells, "spikes")
    spikes = Simulator(net, engine="event").run(0.5).spikes("cells")
    assert_array_equal(spikes.times, [0.31])
    assert_array_equal(spikes.ids, [0])


def test_refractory_time():
    """Input is ignored up to and including the end of the refractory time; currents go on meanwhile."""
    kicks = SpikeTrain([0.01, 0.0115, 0.012, 0.0121], [0] * 4, weight=16e-3)
    assert_array_equal(spikes_of(LIF(refractory=2e-3), kicks), [0.01, 0.0121])
    model = CubaLIF(refractory=5e-3)
    kick = SpikeTrain([0.0], [0], weight=0.3)
    first, second = spikes_of(model, kick, duration=0.03)[:2]
    with_less = CubaLIF(refractory=0.0)
    rest = SpikeTrain([0.0], [0], weight=0.3 * math.exp(-(first + 5e-3) / model.tau_excitatory))
    assert second - first - 5e-3 == pytest.approx(spikes_of(with_less, rest, duration=0.03)[0], abs=NEAR)


# Against other ways of computing


def network(*, model=None, drive=14e-3, weight=(0.4e-3, -2e-3), probes=True, grid=None, seed=3):
    """A small active network; on a grid of `grid` [s] if given, driven by spikes only."""
    net = Network(seed=seed)
    model = model or LIF()
    exc, inh = (net.population(model, n, name=name) for n, name in ((80, "exc"), (20, "inh")))
    source = net.population(SpikeSource(), 40, name="source")
    delay = Uniform(0.5e-3, 3e-3) if grid is None else 1.5e-3
    net.connect(exc, exc, FixedProbability(0.2), weight=weight[0], delay=delay)
    net.connect(exc, inh, FixedProbability(0.2), weight=Normal(weight[0], 0.1 * weight[0]), delay=3e-3)
    net.connect(inh, exc, FixedProbability(0.3), weight=weight[1], delay=1e-3)
    net.connect(source, exc, FixedProbability(0.2), weight=6 * weight[0], delay=1e-3)
    rng = np.random.default_rng(seed)
    times = rng.uniform(0.5e-3, 0.3, 2000)
    times = times if grid is None else np.rint(times / grid) * grid
    net.stimulate(source, SpikeTrain(times, rng.integers(0, 40, 2000)))
    if drive:
        net.stimulate(exc, Constant(drive * np.linspace(0.95, 1.1, 80)), name="drive")
    if probes:
        net.probe(exc, "spikes")
        net.probe(inh, "spikes")
    return net


def test_identical_to_the_clock_on_its_grid():
    """Delta synapses, delays, refractory times and inputs on the grid, no drive: spike for spike the same."""
    dt = 1e-4
    net = network(drive=0.0, weight=(1.1e-3, -2e-3), grid=dt)
    clock = Simulator(net, dt=dt, dtype="float64").run(0.3)
    event = Simulator(net, engine="event").run(0.3)
    for name in ("exc", "inh"):
        ours, theirs = event.spikes(name), clock.spikes(name)
        assert len(ours) > 30
        assert_array_equal(np.rint(ours.times / dt), np.rint(theirs.times / dt))
        assert_array_equal(ours.ids, theirs.ids)
        assert np.abs(ours.times - theirs.times).max() < 1e-15


@pytest.mark.parametrize(
    ("model", "drive", "weight"),
    [
        (IF(), 0.5, (0.4e-3, -2e-3)),
        (LIF(), 17e-3, (0.4e-3, -2e-3)),
        (CubaLIF(refractory=2e-3), 13e-3, (0.8e-3, -2e-3)),
    ],
    ids=["IF", "LIF", "CubaLIF"],
)
def test_clock_converges_to_event_at_first_order(model, drive, weight):
    """The clock puts a threshold crossing at the end of its step, half a step late on average: order 1 in dt.

    Feed-forward, so that no neuron hears another's error: the first spikes of 100 units under a constant drive and
    Poisson input that arrives on the grid of every dt. Measured orders: IF 1.05, LIF 1.06, CubaLIF 1.05.
    """
    net, n = Network(seed=5), 100
    cells = net.population(model, n, name="cells")
    rng = np.random.default_rng(1)
    times = np.rint(rng.uniform(0, 0.1, 3000) / 1e-3) * 1e-3
    weights = np.where(rng.random(3000) < 0.8, *weight)
    net.stimulate(cells, Constant(drive * np.linspace(0.95, 1.5, n)))
    for receptor, own in zip(model.receptors, (weights > 0, weights < 0), strict=False):
        chosen = own if len(model.receptors) > 1 else weights != 0
        train = SpikeTrain(times[chosen] + 1e-3, rng.integers(0, n, chosen.sum()), weights[chosen])
        net.stimulate(cells, train, receptor=receptor)
    net.probe(cells, "spikes")
    truth = firsts(Simulator(net, engine="event").run(0.1))
    steps = np.array([1e-3, 5e-4, 2.5e-4, 1.25e-4])
    errors = []
    for dt in steps:
        late = firsts(Simulator(net, dt=dt, dtype="float64").run(0.1)) - truth
        assert (late > -1e-12).all()
        assert (late < dt * (1 + 1e-9)).mean() > 0.9  # the others crossed and fell back inside one step
        errors.append(np.median(late))
    order = np.polyfit(np.log(steps), np.log(errors), 1)[0]
    print(f"{type(model).__name__}: median lateness {np.array(errors)} s, order {order:.2f}")
    assert order == pytest.approx(1.0, abs=0.2)


def firsts(result):
    """The first spike of every unit [s]."""
    spikes = result.spikes("cells")
    first = np.array([train[0] if train.size else np.nan for train in spikes.trains()])
    assert np.isfinite(first).all()
    return first


def test_against_brute_force_integration():
    """A recurrent network of CubaLIF, integrated in small steps with crossings found inside each step."""
    net, n, duration = Network(seed=2), 12, 0.12
    cells = net.population(CubaLIF(), n, name="cells")
    rng = np.random.default_rng(4)
    pre, post = (index.ravel() for index in np.indices((n, n)))
    weights, delays = rng.normal(0, 8e-3, n * n), rng.uniform(1e-3, 9e-3, n * n)
    up = weights > 0
    net.connect(cells, cells, Explicit(pre[up], post[up]), weight=weights[up], delay=delays[up])
    net.connect(cells, cells, Explicit(pre[~up], post[~up]), weight=weights[~up], delay=delays[~up])
    drive = np.linspace(9e-3, 20e-3, n)
    net.stimulate(cells, Constant(drive))
    net.probe(cells, "spikes")
    spikes = Simulator(net, engine="event").run(duration).spikes("cells")
    times, ids = integrate(drive, weights.reshape(n, n), delays.reshape(n, n), duration)
    assert len(spikes) == len(times) > 30
    assert_array_equal(spikes.ids, ids)
    assert np.abs(spikes.times - times).max() < 1e-9  # the error of each step adds up along the paths


def integrate(drive, weights, delays, duration, step=2e-5):
    """Spikes of a CubaLIF network (default parameters, all-to-all) by Runge-Kutta steps cut at every arrival."""
    model, n = CubaLIF(), len(drive)
    state, held, now = np.zeros((3, n)), np.full(n, -1.0), 0.0
    arrivals, spikes = [], []
    rates = np.array([1 / model.tau, 1 / model.tau_excitatory, 1 / model.tau_inhibitory])[:, None]

    def slope(state, free):
        change = -state * rates
        change[0] += (drive + state[1] + state[2]) / model.tau
        change[0] *= free
        return change

    def after(state, elapsed, free):
        k1 = slope(state, free)
        k2 = slope(state + elapsed / 2 * k1, free)
        k3 = slope(state + elapsed / 2 * k2, free)
        k4 = slope(state + elapsed * k3, free)
        return state + elapsed / 6 * (k1 + 2 * k2 + 2 * k3 + k4)

    while now < duration:
        arrivals.sort()
        edges = [now + step, duration, *held[held > now], *(arrivals[:1] and [arrivals[0][0]])]
        end = min(edge for edge in edges if edge > now)
        free = (held <= now).astype(float)
        new = after(state, end - now, free)
        crossed = np.flatnonzero(new[0] >= model.threshold)
        if crossed.size:  # go on only to the first crossing, found by bisection on the length of the step
            low, high = 0.0, end - now
            while low < (middle := (low + high) / 2) < high:
                over = (after(state, middle, free)[0] >= model.threshold).any()
                low, high = (low, middle) if over else (middle, high)
            end, new = now + high, after(state, high, free)
            for unit in np.flatnonzero(new[0] >= model.threshold):
                spikes.append((end, unit))
                new[0, unit], held[unit] = model.reset, end + model.refractory
                arrivals += [(end + delays[unit, k], k, weights[unit, k]) for k in range(n)]
            arrivals.sort()
        state, now = new, end
        while arrivals and arrivals[0][0] <= now:
            _, unit, weight = arrivals.pop(0)
            state[1 if weight > 0 else 2, unit] += weight
    return np.array([time for time, _ in spikes]), np.array([unit for _, unit in spikes])


def test_poisson_trains_are_those_of_the_clock():
    """Every interval is drawn by counter, so the two engines see the same trains, up to the step."""
    net = Network(seed=9)
    sources = net.population(SpikeSource(), 5, name="sources")
    net.stimulate(sources, Poisson(rate=np.array([0.0, 10.0, 20.0, 40.0, 80.0])))
    net.probe(sources, "spikes")
    event = Simulator(net, engine="event").run(2.0).spikes("sources")
    clock = Simulator(net, dt=1e-5, dtype="float64").run(2.0).spikes("sources")
    assert len(event) == len(clock) > 200
    for ours, theirs in zip(event.trains(), clock.trains(), strict=True):
        assert np.abs(ours - theirs).max(initial=0.0) < 0.5001e-5


def test_synaptic_paths_equal_dense_ones():
    """Every synapse with its own delay: each spike walks its chain of segments in order of delay."""
    net, n = Network(), 6
    pre, post = (index.ravel() for index in np.indices((n, n)))
    delays = np.random.default_rng(0).permutation(n * n) * 1.1e-3 + 1e-3
    sources, sinks = (net.population(SpikeSource(), n, name=name) for name in ("sources", "sinks"))
    net.stimulate(sources, SpikeTrain([0.01] * n, np.arange(n)))
    net.connect(sources, sinks, Explicit(pre, post), weight=1.0, delay=delays)
    net.probe(sinks, "spikes")
    spikes = Simulator(net, engine="event").run(0.1).spikes("sinks")
    order = np.argsort(delays)
    assert_array_equal(spikes.ids, post[order])
    assert np.abs(spikes.times - 0.01 - delays[order]).max() < 1e-15


# What must not matter


@pytest.fixture(scope="module")
def whole():
    """A run in one piece."""
    return Simulator(network(), engine="event").run(0.2)


@pytest.mark.parametrize("cuts", [(0.1, 0.1), (0.0, 0.0501, 0.0, 0.1499), (0.0123,) * 16 + (0.0032,)])
def test_cuts_do_not_matter(whole, cuts):
    simulator = Simulator(network(), engine="event")
    pieces = [simulator.run(duration) for duration in cuts]
    assert pieces[-1].hash == whole.hash
    assert simulator.time == pytest.approx(0.2, abs=1e-15)
    assert_array_equal(np.concatenate([piece.spikes("exc").times for piece in pieces]), whole.spikes("exc").times)


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
    assert len(results[1].spikes("exc")) < len(results[0].spikes("exc")) < len(results[2].spikes("exc"))
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
    assert not np.array_equal(first.spikes("source").trains()[1], second.spikes("source").trains()[1])


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


def test_idle_time_is_free():
    """An hour without events is no more work than a second."""
    assert_array_equal(spikes_of(LIF(), SpikeTrain([3599.0], [0], 20e-3), duration=3600.0), [3599.0])


def test_a_fast_population_fills_every_buffer():
    """More spikes than the buffers hold at once, and more in flight than the queue: nothing is lost."""
    net = Network()
    source = net.population(SpikeSource(), 3000, name="source")
    sink = net.population(SpikeSource(), 3000, name="sink")
    times = np.repeat(np.arange(1, 31) * 1e-3, 3000)
    net.stimulate(source, SpikeTrain(times, np.tile(np.arange(3000), 30)))
    net.connect(source, sink, OneToOne(), weight=1.0, delay=0.1)
    net.probe(source, "spikes")
    net.probe(sink, "spikes")
    result = Simulator(net, engine="event").run(0.2)
    assert np.abs(result.spikes("source").times - times).max() < 1e-15
    assert_array_equal(result.spikes("sink").ids, np.tile(np.arange(3000), 30))
    assert result.tallies["deliveries"] == 90_000


# Zero delays


def test_zero_delays_without_a_cycle():
    """A spike reaches the next population at its own time, summed with all else that arrives there then."""
    net = Network()
    last = net.population(LIF(), 1, name="last")
    middle = net.population(SpikeSource(), 1, name="middle")
    first = net.population(SpikeSource(), 1, name="first")
    net.stimulate(first, SpikeTrain([0.01], [0]))
    net.stimulate(last, SpikeTrain([0.01], [0], weight=8e-3))
    net.connect(first, middle, OneToOne(), weight=1.0, delay=0.0)
    net.connect(middle, last, OneToOne(), weight=8e-3, delay=0.0)
    net.connect(last, first, OneToOne(), weight=1.0, delay=5e-3)
    for population in net.populations:
        net.probe(population, "spikes")
    result = Simulator(net, engine="event").run(0.014)
    assert [result.spikes(name).times.tolist() for name in ("first", "middle", "last")] == [[0.01]] * 3


def test_cycle_without_delay_is_refused():
    net = Network()
    one, two, three = (net.population(LIF(), 2, name=name) for name in ("one", "two", "three"))
    for pre, post, delay in ((one, two, 0.0), (two, three, 1e-3), (three, one, 0.0), (two, one, 0.0)):
        net.connect(pre, post, AllToAll(), weight=1e-3, delay=delay)
    with pytest.raises(NetworkError, match=r"cycle without delay: one->two, two->one\)"):
        Simulator(net, engine="event")


# Refusals and one's own model


def described(model=None, stimulus=None, **projection):
    net = Network()
    cells = net.population(model or LIF(), 2, name="cells")
    if stimulus is not None:
        net.stimulate(cells, stimulus)
    if projection:
        net.connect(cells, cells, AllToAll(), weight=1e-3, name="loop", **projection)
    return net


@pytest.mark.parametrize(
    ("net", "words"),
    [
        (described(AdEx()), "population 'cells' is of AdEx, which has no exact solution"),
        (described(stimulus=Noise(std=1e-3)), "input 'cells.input' is Noise, which is no list of events"),
        (described(rule=STDP()), "projection 'loop' learns by STDP"),
    ],
)
def test_what_has_no_exact_solution_is_refused(net, words):
    with pytest.raises(UnsupportedError, match=words):
        Simulator(net, engine="event")


def test_bad_requests_are_refused():
    net = described(delay=Normal(0.0, 1e-3))
    with pytest.raises(ParameterError, match="delay of loop: every delay must be >= 0"):
        Simulator(net, engine="event")
    with pytest.raises(ParameterError, match="must end by 9000 s"):
        Simulator(described(), engine="event").run(1e4)
    net = described()
    net.probe(net.populations[0], "hold")
    with pytest.raises(UnsupportedError, match="no variable 'hold' of 'cells', only v"):
        Simulator(net, engine="event")
    with pytest.raises(UnsupportedError, match="backend"):
        Simulator(described(), engine="event", backend="reference")


def clipped_flow(v, drive, elapsed, leak):
    """A neuron with a constant leak, which stops at 0."""
    return max(v + (drive - leak) * elapsed, 0.0)


def clipped_next(v, drive, leak, threshold):
    if v >= threshold:
        return 0.0
    return (threshold - v) / (drive - leak) if drive > leak else math.inf


@dataclass(frozen=True, kw_only=True)
class Clipped(NeuronModel):
    """A user's own model: two functions and a dataclass."""

    leak: float = 1.0  # [V/s]
    threshold: float = 10e-3
    reset: float = 2e-3

    kernel: ClassVar[str] = "lif_step"
    state: ClassVar[dict[str, str]] = {"v": "float"}
    receptors: ClassVar[tuple[str, ...]] = ("jump",)
    event: ClassVar[EventKernels] = EventKernels(
        flow=clipped_flow, next=clipped_next, state=("v",), receives={"jump": "v"}
    )

    def constants(self, dt):
        return {}


def test_a_users_own_model():
    times = spikes_of(Clipped(), Constant(3.0), SpikeTrain([1e-3], [0], weight=4e-3), duration=8e-3)
    assert times == pytest.approx([3e-3, 3e-3 + 4e-3], abs=NEAR)


def test_events_and_plan():
    """An event-camera recording drives its pixels; the plan tells what runs."""
    net = Network()
    pixels = net.population(SpikeSource(), 8, name="pixels")
    net.stimulate(pixels, Events([0, 1], [1, 0], [0.01, 0.02], [0, 1], width=2, height=2))
    net.connect(pixels, pixels, OneToOne(), weight=1.0, delay=0.5)
    net.probe(pixels, "spikes")
    simulator = Simulator(net, engine="event")
    assert_array_equal(simulator.run(0.1).spikes("pixels").ids, [2, 5])
    text = str(simulator.plan)
    for word in ("8 neurons", "no grid", "relay_next", "8 synapses in 8 segments", "pixels.spikes"):
        assert word in text
