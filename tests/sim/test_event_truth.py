"""The event engine against the clock, whose limit it is, and against brute force."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from potentia import Network, Simulator
from potentia.models import IF, LIF, CubaLIF, SpikeSource
from potentia.sim import Constant, Explicit, FixedProbability, Normal, Poisson, SpikeTrain


def test_identical_to_the_clock_on_its_grid():
    """Delta synapses, delays, refractory times and inputs on the grid, no drive: spike for spike
    the same.
    """
    dt, net, rng = 1e-4, Network(seed=3), np.random.default_rng(3)
    exc, inh = (net.population(LIF(), n, name=name) for n, name in ((80, "exc"), (20, "inh")))
    source = net.population(SpikeSource(), 40, name="source")
    net.connect(exc, exc, FixedProbability(0.2), weight=1.1e-3, delay=1.5e-3)
    net.connect(exc, inh, FixedProbability(0.2), weight=Normal(1.1e-3, 0.1e-3), delay=3e-3)
    net.connect(inh, exc, FixedProbability(0.3), weight=-2e-3, delay=1e-3)
    net.connect(source, exc, FixedProbability(0.2), weight=6.6e-3, delay=1e-3)
    times = np.rint(rng.uniform(0.5e-3, 0.3, 2000) / dt) * dt
    net.stimulate(source, SpikeTrain(times, rng.integers(0, 40, 2000)))
    net.probe(exc, "spikes")
    net.probe(inh, "spikes")
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
    """The clock puts a threshold crossing at the end of its step, half a step late on average:
    order 1 in dt.

    Feed-forward, so that no neuron hears another's error: the first spikes of 100 units under a
    constant drive and Poisson input that arrives on the grid of every dt. Measured orders: IF 1.05,
    LIF 1.06, CubaLIF 1.05.
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
        # the others crossed and fell back inside one step
        assert (late < dt * (1 + 1e-9)).mean() > 0.9
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
    """A recurrent network of CubaLIF, integrated in small steps with crossings found inside each
    step.
    """
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
    # the error of each step adds up along the paths
    assert np.abs(spikes.times - times).max() < 1e-9


def integrate(drive, weights, delays, duration, step=2e-5):
    """Spikes of a CubaLIF network (default parameters, all-to-all) by Runge-Kutta steps cut at
    every arrival.
    """
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
        # go on only to the first crossing, found by bisection on the length of the step
        if crossed.size:
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
    """Every interval is drawn by counter, so the two engines see the same trains,
    up to the step.
    """
    net = Network(seed=9)
    sources = net.population(SpikeSource(), 5, name="sources")
    net.stimulate(sources, Poisson(rate=np.array([0.0, 10.0, 20.0, 40.0, 80.0])))
    net.probe(sources, "spikes")
    event = Simulator(net, engine="event").run(2.0).spikes("sources")
    clock = Simulator(net, dt=1e-5, dtype="float64").run(2.0).spikes("sources")
    assert len(event) == len(clock) > 200
    for ours, theirs in zip(event.trains(), clock.trains(), strict=True):
        assert np.abs(ours - theirs).max(initial=0.0) < 0.5001e-5


@pytest.mark.parametrize("replaced", [False, True])
def test_poisson_batches_are_those_of_the_clock(replaced):
    """After a run, going on or begun anew at another rate, every sample sees the same trains on
    both engines.
    """
    net = Network(seed=9)
    sources = net.population(SpikeSource(), 4, name="sources")
    net.stimulate(sources, Poisson(rate=np.array([0.0, 10.0, 40.0, 80.0])), name="noise")
    net.probe(sources, "spikes")
    inputs = {"noise": [Poisson(rate=rate) for rate in (20.0, 60.0, 60.0)]} if replaced else None
    event, clock = (
        Simulator(net, **how) for how in ({"engine": "event"}, {"dt": 1e-5, "dtype": "float64"})
    )
    for simulator in (event, clock):
        simulator.run(0.25)
    ours, theirs = (
        simulator.run(0.5, inputs=inputs, batch=3).samples for simulator in (event, clock)
    )
    for here, there in zip(ours, theirs, strict=True):
        pairs = zip(here.spikes("sources").trains(), there.spikes("sources").trains(), strict=True)
        assert len(here.spikes("sources")) > 20
        for mine, other in pairs:
            assert np.abs(mine - other).max(initial=0.0) < 0.5001e-5


def test_synaptic_paths_equal_dense_ones():
    """Every synapse with its own delay: each spike walks its chain of segments in
    order of delay.
    """
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
