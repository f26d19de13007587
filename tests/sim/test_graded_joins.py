"""Units that send numbers, joined with spiking units and with units of a user's own; what cannot be joined."""

import numpy as np
import pytest

from potentia import Network, Simulator
from potentia.errors import ParameterError, PotentiaError, UnsupportedError
from potentia.learning import STDP
from potentia.models import LIF, CubaLIF, LeakyRate, SpikeSource
from potentia.sim import (
    AllToAll,
    Constant,
    FixedProbability,
    OneToOne,
    SpikeTrain,
    Step,
)

from .rates import DT, Mute, Silent, Squash, joined


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
