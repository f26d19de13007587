"""The adjoint of the event engine against the same in NumPy, which goes from event to event."""

import numpy as np
import pytest

from potentia import Network, Simulator
from potentia.kernels.cpu.event_marks import Sample
from potentia.kernels.reference import event_adjoint as reference
from potentia.models import CubaLIF, SpikeSource
from potentia.sim import AllToAll, Constant, FixedProbability, OneToOne, SpikeTrain
from potentia.sim.engines.event_adjoint import EventAdjoint, Looks
from potentia.sim.engines.event_compile import compile_events
from potentia.sim.engines.event_samples import EventSamples, Trains
from potentia.sim.engines.event_solved import ticks

DURATION, N = 0.1, 5
ROUNDING = 1e-11  # relative: sums of some hundred terms in another order, through slopes near zero


def network(seed, *, refractory=2e-3, tau=20e-3, delay=1e-3):
    """Sources, a relay behind them, and a recurrent population with input of its own."""
    rng = np.random.default_rng(seed)
    net = Network(seed=seed)
    source, relay = (net.population(SpikeSource(), N, name=name) for name in ("source", "relay"))
    model = CubaLIF(tau=tau, tau_excitatory=rng.uniform(4e-3, 6e-3, 2 * N), refractory=refractory)
    cells = net.population(model, 2 * N, name="cells", initial={"v": rng.uniform(0, 9e-3, 2 * N)})
    last = net.population(CubaLIF(refractory=0.0), 2, name="last")
    net.connect(source, relay, OneToOne(), weight=1.0, delay=2e-3)
    net.connect(relay, cells, AllToAll(), weight=25e-3, delay=rng.uniform(0, 4e-3, 2 * N * N))
    net.connect(cells, cells, FixedProbability(0.3), weight=-4e-3, delay=1e-3)
    net.connect(cells, last, AllToAll(), weight=6e-3, delay=delay)
    times, ids = rng.uniform(0, 80e-3, 30), rng.integers(0, N, 30)
    net.stimulate(source, SpikeTrain(times, ids), name="spikes")
    net.stimulate(cells, SpikeTrain(times, ids, 5e-3), name="direct")
    net.stimulate(cells, Constant(4e-3))
    for population in net.populations:
        net.probe(population, "spikes")
    net.probe(cells, "v", every=1e-3)
    return net


def ran(net, *, looks=True):
    """The adjoint of one sample with the inputs as described."""
    plan = compile_events(net)
    trains = {
        part.name: Trains(
            ticks(part.stimulus.times)[None], part.stimulus.ids[None], part.stimulus.weight
        )
        for part in net.inputs
        if isinstance(part.stimulus, SpikeTrain)
    }
    samples = EventSamples(plan, trains)
    fired = samples.run(int(ticks(DURATION)))
    cells = next(part for part in plan.populations if part.name == "cells")
    units = plan.begin(cells) + np.arange(cells.n)
    times = ticks(np.arange(1, 101) * 1e-3)
    return EventAdjoint(samples, fired, Looks(times, units) if looks else Looks())


def alone(adjoint):
    """The one sample of a batch, as the reference takes it."""
    batch = adjoint.batch
    return Sample(
        batch.time, batch.unit, batch.arrival[0], batch.variable, batch.look, batch.watched
    )


CASES = {
    "as it is": {},
    "no refractory time": {"refractory": 0.0},
    "equal time constants": {"tau": 5e-3},
    "no delay": {"delay": 0.0},
    "never again": {"refractory": 1e4},
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_gradients_are_those_of_the_reference(case):
    net = network(3, **case)
    adjoint, rng = ran(net), np.random.default_rng(1)
    by_time = rng.normal(size=adjoint.fired.times.size)
    by_look = rng.normal(size=(1, adjoint.batch.look.size, adjoint.batch.watched.size))
    slopes = adjoint.slopes(by_time, by_look)
    expected = reference.adjoint(adjoint.cells, adjoint.paths, alone(adjoint), by_time, by_look[0])
    assert adjoint.fired.times.size > 40
    for found, own in zip(
        (slopes.weights, slopes.delays, slopes.arrivals[0]), expected, strict=True
    ):
        assert np.abs(own).max() > 0
        np.testing.assert_allclose(found, own, rtol=0, atol=ROUNDING * np.abs(own).max())


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_spikes_and_potentials_are_those_of_the_event_engine(case):
    net = network(4, **case)
    adjoint, result = ran(net), Simulator(net, engine="event").run(DURATION)
    plan, fired = adjoint.samples.plan, adjoint.fired
    for population in net.populations:
        first = plan.begin(population)
        own = (fired.units >= first) & (fired.units < first + population.n)
        spikes = result.spikes(population.name)
        np.testing.assert_array_equal(fired.times[own] / 1e15, spikes.times)
        np.testing.assert_array_equal(fired.units[own] - first, spikes.ids)
    expected = result.samples("cells", "v").values
    # the engine rounds at every event, which here are added up in another order
    np.testing.assert_allclose(adjoint.potentials()[0], expected, rtol=0, atol=1e-15)
    seen = reference.observe(adjoint.cells, adjoint.paths, alone(adjoint))
    np.testing.assert_allclose(seen, expected, rtol=0, atol=1e-14)


def test_a_network_in_which_nothing_happens_has_gradients_of_zero():
    net = network(5)
    net.inputs[:] = []
    adjoint = ran(net, looks=False)
    slopes = adjoint.slopes(np.ones(adjoint.fired.times.size), np.zeros((1, 0, 0)))
    assert not adjoint.fired.times.size
    assert not slopes.weights.any()
    assert slopes.arrivals.shape == (1, 0)
