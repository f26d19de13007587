"""Crossbars that learn on several threads: the same bits as on one, however columns are shared."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from potentia import Network, Simulator
from potentia.hardware import ADC, Crossbar, PulsedReRAM, StuckAt, Tile
from potentia.learning import STDP
from potentia.models import LIF, CubaLIF, LeakyRate, SpikeSource
from potentia.sim import (
    Constant,
    FixedOutDegree,
    FixedProbability,
    FixedTotal,
    Poisson,
    Uniform,
)
from potentia.sim.description.rule import Rule
from potentia.sim.operators.operator import Phase

DT, N = 1e-3, 4000  # more units than one thread takes
NOISY = PulsedReRAM(cycle_noise=0.05, read_noise=0.02, write_error=0.02, device_spread=0.1)
SHARED = ADC(bits=6, columns_per_adc=3, offset=0.3)


def network(store, connectivity=None, *, model=LIF, rule=None):
    net = Network(seed=4)
    source, cells = net.population(SpikeSource(), 60, name="source"), net.population(model(), N)
    rule = STDP(w_max=4e-3, a_plus=1e-4) if rule is None else rule
    connectivity = connectivity or FixedProbability(0.05)
    how = {"weight": Uniform(1e-3, 3e-3), "delay": Uniform(1e-3, 3e-3)}
    net.connect(source, cells, connectivity, store=store, rule=rule, name="in", **how)
    net.connect(source, cells, FixedProbability(0.02), weight=1e-3, delay=1e-3)
    net.stimulate(source, Poisson(rate=80.0), name="train")
    net.stimulate(cells, Constant(np.linspace(12e-3, 17e-3, N)))
    net.probe(cells, "spikes")
    net.probe(net.projections[0], "weights", every=20e-3)
    return net


def outcome(simulator, result):
    """Spikes, weights on the way and at the end, devices, and what was counted."""
    memory = simulator._engine.memory
    arrays = [simulator.weights("in"), result.samples("in", "weights").values]
    arrays += [memory["in.plus"], memory["in.minus"]]
    return result.hash, sorted(result.tallies.items()), [array.tobytes() for array in arrays]


CASES = {
    "noise": (Crossbar(NOISY), {}, {}),
    "float64": (Crossbar(NOISY), {}, {"dtype": "float64"}),
    "tiles": (Crossbar(NOISY, tile=Tile(rows=16, columns=50), adc=SHARED), {}, {}),
    "no converter": (Crossbar(NOISY, adc=None), {"model": CubaLIF}, {}),
    "stuck": (Crossbar(PulsedReRAM(faults=StuckAt(low=0.1, high=0.1))), {}, {}),
    "total": (Crossbar(NOISY), {"connectivity": FixedTotal(12_000)}, {}),
    "out-degree": (
        Crossbar(NOISY, tile=Tile(rows=16, columns=50)),
        {"connectivity": FixedOutDegree(200)},
        {},
    ),
    "two rules": (
        Crossbar(NOISY),
        {"rule": (STDP(w_max=4e-3), STDP(tau_plus=5e-3, w_max=4e-3, a_plus=1e-4))},
        {},
    ),
    "deterministic": (Crossbar(NOISY), {}, {"deterministic": True}),
    "reference": (Crossbar(NOISY), {"connectivity": FixedTotal(6000)}, {"backend": "reference"}),
}


@pytest.mark.parametrize(("store", "how", "options"), CASES.values(), ids=CASES)
def test_as_on_one_thread(store, how, options):
    """Each thread reads, converts and pulses its own columns; totals are equal too."""
    outcomes = []
    for threads in (1, 2, 3):
        simulator = Simulator(network(store, **how), dt=DT, threads=threads, **options)
        outcomes.append(outcome(simulator, simulator.run(0.06)))
        for name in ("crossbar_read_step", "convert_step", "STDP_spike", "pulse_step"):
            own = {one.thread for one in simulator.plan.operators if one.name == name}
            assert own == ({None} if threads == 1 else {0, 1})
    assert outcomes[0] == outcomes[1] == outcomes[2]
    tallies = dict(outcomes[0][1])
    assert tallies["in.pulses"] > 100
    assert tallies["in.reads"] <= 60 < tallies["in.activations"] < tallies["in.events"]


def test_the_cuts_of_threads_follow_the_columns():
    """A row is active once, whoever reads its first cell, and a step in which it is read counts
    once; both as counted from the spikes.
    """
    net = network(Crossbar(NOISY), FixedProbability(0.001))  # many rows lie within one share
    net.probe(net.populations[0], "spikes")
    for threads in (1, 2):
        simulator = Simulator(net, dt=DT, threads=threads)
        result = simulator.run(0.06)
        part = simulator.synapses("in")
        lags = np.rint(part.delays / DT).astype(int)
        rows = set(zip(part.sources.tolist(), lags.tolist(), strict=True))
        spikes = result.spikes("source")
        steps = np.rint(spikes.times / DT).astype(int) - 1
        driven = [
            step + lag
            for step, unit in zip(steps, spikes.ids, strict=True)
            for source, lag in rows
            if source == unit and step + lag < 60
        ]
        assert result.tallies["in.activations"] == len(driven) > 50
        assert result.tallies["in.reads"] == len(set(driven))


def test_going_on_with_other_threads(tmp_path):
    """From a file or a pickle; the cells are those of a network made on one thread."""
    store, connectivity = Crossbar(NOISY), FixedTotal(12_000)
    whole = Simulator(network(store, connectivity), dt=DT)
    whole.run(0.03)
    expected = outcome(whole, whole.run(0.03))
    for first, second in ((1, 2), (2, 1)):
        begun = Simulator(network(store, connectivity), dt=DT, threads=first)
        begun.run(0.03)
        begun.save(tmp_path / "half")
        loaded = Simulator.load(tmp_path / "half", threads=second)
        for other in (loaded, pickle.loads(pickle.dumps(begun))):
            assert outcome(other, other.run(0.03)) == expected


def test_an_interrupted_run_leaves_devices_and_totals():
    steady, broken = (Simulator(network(Crossbar(NOISY)), dt=DT, threads=2, chunk=10) for _ in "ab")
    for simulator in (steady, broken):
        simulator.run(0.02)
    left = iter(range(2))

    def tick(steps):
        if next(left, None) is None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken._session.single(0.04, tick)
    assert outcome(broken, broken.run(0.04)) == outcome(steady, steady.run(0.04))


def test_batches_learn_alike_on_plans_for_any_threads():
    """Samples run on one thread each, whatever the plan was cut for; pulses of the mean count."""
    outcomes = []
    for threads in (1, 2):
        simulator = Simulator(network(Crossbar(NOISY), FixedTotal(12_000)), dt=DT, threads=threads)
        for learn in ("each", "mean"):
            batch = simulator.run(0.04, batch=2, learn=learn)
        result = simulator.run(0.02)
        hashes = [sample.hash for sample in batch]
        outcomes.append((hashes, batch.tallies, outcome(simulator, result)))
    assert outcomes[0] == outcomes[1]


@dataclass(frozen=True, kw_only=True)
class Idle(Rule):
    """Learns nothing, and threads cannot share it: synapses stay in the order of the draws."""

    def bounds(self, weights):
        return 0.0, 4e-3

    def learn(self, projection, proposals): ...


def test_errors_of_writing_do_not_depend_on_who_reads():
    """They belong to the synapses as drawn, in whatever order threads want them."""
    shared, alone = (
        Simulator(network(Crossbar(NOISY), FixedTotal(12_000), rule=rule), dt=DT, threads=2)
        for rule in (STDP(w_max=4e-3), Idle())
    )
    assert shared.plan.synapses["in"].places is not None
    assert alone.plan.synapses["in"].places is None
    np.testing.assert_array_equal(shared.weights("in"), alone.weights("in"))
    np.testing.assert_array_equal(shared.synapses("in").targets, alone.synapses("in").targets)


def gather_step(
    arriving,
    r_post,
    rate,
    begin_post,
    end_post,
    first_post,
    synapse_post,
    segment_post,
    synapse,
    change,
    proposed,
):
    """What arrives is added to the weight, times a rate and what the target does."""
    for j in range(begin_post, end_post):
        for q in range(first_post[j], first_post[j + 1]):
            synapse[proposed[0]] = synapse_post[q]
            change[proposed[0]] = rate * arriving[segment_post[q]] * (1 - r_post[j])
            proposed[0] += 1
    return end_post - begin_post


@dataclass(frozen=True, kw_only=True)
class Gathered(Rule):
    rate: float = 1e-3

    watches: ClassVar = ("numbers",)
    shares: ClassVar = True

    def bounds(self, weights):
        return -1.0, 1.0

    def learn(self, projection, proposals):
        own = {**projection.arriving(), **projection.reverse(), **proposals.scope}
        projection.operator(Phase.LEARN, gather_step, {**own, "rate": self.rate})


def test_numbers_drive_a_crossbar_that_learns():
    """Rows that numbers drive are read by one thread, and pulsed by all."""
    outcomes = []
    for threads in (1, 2):
        net = Network(seed=1)
        source, cells = net.population(LeakyRate(), 4), net.population(LeakyRate(), N)
        net.stimulate(source, Constant([0.1, 0.2, 0.4, 0.6]))
        how = {"weight": Uniform(0.0, 0.2), "store": Crossbar(NOISY), "rule": Gathered()}
        net.connect(source, cells, FixedTotal(8000), name="in", **how)
        net.probe(cells, "r", ids=range(0, N, 100))
        simulator = Simulator(net, dt=DT, threads=threads)
        result = simulator.run(0.05)
        rates, counted = result.samples("population1", "r").values, sorted(result.tallies.items())
        outcomes.append((rates.tobytes(), counted, simulator.weights("in").tobytes()))
        assert ("pulse_step", 1) in {
            (one.name, one.thread) for one in simulator.plan.operators
        } or (threads == 1)
    assert outcomes[0] == outcomes[1]
    assert result.tallies["in.pulses"] > 100
