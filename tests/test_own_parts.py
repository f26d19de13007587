"""An example: a rule, a store, a stochastic neuron and a graded unit of one's own, each a dataclass
and plain functions, and all ways to run them.

The functions run compiled on the cpu and as they are on the reference. A graphics card runs what
names kernels of the library; the event engine runs the rule, which says what it does at an event.
"""

import pickle
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from potentia import Network, Simulator
from potentia.kernels.cpu.random import uniform
from potentia.models import LIF, EscapeLIF, LeakyRate, SpikeSource
from potentia.sim import (
    AllToAll,
    Capabilities,
    Constant,
    EventRule,
    FixedProbability,
    Ideal,
    NeuronModel,
    Poisson,
    Rule,
    Store,
    Uniform,
)
from potentia.sim.operators.operator import Phase

DT, DURATION, DELAY = 1e-4, 20e-3, 1.5e-3
N = 2500  # more than one thread's share


# A stochastic neuron: in every step it fires with the chance of its drive and of what lingers


def flicker_step(v, jump, drive, fired, keep, key, step, first_unit):
    count = 0
    for i in range(v.shape[0]):
        v[i] = v[i] * keep + jump[i]
        jump[i] = 0
        if uniform(key, step, first_unit + i) < drive[i] + v[i]:
            fired[count] = i
            count += 1
    return count


@dataclass(frozen=True, kw_only=True)
class Flicker(NeuronModel):
    keep: float = 0.9  # of v, from step to step

    kernel = flicker_step
    state: ClassVar = {"v": "float"}
    receptors = ("jump",)

    def constants(self, dt):
        return {"keep": self.keep}


# A graded unit: it sends the running mean of the chance that reaches it


def mean_step(x, drive, jump, fired, share):
    for i in range(x.shape[0]):
        x[i] += share * (drive[i] - x[i]) + jump[i]
        jump[i] = 0
    return 0


@dataclass(frozen=True, kw_only=True)
class Mean(NeuronModel):
    share: float = 0.05  # of what is new, in each step

    kernel = mean_step
    state: ClassVar = {"x": "float"}
    receptors = ("jump",)
    sends = "x"

    def constants(self, dt):
        return {"share": self.share}


# A rule: an arrival raises a weight, a spike of the target lowers it


def raise_step(step, history, history_count, lags, begin, end, synapse, change, proposed, gain):
    depth, room = history.shape[0], proposed[0]
    for g in range(lags.size):
        slot = (step - lags[g]) % depth
        for k in range(history_count[slot]):
            segment = np.int64(history[slot, k]) * lags.size + g
            for s in range(begin[segment], end[segment]):
                synapse[room] = s
                change[room] = gain
                room += 1
    proposed[0] = room
    return 0


def lower_step(fired_post, count_post, first_post, synapse_post, synapse, change, proposed, loss):
    room = proposed[0]
    for k in range(count_post[0]):
        for q in range(first_post[fired_post[k]], first_post[fired_post[k] + 1]):
            synapse[room] = synapse_post[q]
            change[room] = -loss
            room += 1
    proposed[0] = room
    return 0


def raised(w, gain):
    return w + gain


def lowered(w, loss):
    return w - loss


@dataclass(frozen=True, kw_only=True)
class Counting(Rule):
    gain: float = 11e-6  # by which an arrival raises a weight, in its unit
    loss: float = 4e-6  # by which a spike of the target lowers it

    shares: ClassVar = True  # threads may share the work, see begin and end

    def bounds(self, weights):
        return -1.0, 1.0

    def learn(self, projection, proposals):
        own = {"gain": self.gain, "loss": self.loss}
        scope = {**projection.listed(), **projection.reverse(), **proposals.scope, **own}
        projection.operator(Phase.ARRIVALS, raise_step, scope)
        projection.operator(Phase.LEARN, lower_step, scope)

    def event(self, low, high):
        return EventRule(arrival=raised, spike=lowered)


# A store: its weights are whole numbers of grains, and changes are rounded to them


def carry_out_step(synapse, change, proposed, low, high, weights, grain):
    for k in range(proposed[0]):
        moved = weights[synapse[k]] + grain * np.rint(change[k] / grain)
        weights[synapse[k]] = min(max(moved, low), high)
    proposed[0] = 0
    return 0


@dataclass(frozen=True, kw_only=True)
class Grains(Store):
    grain: float = 5e-6  # in the unit of the weights

    can: ClassVar = Capabilities(shares=True)

    def prepare(self, projection):
        given = np.broadcast_to(projection.synapses.weights, (projection.synapses.n,))
        rounded = self.grain * np.rint(given / self.grain)
        return {"weights": projection.signal("weights", "store", "float", given.shape, rounded)}

    def read(self, projection, scope):
        """Delivered by a kernel of the library, which wakes the targets that it reaches."""
        waking = projection.build.waking(projection.names["receiving"])
        own = {**projection.listed(), **scope, **waking, "pending": projection.pending()}
        projection.operator(projection.phase, "deliver_step", own)

    def program(self, projection, scope, proposals):
        own = {**proposals.scope, **scope, "grain": self.grain}
        projection.operator(Phase.LEARN, carry_out_step, own)

    def weights(self, projection, memory):
        return memory[f"{projection.name}.weights"].astype(np.float64)


# One network of all four


def network():
    """Flickering units excite leaky ones by what is learned; the mean of a third population drives
    both back.
    """
    net = Network(seed=3)
    coins = net.population(Flicker(), N, name="coins")
    cells = net.population(LIF(tau=Uniform(10e-3, 20e-3)), N, name="cells")
    means = net.population(Mean(), 20, name="means", initial={"x": 0.01})
    learned = net.connect(
        coins,
        cells,
        FixedProbability(0.01),
        weight=Uniform(0.5e-3, 2e-3),
        delay=Uniform(DT, DELAY),
        rule=Counting(),
        store=Grains(),
        name="learned",
    )
    net.connect(cells, coins, FixedProbability(0.001), weight=0.02, delay=DELAY, name="back")
    net.connect(means, coins, FixedProbability(0.1), weight=0.05, delay=DELAY, name="graded")
    net.stimulate(coins, Constant(0.005))
    net.stimulate(means, Constant(0.01))
    for part in (coins, cells):
        net.probe(part, "spikes")
    net.probe(means, "x")
    return net, learned


WAYS = {
    "one thread": {"threads": 1},
    "two threads": {"threads": 2},
    "short chunks": {"threads": 2, "chunk": 7},
    "reference": {"backend": "reference"},
}


@pytest.fixture(scope="module", params=["float32", "float64"])
def known(request):
    """A precision, and what one run on one thread comes to in it."""
    simulator = Simulator(network()[0], dt=DT, threads=1, dtype=request.param)
    return request.param, simulator.run(DURATION), simulator.weights("learned")


@pytest.mark.parametrize("how", WAYS.values(), ids=WAYS)
def test_every_way_to_run_them_is_the_same(how, known, tmp_path):
    """To the last bit: in two runs, from a file, as a pickle, and as the first of a batch."""
    dtype, result, weights = known
    assert min(len(result.spikes(name)) for name in ("coins", "cells")) > 500
    simulator = Simulator(network()[0], dt=DT, dtype=dtype, **how)
    first, other = simulator.run(DURATION, batch=2, learn="each")
    assert first.hash == result.hash != other.hash
    simulator.run(0.3 * DURATION)
    simulator.save(tmp_path / "saved")
    for made in (
        simulator,
        Simulator.load(tmp_path / "saved", threads=2),
        pickle.loads(pickle.dumps(simulator)),
    ):
        np.testing.assert_array_equal(made.run(0.7 * DURATION).hash, result.hash)
        np.testing.assert_array_equal(made.weights("learned"), weights)
    simulator.reset()
    assert simulator.run(DURATION).hash == result.hash


def test_the_rule_and_the_store_by_counting():
    """A weight is its first one in grains, and two grains more for an arrival, one less for a
    spike of the target: 11 of 5 are 2, 4 of 5 are 1.
    """
    simulator = Simulator(network()[0], dt=DT, dtype="float64")
    before = simulator.synapses("learned")
    result = simulator.run(DURATION)
    spikes, steps = result.spikes("coins"), round(DURATION / DT)
    fired = np.zeros((N, steps + 1), int)
    fired[spikes.ids, np.rint(spikes.times / DT).astype(int)] = 1
    lags = np.rint(before.delays / DT).astype(int)
    arrivals = fired.cumsum(1)[before.sources, steps - lags]
    targets = np.bincount(result.spikes("cells").ids, minlength=N)[before.targets]
    expected = before.weights + 5e-6 * (2.0 * arrivals - targets)
    np.testing.assert_allclose(simulator.weights("learned"), expected, rtol=0, atol=1e-16)
    grains = before.weights / 5e-6
    np.testing.assert_allclose(grains, np.rint(grains), rtol=0, atol=1e-9)
    assert np.unique(arrivals - targets).size > 5


def test_the_graded_unit_by_its_closed_form():
    """x goes from its start to its drive by (1 - share)^k."""
    trace = Simulator(network()[0], dt=DT, dtype="float64").run(DURATION).trace("means", "x")
    k = np.arange(1, len(trace) + 1)
    expected = 0.01 + np.zeros_like(k)  # its drive is what it starts with
    np.testing.assert_allclose(trace[:, 0], expected, rtol=1e-12)
    net = Network()
    means = net.population(Mean(), 1, name="means", initial={"x": [2.0]})
    net.stimulate(means, Constant(1.0))
    net.probe(means, "x")
    alone = Simulator(net, dt=DT, dtype="float64").run(DURATION).trace("means", "x")
    np.testing.assert_allclose(alone[:, 0], 1.0 + 0.95**k, rtol=1e-12)


@pytest.mark.parametrize("n", [1, 1000])
def test_the_stochastic_neuron_by_its_chance(n, processor):
    """Of 1000 x 2000 steps, 1 in 50; a binomial number within five standard deviations."""
    net = Network(seed=7)
    coins = net.population(Flicker(), n, name="coins")
    net.stimulate(coins, Constant(0.02))
    net.probe(coins, "spikes")
    steps = 2000 if processor == "cpu" else 200
    found = len(Simulator(net, dt=DT, backend=processor).run(steps * DT).spikes(coins))
    mean = n * steps * 0.02
    assert abs(found - mean) < 5 * np.sqrt(mean * 0.98)


def test_the_rule_on_the_event_engine():
    """The weights are those of the clock in a store of plain numbers: events are counted, whenever
    they come.
    """
    net = Network(seed=3)
    sources, cells = (
        net.population(SpikeSource(), 30, name="sources"),
        net.population(LIF(), 20, name="cells"),
    )
    net.connect(
        sources, cells, AllToAll(), weight=1e-3, delay=DELAY, rule=Counting(), name="learned"
    )
    net.stimulate(sources, Poisson(rate=100.0))
    for part in (sources, cells):
        net.probe(part, "spikes")
    simulator = Simulator(net, engine="event")
    result = simulator.run(0.1)
    spikes = result.spikes("sources")
    arrivals = np.bincount(spikes.ids[spikes.times + DELAY <= 0.1], minlength=30)
    targets = np.bincount(result.spikes("cells").ids, minlength=20)
    expected = 1e-3 + 11e-6 * arrivals[:, None] - 4e-6 * targets
    assert targets.max() > 1
    np.testing.assert_allclose(simulator.weights("learned"), expected.ravel(), rtol=1e-12)
    simulator.reset()
    simulator.run(0.1, batch=2, learn="mean")
    assert (simulator.weights("learned") != 1e-3).any()


# Where a part names kernels of the library, it runs wherever those do: on a card, too


@dataclass(frozen=True, kw_only=True)
class Hot(NeuronModel):
    """An EscapeLIF that knows no reset by name: a stochastic neuron with one field."""

    heat: float = 3e-3  # [V]

    kernel = EscapeLIF.kernel
    state: ClassVar = EscapeLIF.state
    receptors = EscapeLIF.receptors
    exact = EscapeLIF.exact

    def constants(self, dt):
        return EscapeLIF(spread=self.heat).constants(dt)


@dataclass(frozen=True, kw_only=True)
class Sigmoid(NeuronModel):
    """A graded unit around the library's kernel."""

    kernel = LeakyRate.kernel
    state: ClassVar = LeakyRate.state
    receptors = LeakyRate.receptors
    receives: ClassVar = LeakyRate.receives
    sends = "r"

    def constants(self, dt):
        return LeakyRate(activation="logistic", gain=100.0).constants(dt)


def of_known_kernels(hot, rates, store):
    """Hot cells excite each other by what a store holds, under the rates of others."""
    net = Network(seed=3)
    cells = net.population(hot, 200, name="cells")
    units = net.population(rates, 20, name="units", initial={"r": Uniform(0.0, 1.0)})
    net.connect(
        cells, cells, FixedProbability(0.1), weight=1e-3, delay=DELAY, store=store, name="loop"
    )
    net.connect(units, cells, FixedProbability(0.5), weight=1e-3, delay=DELAY)
    net.connect(cells, units, FixedProbability(0.1), weight=0.01, delay=DELAY)
    net.stimulate(cells, Constant(16e-3))
    net.probe(cells, "spikes")
    net.probe(units, "r")
    return net


def test_parts_around_kernels_of_the_library(room):
    """Spikes are those of the library's own parts, on every backend."""
    own = Simulator(of_known_kernels(Hot(), Sigmoid(), Grains()), dt=DT, backend=room)
    known = of_known_kernels(EscapeLIF(), LeakyRate(activation="logistic", gain=100.0), Ideal())
    result, expected = own.run(DURATION), Simulator(known, dt=DT).run(DURATION)
    assert len(expected.spikes("cells")) > 100
    assert result.hash == expected.hash
    np.testing.assert_allclose(result.trace("units", "r"), expected.trace("units", "r"), rtol=1e-5)
    np.testing.assert_allclose(own.weights("loop"), 1e-3, rtol=1e-6)
