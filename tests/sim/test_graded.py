"""Units that send numbers: the recursion and its limit, delays, threads, batches, mixed networks,
what is refused.
"""

import numpy as np
import pytest
from scipy.linalg import expm

from potentia import Network, Simulator
from potentia.models import LIF, LeakyRate
from potentia.sim import (
    AllToAll,
    Constant,
    FixedOutDegree,
    FixedProbability,
    FixedTotal,
    Ideal,
    Noise,
    Normal,
    Procedural,
    Uniform,
)

from .rates import DT, LAWS, STEPS, TAU, N, network, recursion


@pytest.mark.parametrize("delays", [None, [1, 2, 5, 9]])
@pytest.mark.parametrize("activation", LAWS)
def test_rates_follow_the_recursion(backend, activation, delays):
    """The exponential step of a unit whose input is held over the step, to rounding."""
    net = network(activation=activation, delays=delays)
    found = (
        Simulator(net, dt=DT, backend=backend.name, dtype="float64")
        .run(STEPS * DT)
        .trace("units", "r")
    )
    np.testing.assert_allclose(found, recursion(net, STEPS), rtol=1e-12, atol=1e-13)


def test_single_precision(backend):
    net = network(activation="logistic", delays=[1, 4])
    found = (
        Simulator(net, dt=DT, backend=backend.name, dtype="float32")
        .run(STEPS * DT)
        .trace("units", "r")
    )
    # some rounding errors of 6e-8
    np.testing.assert_allclose(found, recursion(net, STEPS), rtol=0, atol=2e-6)


def test_a_linear_network_converges_to_its_closed_form():
    """tau dr/dt = -r + W r + b has a matrix exponential; the held input makes an error of first
    order in dt.
    """
    net, rng = Network(seed=1), np.random.default_rng(1)
    weights, bias, start = rng.normal(0, 0.4, (N, N)), rng.normal(size=N), rng.normal(size=N)
    units = net.population(
        LeakyRate(tau=TAU, activation="linear"), N, name="units", initial={"r": start}
    )
    net.stimulate(units, Constant(bias))
    matrix, steady = (
        (weights.T - np.eye(N)) / TAU[:, None],
        -np.linalg.solve(weights.T - np.eye(N), bias),
    )
    net.probe(units, "r", every=20e-3)
    errors = []
    for dt in (4e-4, 2e-4, 1e-4):
        trial = net.copy()
        trial.connect(
            trial.populations[0], trial.populations[0], AllToAll(), weight=weights.ravel(), delay=dt
        )
        found = Simulator(trial, dt=dt, dtype="float64").run(20e-3).trace("units", "r")
        expected = steady + expm(matrix * 20e-3) @ (start - steady)
        errors.append(np.abs(found[-1] - expected).max())
    assert errors[0] < 0.05
    assert errors[0] / errors[1] == pytest.approx(2, rel=0.1)
    assert errors[1] / errors[2] == pytest.approx(2, rel=0.1)


def large(*, sparse=True):
    """Populations of several shards, one of rates and one of spikes, joined both
    ways, with noise.
    """
    net = Network(seed=5)
    rates = net.population(LeakyRate(tau=5e-3), 5000, name="rates", initial={"r": Normal(0.5, 0.1)})
    cells = net.population(LIF(), 3000, name="cells")
    net.stimulate(rates, Noise(mean=1.0, std=0.5))
    net.stimulate(cells, Constant(14e-3))
    rule = FixedProbability(0.01)
    net.connect(rates, rates, rule, weight=Normal(0.0, 0.02), delay=1e-3)
    net.connect(rates, cells, rule, weight=Normal(1e-4, 2e-5), delay=Normal(3e-3, 1e-3))
    net.connect(cells, rates, rule, weight=-0.05, delay=2e-3)
    for population in (rates, cells):
        net.probe(population, "spikes")
    net.probe(rates, "r", every=5e-3)
    return net


def test_threads_cuts_samples_and_snapshots_change_no_bit(tmp_path):
    whole = Simulator(large(), dt=1e-3).run(0.06)
    assert whole.spikes("cells").times.size > 1000
    threads = Simulator(large(), dt=1e-3, threads=2).run(0.06)
    assert threads.hash == whole.hash
    np.testing.assert_array_equal(threads.trace("rates", "r"), whole.trace("rates", "r"))
    halves = Simulator(large(), dt=1e-3)
    halves.run(0.02)
    halves.save(tmp_path / "half.snapshot")
    for simulator in (halves, Simulator.load(tmp_path / "half.snapshot")):
        second = simulator.run(0.04)
        assert second.hash == whole.hash
        np.testing.assert_array_equal(second.trace("rates", "r"), whole.trace("rates", "r")[4:])
    batch = Simulator(large(), dt=1e-3).run(0.06, batch=2)
    assert batch.samples[0].hash == whole.hash
    assert batch.samples[1].hash != whole.hash  # noise of its own


DRAWS = {
    "one weight": (FixedTotal(700), 0.1, 2e-3, 8),
    "levels": (FixedTotal(900), Normal(0.0, 0.1), 2e-3, 8),
    "fine levels, delays": (FixedOutDegree(20), Normal(0.0, 0.1), Uniform(1e-3, 6e-3), 16),
    "one level bit": (FixedOutDegree(3), Uniform(-0.2, 0.3), Uniform(1e-3, 3e-3), 1),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", DRAWS)
def test_synapses_drawn_again_in_every_step(case, dtype, backend):
    """The rates of the same draws stored: the same bits on the processor, where sums are in the same
    order.
    """
    connectivity, weight, delay, bits = DRAWS[case]
    found = []
    for store in (Procedural(bits=bits), Ideal(bits=bits)):
        net = Network(seed=2)
        units = net.population(LeakyRate(tau=5e-3), 50, name="units", initial={"r": Normal(0, 1)})
        cells = net.population(LIF(), 33, name="cells")
        net.stimulate(units, Noise(mean=0.2, std=0.5))
        net.connect(units, units, connectivity, weight=weight, delay=delay, store=store, name="own")
        net.connect(units, cells, connectivity, weight=weight, delay=delay, store=store, name="on")
        net.probe(units, "r")
        net.probe(cells, "v")
        simulator = Simulator(net, dt=DT, backend=backend.name, dtype=dtype)
        result = simulator.run(0.03)
        traces = np.hstack([result.trace("units", "r"), result.trace("cells", "v")])
        found.append((traces, simulator.weights("own"), simulator.synapses("on").targets))
    (drawn, weights, targets), (stored, expected, reached) = found
    np.testing.assert_array_equal(weights, expected)
    np.testing.assert_array_equal(targets, reached)
    assert np.unique(stored).size > 1000
    if backend.name == "gpu":
        np.testing.assert_allclose(
            drawn, stored, rtol=0, atol=1e-5 if dtype == "float32" else 1e-12
        )
    else:
        np.testing.assert_array_equal(drawn, stored)


def test_synapses_drawn_again_change_no_bit_on_threads_and_in_cuts(tmp_path):
    """Of populations of several shards, both stores, threads, cuts, a file and a batch."""
    traces = []
    for store, threads in ((Ideal(bits=8), 1), (Procedural(), 1), (Procedural(), 2)):
        net = Network(seed=5)
        rates = net.population(LeakyRate(tau=5e-3), 5000, name="rates", initial={"r": Normal(0, 1)})
        cells = net.population(LIF(), 3000, name="cells")
        net.stimulate(cells, Constant(14e-3))
        rule, weight = FixedTotal(60_000), Normal(1e-4, 2e-3)
        net.connect(rates, cells, rule, weight=weight, delay=Uniform(1e-3, 4e-3), store=store)
        net.connect(rates, rates, rule, weight=Normal(0.0, 0.2), delay=1e-3, store=store)
        net.probe(rates, "r", every=5e-3)
        simulator = Simulator(net, dt=1e-3, threads=threads)
        first = simulator.run(0.02)
        simulator.save(tmp_path / "half")
        batch = simulator.run(0.02, batch=2)
        last = Simulator.load(tmp_path / "half", threads=3 - threads).run(0.02)
        assert batch[0].hash == batch[1].hash == last.hash
        own = [result.trace("rates", "r").tobytes() for result in (first, last, *batch)]
        traces.append((first.hash, last.hash, *own))
    assert len(set(traces)) == 1
