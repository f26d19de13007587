"""Units that send numbers: the recursion and its limit, delays, threads, batches, mixed networks,
what is refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np
import pytest
from scipy.linalg import expm

from potentia import Network, Simulator
from potentia.errors import ParameterError, PotentiaError, UnsupportedError
from potentia.learning import STDP
from potentia.models import LIF, CubaLIF, LeakyRate, SpikeSource
from potentia.sim import (
    AllToAll,
    Constant,
    FixedOutDegree,
    FixedProbability,
    FixedTotal,
    Ideal,
    NeuronModel,
    Noise,
    Normal,
    OneToOne,
    Procedural,
    SpikeTrain,
    Step,
    Store,
    Uniform,
)

N, DT, STEPS = 7, 1e-3, 60
TAU = np.linspace(4e-3, 30e-3, N)
LAWS = {
    "linear": lambda u: u,
    "rectified": lambda u: np.maximum(u, 0),
    "logistic": lambda u: 1 / (1 + np.exp(-u)),
}


def network(*, activation="linear", delays=None, seed=3):
    """N units with recurrent weights of both signs, drives and starts of their own."""
    net, rng = Network(seed=seed), np.random.default_rng(seed)
    model = LeakyRate(
        tau=TAU, gain=rng.uniform(0.5, 1.5, N), offset=rng.normal(0, 0.1, N), activation=activation
    )
    units = net.population(model, N, name="units", initial={"r": rng.normal(size=N)})
    net.stimulate(units, Constant(rng.normal(size=N)), name="bias")
    delay = DT if delays is None else DT * rng.choice(delays, N * N)
    net.connect(
        units, units, AllToAll(), weight=rng.normal(0, 0.3, N * N), delay=delay, name="loop"
    )
    net.probe(units, "r")
    return net


def recursion(net, steps):
    """The rates (steps, N) step by step, from what `Simulator.synapses` tells."""
    simulator = Simulator(net, dt=DT, dtype="float64")
    found, model = simulator.synapses("loop"), net.populations[0].model
    lags = np.rint(found.delays / DT).astype(int)
    rates = [np.array(net.populations[0].initial["r"])] * (lags.max() + 1)
    bias, decay = net.inputs[0].stimulus.value, np.exp(-DT / model.tau)
    for _ in range(steps):
        drive = bias.copy()
        np.add.at(drive, found.targets, found.weights * np.array(rates)[-lags, found.sources])
        goal = LAWS[model.activation](model.gain * (drive - model.offset))
        rates.append(goal + (rates[-1] - goal) * decay)
    return np.array(rates[-steps:])


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


def test_a_constant_rate_drives_spiking_units_as_a_constant_current_does(backend):
    """A unit at its steady state sends the same number for ever, which is a current [V] of the
    target.
    """
    hashes = []
    for graded in (True, False):
        net = Network(seed=1)
        cells = net.population(CubaLIF(), 20, name="cells")
        if graded:
            source = net.population(
                LeakyRate(activation="linear"), 20, name="source", initial={"r": 18e-3}
            )
            net.stimulate(source, Constant(18e-3))
            net.connect(source, cells, OneToOne(), weight=1.0, delay=4e-3)
        else:
            net.stimulate(cells, Constant(18e-3))
        net.probe(cells, "spikes")
        result = Simulator(net, dt=1e-4, backend=backend.name, dtype="float64").run(0.1)
        hashes.append((result.spikes("cells").times.tolist(), result.spikes("cells").ids.tolist()))
    assert hashes[0] == hashes[1]
    assert hashes[0][0]


def test_a_spike_adds_its_weight_to_a_rate(backend):
    net = Network(seed=1)
    source, unit = (
        net.population(SpikeSource(), 1),
        net.population(LeakyRate(tau=10e-3), 1, name="unit"),
    )
    net.stimulate(source, SpikeTrain([2e-3], [0], weight=1.0))
    net.connect(source, unit, OneToOne(), weight=0.7, delay=3e-3)
    net.probe(unit, "r")
    result = Simulator(net, dt=1e-3, backend=backend.name, dtype="float64").run(0.02)
    times, trace = result.times, result.trace("unit", "r")[:, 0]
    expected = np.where(times > 5e-3 - 1e-9, 0.7 * np.exp(-(times - 5e-3) / 10e-3), 0.0)
    np.testing.assert_allclose(trace, expected, rtol=1e-12)


def test_a_named_receptor_gets_the_product_in_every_step(backend):
    """Into the current of a synapse, which decays: the sum of a geometric series."""
    net = Network(seed=1)
    source = net.population(LeakyRate(activation="linear"), 1, initial={"r": 2.0})
    net.stimulate(source, Constant(2.0))
    cell = net.population(CubaLIF(tau_excitatory=5e-3), 1, name="cell")
    net.connect(source, cell, OneToOne(), weight=1e-4, delay=1e-3, receptor="excitatory")
    net.probe(cell, "g_e")
    trace = (
        Simulator(net, dt=1e-3, backend=backend.name, dtype="float64")
        .run(0.03)
        .trace("cell", "g_e")[:, 0]
    )
    decay = np.exp(-1 / 5)
    np.testing.assert_allclose(
        trace, 2e-4 * (1 - decay ** np.arange(1, 31)) / (1 - decay), rtol=1e-9
    )


@pytest.mark.parametrize("delay", [1e-3, 0.4])
def test_nothing_sleeps_through_numbers(delay):
    """After a long silence, with what was sent long ago still under way; naps and jumps change no
    bit.
    """
    traces = []
    for backend in ("cpu", "reference"):
        net = Network(seed=1)
        source = net.population(LeakyRate(activation="linear", tau=1e-3), 2, name="source")
        cells = net.population(LIF(), 20_000, name="cells")
        net.stimulate(source, Step([0.0, 0.3, 0.35], [0.0, 30e-3, 0.0]))
        net.connect(source, cells, FixedProbability(0.5), weight=1.0, delay=delay)
        net.probe(cells, "spikes")
        net.probe(source, "r", every=10e-3)
        result = Simulator(net, dt=1e-3, backend=backend, dtype="float64").run(0.8)
        traces.append((result.hash, result.trace("source", "r"), result.spikes("cells").times))
    assert traces[0][0] == traces[1][0]
    np.testing.assert_array_equal(traces[0][1], traces[1][1])
    assert traces[0][2].size > 1000
    assert traces[0][2].min() > 0.3 + delay


def squash_step(x, memory, extra, fired):
    for i in range(x.shape[0]):
        memory[i] = 0.5 * memory[i] + extra[i]
        extra[i] = 0
        x[i] = memory[i] / (1 + abs(memory[i]))
    return 0


@final
@dataclass(frozen=True, kw_only=True)
class Squash(NeuronModel):
    """A user's own unit, with a receptor for numbers and no drive."""

    kernel: ClassVar[Any] = squash_step
    state: ClassVar[Mapping[str, str]] = {"memory": "float", "x": "float"}
    receptors: ClassVar[tuple[str, ...]] = ("extra",)
    sends: ClassVar[str] = "x"

    def constants(self, dt: float) -> Mapping[str, float]:
        return {}


def test_a_users_own_unit(processor):
    net, rng = Network(seed=1), np.random.default_rng(2)
    weights, start = rng.normal(size=(4, 4)), rng.normal(size=4)
    own = net.population(Squash(), 4, name="own", initial={"memory": start})
    net.connect(own, own, AllToAll(), weight=weights.ravel(), delay=DT, receptor="extra")
    net.probe(own, "x")
    for threads in (1, 2):
        found = Simulator(net, dt=DT, backend=processor, dtype="float64", threads=threads).run(
            20 * DT
        )
        memory, x, expected = start, np.zeros(4), []
        for _ in range(20):
            memory = 0.5 * memory + x @ weights
            x = memory / (1 + np.abs(memory))
            expected.append(x)
        np.testing.assert_allclose(found.trace("own", "x"), expected, rtol=1e-10)


@final
@dataclass(frozen=True, kw_only=True)
class Mute(NeuronModel):
    kernel: ClassVar[Any] = squash_step
    state: ClassVar[Mapping[str, str]] = {"memory": "float", "x": "float"}
    receptors: ClassVar[tuple[str, ...]] = ("extra",)
    sends: ClassVar[str] = "y"

    def constants(self, dt: float) -> Mapping[str, float]:
        return {}


class Silent(Store):
    """A user's store that cannot multiply."""

    def prepare(self, projection):
        return {}

    def read(self, projection, scope): ...

    def program(self, projection, scope, proposals): ...

    def weights(self, projection, memory):
        return np.zeros(projection.synapses.n)


def joined(post=None, connectivity=None, *, dt=1e-3, **how):
    net, rule = Network(), connectivity or OneToOne()
    source, target = (
        net.population(LeakyRate(), 2, name="source"),
        net.population(post or LIF(), 2, name="target"),
    )
    net.connect(source, target, rule, **({"weight": 1.0, "delay": 1e-3} | how))
    return Simulator(net, dt=dt)


def test_rates_and_weights_can_be_set_between_runs():
    """What a unit sends is what it is set to, at once; other weights still reach the drive, also of
    a CubaLIF.
    """
    net = Network(seed=1)
    source = net.population(
        LeakyRate(activation="linear", tau=1e6), 2, name="source", initial={"r": 1.0}
    )
    target = net.population(LeakyRate(activation="linear", tau=DT), 2, name="target")
    cells = net.population(CubaLIF(tau=DT), 2, name="cells")
    for post in (target, cells):
        net.connect(
            source,
            post,
            OneToOne(),
            weight=np.array([2e-3, -2e-3]),
            delay=DT,
            name=f"to {post.name}",
        )
    net.probe(target, "r")
    net.probe(cells, "v")
    simulator, share = Simulator(net, dt=DT, dtype="float64"), 1 - np.exp(-1)

    def step():
        result = simulator.run(DT)
        return result.trace("target", "r")[0], result.trace("cells", "v")[0]

    for found in step():
        np.testing.assert_allclose(found, share * np.array([2e-3, -2e-3]), rtol=1e-6)
    simulator.reset()
    simulator.set("source", r=np.array([3.0, 5.0]))
    for found in step():
        np.testing.assert_allclose(found, share * np.array([6e-3, -10e-3]), rtol=1e-6)
    simulator.reset()
    for name in ("to target", "to cells"):
        simulator.set(name, weights=np.array([-1e-3, 1e-3]))
    for found in step():
        np.testing.assert_allclose(found, share * np.array([-1e-3, 1e-3]), rtol=1e-6)


REFUSED = {
    "rule": (
        lambda: joined(rule=STDP()),
        r"connect rule: must be None or have .numbers. in watches, as source sends numbers \(got",
    ),
    "store": (
        lambda: joined(store=Silent()),
        r"store: must be Ideal\(\) or another store that multiplies, .* sends numbers \(got 'Silent'",
    ),
    "no drive": (
        lambda: joined(SpikeSource()),
        "receptor of source->target: must be one of .*takes no drive",
    ),
    "own, no drive": (lambda: joined(Squash()), "must be one of extra, as Squash takes no drive"),
    "counted": (
        lambda: joined(SpikeSource(), receptor="arrived"),
        "must not be 'arrived', which counts spikes",
    ),
    "too short a delay": (lambda: joined(delay=0.0), "must be at least one step"),
    "unknown state": (
        lambda: Network().population(Mute(), 2),
        "Mute.sends: must be a state variable of dtype 'float'",
    ),
    "activation": (
        lambda: LeakyRate(activation="tanh"),
        "LeakyRate.activation: must be one of linear, rectified",
    ),
    "tau": (lambda: LeakyRate(tau=0.0), "LeakyRate.tau: must be > 0 s"),
    "gain": (lambda: LeakyRate(gain=np.nan), "LeakyRate.gain: must be a finite number"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_is_one_sentence(case):
    call, message = REFUSED[case]
    with pytest.raises(PotentiaError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, ParameterError)


def test_the_event_engine_has_no_steps_to_send_in():
    net = Network()
    net.population(LeakyRate(), 2, name="rates")
    with pytest.raises(
        UnsupportedError, match="population 'rates' of LeakyRate sends numbers in every step"
    ):
        Simulator(net, engine="event")
