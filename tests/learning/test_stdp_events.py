"""STDP on the event engine: the sum over pairs of spikes in closed form, and the clock engine."""

import math
from dataclasses import replace

import numpy as np
import pytest

from potentia import Network, Simulator
from potentia.errors import ParameterError, UnsupportedError
from potentia.hardware import BreakdownReRAM, Crossbar
from potentia.learning import STDP
from potentia.models import LIF, SpikeSource
from potentia.sim import (
    AllToAll,
    Explicit,
    FixedProbability,
    OneToOne,
    Poisson,
    SpikeTrain,
    Uniform,
)

N_PRE, N_POST, DURATION, DT = 12, 7, 0.6, 1e-3
INITIAL = 5e-3
FREE = STDP(
    tau_plus=17e-3, tau_minus=34e-3, a_plus=0.8e-3, a_minus=-0.5e-3, w_min=-10.0, w_max=10.0
)
BOUNDED = STDP(tau_plus=17e-3, tau_minus=34e-3, a_plus=0.8e-3, a_minus=0.5e-3, w_max=8e-3)
TURNED = STDP(tau_plus=17e-3, tau_minus=9e-3, a_plus=-0.8e-3, a_minus=-0.5e-3, w_max=8e-3)


def trains(grid=None):
    """Random times and units of both sides, and a delay for each synapse."""
    rng = np.random.default_rng(7)
    sides = [
        (np.sort(rng.uniform(0.01, DURATION - 0.02, 40 * n)), rng.integers(0, n, 40 * n))
        for n in (N_PRE, N_POST)
    ]
    delays = rng.uniform(1e-3, 20e-3, N_PRE * N_POST)
    if grid:
        sides = [
            list(np.unique(np.column_stack([np.rint(times / grid), ids]), axis=0).T)
            for times, ids in sides
        ]
        sides = [(steps * grid, ids.astype(int)) for steps, ids in sides]
        delays = np.rint(delays / grid) * grid
    return *sides, delays


def forced(pre, post, delays, rule, *, weight=INITIAL, **options):
    """A simulator in which both sides fire as told: the targets by strong input, unmoved by the
    synapses.
    """
    net = Network(seed=2)
    source = net.population(SpikeSource(), N_PRE, name="pre")
    target = net.population(LIF(threshold=1e3, reset=0.0, refractory=0.0), N_POST, name="post")
    net.connect(source, target, AllToAll(), weight=weight, delay=delays, rule=rule, name="plastic")
    net.stimulate(source, SpikeTrain(*pre))
    net.stimulate(target, SpikeTrain(*post, weight=1e4))
    net.probe(target, "spikes")
    return Simulator(net, **options)


def weights_of(simulator):
    return simulator.weights(simulator.network.projections[0])


def pair_sum(pre, post, delays, rule):
    """The change of every synapse, pair by pair, in the order of the event engine: source, then
    delay.
    """
    changes = np.zeros((N_PRE, N_POST))
    for j in range(N_PRE):
        for i in range(N_POST):
            for arrival in pre[0][pre[1] == j] + delays.reshape(N_PRE, N_POST)[j, i]:
                for spike in post[0][post[1] == i]:
                    lead = spike - arrival
                    if lead >= 0:
                        changes[j, i] += rule.a_plus * math.exp(-lead / rule.tau_plus)
                    else:
                        changes[j, i] -= rule.a_minus * math.exp(lead / rule.tau_minus)
    order = np.lexsort((delays, np.repeat(np.arange(N_PRE), N_POST)))
    return changes.ravel()[order]


def test_equals_the_sum_over_pairs():
    """Without bounds the change is a sum over pairs; times in ticks of 1e-15 s, so 1e-12 of the
    largest change.
    """
    pre, post, delays = trains()
    simulator = forced(pre, post, delays, FREE, engine="event")
    assert len(simulator.run(DURATION).spikes("post")) == post[0].size
    changes = weights_of(simulator) - INITIAL
    expected = pair_sum(pre, post, delays, FREE)
    assert np.abs(expected).max() > 1e-3
    np.testing.assert_allclose(
        changes, expected, rtol=0, atol=1e-12 * np.abs(expected).max() + 1e-17
    )


@pytest.mark.parametrize(
    "rule", [BOUNDED, TURNED, STDP(), FREE], ids=["bounded", "turned", "default", "free"]
)
def test_on_the_grid_it_equals_the_clock(rule):
    """Spikes and delays on the grid: the same order of events, so the same weights
    up to rounding.
    """
    pre, post, delays = trains(DT)
    clock = forced(pre, post, delays, rule, dt=DT, dtype="float64")
    event = forced(pre, post, delays, rule, engine="event")
    clock.run(DURATION)
    event.run(DURATION)
    weights = weights_of(event)
    np.testing.assert_allclose(weights, weights_of(clock), rtol=1e-11, atol=1e-15)
    assert np.unique(weights).size > 20


def test_bounds_hold():
    """Narrow ones are reached on both sides and never left."""
    pre, post, delays = trains(DT)
    tight = replace(BOUNDED, w_min=4.7e-3, w_max=5.2e-3)
    event = forced(pre, post, delays, tight, engine="event")
    seen = np.concatenate([weights_of(event) for _ in range(30) if event.run(DURATION / 30)])
    assert seen.min() == 4.7e-3
    assert seen.max() == 5.2e-3
    assert np.unique(seen).size > 50  # and there is something between them


def test_the_clock_converges_to_it():
    """The clock moves each event by up to dt, so its weights are off by O(dt)."""
    pre, post, _ = trains()
    delays = np.repeat(4e-3, N_PRE * N_POST)
    event = forced(pre, post, delays, FREE, engine="event")
    event.run(DURATION)
    errors = []
    for dt in (1e-3, 1e-4, 1e-5):
        clock = forced(pre, post, delays, FREE, dt=dt, dtype="float64")
        clock.run(DURATION)
        errors.append(np.abs(weights_of(clock) - weights_of(event)).max())
    assert errors[0] > 1e-5
    assert errors[1] < errors[0] / 4
    assert errors[2] < errors[1] / 4


@pytest.mark.parametrize("gap", [-3000, -40, -1, 0, 1, 40, 3000])
def test_one_pair(gap):
    """A single pair changes the weight by the window's closed form; at one time the
    arrival leads.
    """
    net = Network()
    source, target = net.population(SpikeSource(), 1), net.population(LIF(threshold=10e-3), 1)
    net.connect(source, target, AllToAll(), weight=INITIAL, delay=2e-3, rule=BOUNDED)
    net.stimulate(source, SpikeTrain([4.0 - 2e-3], [0]))
    net.stimulate(target, SpikeTrain([4.0 + gap * DT], [0], weight=1.0))
    simulator = Simulator(net, engine="event")
    simulator.run(8.0)
    if gap >= 0:
        expected = BOUNDED.a_plus * math.exp(-gap * DT / BOUNDED.tau_plus)
    else:
        expected = -BOUNDED.a_minus * math.exp(gap * DT / BOUNDED.tau_minus)
    assert weights_of(simulator)[0] - INITIAL == pytest.approx(expected, rel=1e-11, abs=1e-17)


def test_an_arrival_leads_the_spike_that_it_causes():
    """With no delay at all, the spike of the source, its arrival and the spike of the target are at
    one time.
    """
    net = Network()
    source, target = net.population(SpikeSource(), 1), net.population(LIF(threshold=10e-3), 1)
    net.connect(
        source,
        target,
        OneToOne(),
        weight=12e-3,
        delay=0.0,
        rule=STDP(a_plus=1e-3, a_minus=2e-3, w_max=20e-3),
    )
    net.stimulate(source, SpikeTrain([5e-3], [0]))
    net.probe(target, "spikes")
    simulator = Simulator(net, engine="event")
    assert simulator.run(10e-3).spikes(target.name).times.tolist() == [5e-3]
    assert weights_of(simulator)[0] == pytest.approx(13e-3, rel=1e-14)


def taught(**options):
    """A network whose own spikes teach it, on a grid of 0.1 ms: two projections that learn, a loop
    with autapses, one that does not, one without synapses."""
    net = Network(seed=8)
    source, target = (
        net.population(SpikeSource(), 60, name="source"),
        net.population(LIF(), 15, name="target"),
    )
    steps = np.random.default_rng(3).integers(1, 30, 900)
    learned = net.connect(
        source,
        target,
        AllToAll(),
        weight=2e-3,
        delay=steps * 1e-4,
        rule=STDP(w_max=4e-3),
        name="in",
    )
    loop = net.connect(
        target,
        target,
        AllToAll(),
        weight=Uniform(-1e-3, 1e-3),
        delay=2e-3,
        receptor="jump",
        name="loop",
        rule=STDP(tau_plus=10e-3, a_plus=6e-6, a_minus=3e-6, w_min=-2e-3, w_max=2e-3),
    )
    net.connect(source, target, FixedProbability(0.2), weight=0.5e-3, delay=1e-3, name="static")
    net.connect(target, target, FixedProbability(0.0), weight=1e-3, rule=STDP(), name="none")
    steps, ids = np.divmod(np.random.default_rng(4).choice(1900 * 60, 800, replace=False), 60)
    net.stimulate(source, SpikeTrain((steps + 1) * 1e-4, ids))
    net.probe(target, "spikes")
    net.probe(learned, "weights", every=10e-3, ids=[3, 700, 899])
    net.probe(loop, "weights", every=25e-3)
    return Simulator(net, **options)


def test_a_network_that_teaches_itself_is_that_of_the_clock():
    """All events lie on the grid, so both engines see the same spikes, with weights that change
    them.
    """
    clock, event = taught(dt=1e-4, dtype="float64"), taught(engine="event")
    one, other = clock.run(0.2), event.run(0.2)
    assert len(one.spikes("target")) > 50
    np.testing.assert_allclose(other.spikes("target").times, one.spikes("target").times, rtol=1e-12)
    np.testing.assert_array_equal(other.spikes("target").ids, one.spikes("target").ids)
    for here, there in zip(clock.network.projections, event.network.projections, strict=True):
        np.testing.assert_allclose(event.weights(there), clock.weights(here), rtol=1e-9, atol=1e-14)
    assert np.ptp(event.weights(event.network.projections[1])) > 1e-3
    assert event.weights(event.network.projections[3]).size == 0
    for name in ("in", "loop"):
        np.testing.assert_allclose(
            other.samples(name, "weights").times, one.samples(name, "weights").times, rtol=1e-12
        )
        np.testing.assert_allclose(other.weights(name), one.weights(name), rtol=1e-9, atol=1e-14)
        assert np.ptp(other.weights(name), axis=0).max() > 0


def test_weights_move_the_spikes():
    """The frozen control: the same network without rules fires otherwise."""
    learns = taught(engine="event")
    net = Network(seed=8)
    for part in learns.network.populations:
        net.population(part.model, part.n, name=part.name)
    for part in learns.network.projections:
        ends = (
            net.populations[learns.network.populations.index(side)]
            for side in (part.pre, part.post)
        )
        how = {
            "weight": part.weight,
            "delay": part.delay,
            "receptor": part.receptor,
            "name": part.name,
        }
        net.connect(*ends, part.connectivity, **how)
    net.stimulate(net.populations[0], learns.network.inputs[0].stimulus)
    assert Simulator(net, engine="event").run(0.2).hash != learns.run(0.2).hash


def test_a_cut_changes_no_bit(tmp_path):
    """One run, two runs, and a simulator saved in the middle, loaded and gone on, leave the same
    bits.
    """
    whole, cut = taught(engine="event"), taught(engine="event")
    expected = whole.run(0.2).hash
    cut.run(0.07)
    cut.save(tmp_path / "cut")
    loaded = Simulator.load(tmp_path / "cut")
    for simulator in (cut, loaded):
        assert simulator.run(0.13).hash == expected
        for here, there in zip(
            whole.network.projections, simulator.network.projections, strict=True
        ):
            np.testing.assert_array_equal(simulator.weights(there), whole.weights(here))


def test_a_recorded_run_goes_on_from_its_checkpoint(tmp_path):
    """The result in the folder is that of a run in memory, weights over time and all."""
    expected = taught(engine="event").run(0.2)
    recorded = taught(engine="event").run(0.2, record_to=tmp_path / "run")
    assert recorded.hash == expected.hash
    for name in ("in", "loop"):
        np.testing.assert_array_equal(recorded.weights(name), expected.weights(name))


def test_a_receptor_that_counts_adds_one_whatever_the_weight():
    """A spike source fires once for each arrival; the weights learn all the same."""
    outcomes = []
    for how in ({"engine": "event"}, {"dt": DT, "dtype": "float64"}):
        net = Network()
        ones, others = net.population(SpikeSource(), 2), net.population(SpikeSource(), 2)
        net.connect(
            ones,
            others,
            AllToAll(),
            weight=0.25,
            delay=3e-3,
            rule=STDP(a_plus=0.01, a_minus=0.02, w_max=1.0),
        )
        net.stimulate(ones, SpikeTrain([5e-3, 8e-3, 20e-3], [0, 1, 0]))
        net.probe(others, "spikes")
        simulator = Simulator(net, **how)
        outcomes.append((len(simulator.run(50e-3).spikes(others.name)), weights_of(simulator)))
    assert outcomes[0][0] == outcomes[1][0] == 6
    np.testing.assert_allclose(outcomes[0][1], outcomes[1][1], rtol=1e-12)
    assert np.ptp(outcomes[0][1]) > 0


def test_several_synapses_between_the_same_units():
    """Each has a delay and a weight of its own; pairs given twice learn twice the same."""
    outcomes = []
    for how in ({"engine": "event"}, {"dt": DT, "dtype": "float64"}):
        net = Network()
        ones, others = net.population(SpikeSource(), 1), net.population(LIF(threshold=10e-3), 1)
        joined = Explicit([0, 0, 0], [0, 0, 0])
        net.connect(
            ones, others, joined, weight=[1e-3, 2e-3, 2e-3], delay=[2e-3, 5e-3, 5e-3], rule=BOUNDED
        )
        net.stimulate(ones, SpikeTrain([5e-3, 18e-3], [0, 0]))
        net.stimulate(others, SpikeTrain([9e-3, 15e-3], [0, 0], weight=1.0))
        simulator = Simulator(net, **how)
        simulator.run(50e-3)
        outcomes.append(weights_of(simulator))
    np.testing.assert_allclose(outcomes[0], outcomes[1], rtol=1e-12)
    assert outcomes[0][1] == outcomes[0][2]


def test_devices_stay_with_the_clock():
    net = Network()
    cells = net.population(LIF(), 3)
    net.connect(
        cells, cells, AllToAll(), weight=1e-3, store=Crossbar(BreakdownReRAM()), rule=STDP()
    )
    with pytest.raises(
        UnsupportedError, match="has its weights in Crossbar, which the event engine cannot read"
    ):
        Simulator(net, engine="event")


def test_initial_weights_outside_of_the_bounds_are_refused_here_too():
    net = Network()
    cells = net.population(LIF(), 3)
    net.connect(cells, cells, AllToAll(), weight=1e-3, rule=STDP(w_max=0.5e-3))
    with pytest.raises(ParameterError, match=r"STDP\.w_max: initial weights must lie within"):
        Simulator(net, engine="event")


def test_arrivals_alone_change_nothing():
    """Silent targets have no trace, so every weight stays as it was, to the last bit."""
    net = Network(seed=3)
    source, target = net.population(SpikeSource(), 20), net.population(LIF(threshold=10.0), 5)
    net.connect(source, target, AllToAll(), weight=1e-3, delay=1e-3, rule=STDP())
    net.stimulate(source, Poisson(rate=50.0))
    simulator = Simulator(net, engine="event")
    simulator.run(0.5)
    np.testing.assert_array_equal(weights_of(simulator), np.full(100, 1e-3))
