"""Batches that learn on devices: what samples propose is summed up and programmed once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from potentia import Network, Simulator
from potentia.hardware import Crossbar, PulsedReRAM, StuckAt, Tile
from potentia.learning import STDP
from potentia.models import LIF, SpikeSource
from potentia.sim import AllToAll, Ideal, Phase, Rule, SpikeTrain, Store, TimedArray, Uniform
from potentia.sim.engines import clock
from potentia.tests.learning.taught import N_POST, N_PRE, Delta, taught

DT, DURATION, BATCH, SOURCES, CELLS = 1e-4, 20e-3, 5, 30, 20
LEVELS, HIGH = 64, 20e-3  # of a device; the largest weight [V], which its whole range stands for
PULSE = HIGH / LEVELS  # [V], the weight of one pulse
LINEAR = {"levels": LEVELS, "nonlinearity_up": 0.0, "nonlinearity_down": 0.0}
EXACT = PulsedReRAM(cycle_noise=0.0, **LINEAR)
CLOCK = {"dt": DT, "dtype": "float64", "threads": 2}
WAYS = {
    "float64": CLOCK,
    "float32": {"dt": DT, "threads": 1},
    "reference": {**CLOCK, "backend": "reference"},
}
NEAR = {"float32": 1e-6}  # relative: the rounding of a conductance


def raise_step(step, history, history_count, lags, first, synapse, change, proposed, by):
    room = proposed[0]
    for g in range(lags.size):
        slot = (step - lags[g]) % history.shape[0]
        for k in range(history_count[slot]):
            segment = history[slot, k] * lags.size + g
            for s in range(first[segment], first[segment + 1]):
                synapse[room] = s
                change[room] = by
                room += 1
    proposed[0] = room


@dataclass(frozen=True, kw_only=True)
class Raising(Rule):
    """Every arrival asks for as many pulses."""

    pulses: float

    def bounds(self, weights):
        return 0.0, HIGH

    def learn(self, projection, proposals):
        scope = {**projection.listed(), **proposals.scope, "by": self.pulses * PULSE}
        projection.operator(Phase.LEARN, raise_step, scope)


def network(store, rule, threshold=1e3):
    """Sources that reach cells which never fire unless told so: a rule sees arrivals alone."""
    net = Network(seed=6)
    source = net.population(SpikeSource(), SOURCES, name="source")
    cells = net.population(LIF(threshold=threshold), CELLS, name="cells")
    weight, delay = Uniform(5e-3, 10e-3), 1e-3
    net.connect(
        source, cells, AllToAll(), weight=weight, delay=delay, rule=rule, store=store, name="in"
    )
    net.stimulate(source, train(1), name="train")
    net.probe(source, "spikes")
    net.probe(net.projections[0], "weights", every=5e-3)
    return net


def train(times, begin=1e-3):
    """Every source fires so many times, one after the other."""
    steps, ids = np.divmod(np.arange(times * SOURCES), SOURCES)
    return SpikeTrain(begin + steps * 1e-3 + ids * DT, ids)


def simulator(how, store=None, rule=None):
    given = Crossbar(EXACT, adc=None) if store is None else store
    return Simulator(network(given, Raising(pulses=0.1) if rule is None else rule), **WAYS[how])


def moved(made, before):
    """By how many pulses each weight has moved."""
    return (made.weights("in") - before) / PULSE


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("way", ["sum", "mean"])
def test_proposals_are_summed_up_and_programmed_once(how, way):
    """Four arrivals in each of five samples ask for 0.1 pulse each, together for two: two pulses
    move every device, though none of the proposals alone is one. Of their mean, 0.4 of a pulse, a
    share of 0.4 becomes a pulse, to five standard errors.
    """
    made = simulator(how)
    before, state = made.weights("in"), made._engine.snapshot()
    result = made.run(DURATION, inputs={"train": train(4)}, batch=BATCH, learn=way)
    assert made.time == 0.0
    if way == "sum":
        np.testing.assert_allclose(moved(made, before), 2.0, rtol=100 * NEAR.get(how, 1e-12))
    else:
        whole = np.rint(moved(made, before))
        np.testing.assert_allclose(moved(made, before), whole, atol=100 * NEAR.get(how, 1e-12))
        assert set(whole) == {0.0, 1.0}
        assert whole.mean() == pytest.approx(0.4, abs=5 * np.sqrt(0.24 / whole.size))
    kept = {"in.plus", "in.minus", "in.pulses", "in.programmed"}
    for name, array in made._engine.snapshot().items():
        assert name in kept or np.array_equal(array, state[name]), name
    in_samples = (result.weights("in")[:, -1] - before) / PULSE
    assert in_samples.std(axis=0).min() >= 0  # each sample has pulsed a copy of its own
    assert in_samples.mean() == pytest.approx(0.4, abs=5 * np.sqrt(0.36 / in_samples.size))


@pytest.mark.parametrize("how", WAYS)
def test_programming_has_the_errors_of_its_devices(how):
    """Four pulses from cycle to cycle: a standard deviation of twice that of one, whatever the
    samples have seen; what is stuck stays.
    """
    store = Crossbar(PulsedReRAM(cycle_noise=0.02, faults=StuckAt(low=0.1), **LINEAR), adc=None)
    made = simulator(how, store, Raising(pulses=0.2))
    before = made.weights("in")
    made.run(DURATION, inputs={"train": train(4)}, batch=BATCH, learn="sum")
    change = moved(made, before)
    stuck = np.abs(change) < 1e-9
    assert stuck.mean() == pytest.approx(0.1, abs=5 * np.sqrt(0.09 / change.size))
    n, expected = (~stuck).sum(), 0.02 * LEVELS * 2
    assert change[~stuck].mean() == pytest.approx(4.0, abs=5 * expected / np.sqrt(n))
    assert change[~stuck].std() == pytest.approx(expected, rel=5 / np.sqrt(2 * n))


@pytest.mark.parametrize("how", WAYS)
def test_the_sum_of_one_sample_is_a_run_where_a_run_programs_once(how):
    """A run pulses whenever something is proposed, a batch once in the end, so errors of writing
    differ. Without any, where each synapse is asked for three whole pulses once, bits are equal;
    what the sample itself does is a run's in any case.
    """
    batch, plain = (simulator(how, rule=Raising(pulses=3.0)) for _ in range(2))
    before = plain.weights("in")
    result, expected = batch.run(DURATION, batch=1, learn="sum"), plain.run(DURATION)
    np.testing.assert_array_equal(batch.weights("in"), plain.weights("in"))
    np.testing.assert_allclose(moved(plain, before), 3.0, rtol=100 * NEAR.get(how, 1e-12))
    noisy = Crossbar(PulsedReRAM(cycle_noise=0.1))
    batch, plain = (simulator(how, noisy, Raising(pulses=0.7)) for _ in range(2))
    result, expected = batch.run(DURATION, batch=1, learn="sum"), plain.run(DURATION)
    assert result[0].hash == expected.hash
    np.testing.assert_array_equal(result.weights("in")[0], expected.weights("in"))
    assert (batch.weights("in") != plain.weights("in")).any()


@pytest.mark.parametrize("way", ["sum", "mean"])
def test_no_bit_depends_on_threads(way):
    outcomes = set()
    for threads in (1, 2, 3):
        net = network(Crossbar(PulsedReRAM()), STDP(w_max=HIGH), threshold=15e-3)
        made = Simulator(net, dt=DT, threads=threads)
        before = made.weights("in")
        trains = [train(3, begin=1e-3 * k) for k in range(1, BATCH + 1)]
        result = made.run(DURATION, inputs={"train": trains}, learn=way)
        outcomes.add((result.hash, made.weights("in").tobytes()))
        assert np.abs(made.weights("in") - before).max() > PULSE
    assert len(outcomes) == 1


def test_every_programming_draws_anew(tmp_path):
    """Twenty times half a pulse: ten pulses on average and a binomial spread, not all or none; a
    simulator that is saved on the way goes on with the draws that were to come.
    """
    made = simulator("float64", rule=Raising(pulses=0.5))
    before = made.weights("in")
    for k in range(20):
        made.run(2e-3 + SOURCES * DT, batch=3, learn="mean")
        if k == 9:
            made.save(tmp_path / "half")
    pulses = moved(made, before)
    n = pulses.size
    assert pulses.mean() == pytest.approx(10, abs=5 * np.sqrt(5 / n))
    assert pulses.std() == pytest.approx(np.sqrt(5), rel=5 / np.sqrt(2 * n))
    other = Simulator.load(tmp_path / "half")
    for _ in range(10):
        other.run(2e-3 + SOURCES * DT, batch=3, learn="mean")
    np.testing.assert_array_equal(other.weights("in"), made.weights("in"))


def test_bounds_hold_in_the_samples_and_in_the_sum():
    """In each sample the wish ends at the bound, as the weight does; then the sum does so."""
    made = simulator("float64", rule=Raising(pulses=9.0))
    before = made.weights("in")
    made.run(DURATION, inputs={"train": train(10)}, batch=1, learn="sum")
    np.testing.assert_allclose(made.weights("in"), HIGH, atol=1.01 * PULSE)
    assert made.weights("in").max() <= HIGH * (1 + 1e-12)
    mean = simulator("float64", rule=Raising(pulses=9.0))
    mean.run(DURATION, inputs={"train": [train(10), train(10)]}, learn="mean")
    np.testing.assert_allclose(mean.weights("in") - before, HIGH - before, atol=1.01 * PULSE)


def test_tiles_change_nothing_about_what_is_learned():
    whole, tiled = (
        simulator("float64", Crossbar(PulsedReRAM(), tile=tile, adc=None), Raising(pulses=0.6))
        for tile in (None, Tile(rows=8, columns=8))
    )
    for made in (whole, tiled):
        made.run(DURATION, inputs={"train": train(4)}, batch=3, learn="sum")
    np.testing.assert_array_equal(whole.weights("in"), tiled.weights("in"))


def test_a_batch_that_breaks_off_while_it_programs_leaves_no_trace(monkeypatch):
    made, other = simulator("float64"), simulator("float64")
    state = made._engine.snapshot()
    programmed = clock.program_once

    def broken(*arguments: Any) -> None:
        programmed(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(clock, "program_once", broken)
    with pytest.raises(KeyboardInterrupt):
        made.run(DURATION, inputs={"train": train(4)}, batch=BATCH, learn="sum")
    monkeypatch.undo()
    for name, array in made._engine.snapshot().items():
        np.testing.assert_array_equal(array, state[name], err_msg=name)
    for one in (made, other):
        one.run(DURATION, inputs={"train": train(4)}, batch=BATCH, learn="sum")
    np.testing.assert_array_equal(made.weights("in"), other.weights("in"))
    assert made.run(DURATION).hash == other.run(DURATION).hash


@dataclass(frozen=True, kw_only=True)
class Plain(Store):
    """What `Ideal` does, by a store that does not say that its changes merely add."""

    def prepare(self, projection):
        synapses = projection.synapses
        weights = np.broadcast_to(synapses.weights, (synapses.n,))
        return {"weights": projection.signal("weights", "store", "float", (synapses.n,), weights)}

    def read(self, projection, scope):
        own = {**projection.listed(), **scope, "pending": projection.pending()}
        own |= projection.build.waking(projection.names["receiving"])
        projection.operator(projection.phase, "deliver_step", own)

    def program(self, projection, scope, proposals):
        projection.operator(Phase.LEARN, "program_step", {**proposals.scope, **scope})

    def weights(self, projection, memory):
        return memory[f"{projection.name}.weights"].astype(np.float64)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_store_of_a_users_own_programs_what_ideal_adds(room, dtype):
    """On every backend; STDP proposes here what it adds at once to Ideal weights."""
    learned = []
    for store in (Plain(), Ideal()):
        net = network(store, STDP(w_max=HIGH, a_plus=0.2e-3), threshold=15e-3)
        made = Simulator(net, dt=DT, backend=room, dtype=dtype, threads=1)
        trains = [train(3, begin=1e-3 * k) for k in range(1, 4)]
        before = made.weights("in")
        result = made.run(DURATION, inputs={"train": trains}, learn="sum")
        learned.append((made.weights("in"), result.weights("in")))
        assert np.abs(made.weights("in") - before).max() > 1e-4
    rounding = 1e-6 if dtype == "float32" else 1e-12
    for here, there in zip(*learned, strict=True):
        np.testing.assert_allclose(here, there, rtol=rounding)


def test_a_batch_learns_after_another_stimulus():
    """A stimulus that is there from the beginning, and one that takes its place, teach the same."""
    outcomes = []
    for changed in (False, True):
        net = network(Crossbar(EXACT, adc=None), Raising(pulses=1.0))
        simulator = Simulator(net, **CLOCK)
        if changed:
            simulator.stimulate("train", train(2))
            simulator.stimulate("train", train(1))
        before = simulator.weights("in")
        simulator.run(DURATION, batch=2, learn="sum")
        outcomes.append(simulator.weights("in"))
        assert (outcomes[-1] != before).any()
    np.testing.assert_array_equal(*outcomes)


@pytest.mark.parametrize("threads", [1, 2])
def test_devices_that_numbers_drive_learn_in_batches_too(threads):
    """Fine pulses without errors carry out what a rule on numbers proposes as well as `Ideal`; of
    positive weights, as a change across 0 is cut short on a pair of devices.
    """
    fine = PulsedReRAM(g_min=1e-6, cycle_noise=0.0, **(LINEAR | {"levels": 2**40}))
    start = np.linspace(0.8, 1.2, N_PRE * N_POST)
    rng = np.random.default_rng(1)
    lessons = [TimedArray(rng.normal(size=(40, N_POST)), 5e-3) for _ in range(3)]
    learned = []
    for store in (Crossbar(fine, adc=None), Ideal()):
        net = taught(Delta(rate=0.01), store, weight=start)
        made = Simulator(net, dt=1e-3, dtype="float64", threads=threads)
        before = made.weights("learned")
        made.run(0.03, inputs={"lesson": lessons}, learn="sum")
        learned.append(made.weights("learned") - before)
    assert np.abs(learned[1]).max() > 0.05
    np.testing.assert_allclose(learned[0], learned[1], rtol=0, atol=1e-8)
