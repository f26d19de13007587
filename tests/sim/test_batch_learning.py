"""Batches that learn: sums and means of what samples change, fast weights, on both engines."""

from dataclasses import dataclass

import numpy as np
import pytest

from potentia import Network, Simulator
from potentia.errors import CapacityError, NetworkError, ParameterError
from potentia.hardware import Crossbar, PulsedReRAM
from potentia.learning import STDP
from potentia.models import LIF, SpikeSource
from potentia.sim import FixedProbability, Phase, Rule, SpikeTrain, Uniform, free_memory

DT, DURATION, BATCH = 1e-4, 50e-3, 5
RULE = STDP(a_plus=0.1e-3, a_minus=0.12e-3, w_max=6e-3)
CLOCK = {"dt": DT, "dtype": "float64", "threads": 2}
WAYS = {
    "float64": CLOCK,
    "float32": {"dt": DT, "threads": 2},
    "reference": {**CLOCK, "backend": "reference"},
    "event": {"engine": "event", "threads": 2},
}
NEAR = {"float32": 1e-6}  # relative: the rounding of a weight; of others that of a sum of float64


def train(seed, n=400):
    """Spikes of the sources at different times on the grid."""
    steps, ids = np.divmod(np.random.default_rng(seed).choice(450 * 30, n, replace=False), 30)
    return SpikeTrain((steps + 1) * DT, ids)


def network(store=None, *, rule=RULE):
    """Sources that teach cells, cells that teach one another, and synapses that never change."""
    net = Network(seed=6)
    source, cells = (
        net.population(SpikeSource(), 30, name="source"),
        net.population(LIF(), 20, name="cells"),
    )
    net.connect(
        source,
        cells,
        FixedProbability(0.5),
        weight=Uniform(1e-3, 5e-3),
        delay=1e-3,
        rule=rule,
        store=store,
        name="in",
    )
    net.connect(
        cells,
        cells,
        FixedProbability(0.3),
        weight=1e-3,
        delay=2e-3,
        name="loop",
        rule=None if rule is None else STDP(tau_plus=10e-3, w_min=-1e-3, w_max=3e-3),
    )
    net.connect(source, cells, FixedProbability(0.2), weight=0.5e-3, delay=1e-3, name="static")
    net.stimulate(source, train(0), name="train")
    net.probe(cells, "spikes")
    net.probe(net.projections[0], "weights", every=10e-3)
    return net


TRAINS = {"train": [train(seed) for seed in range(1, BATCH + 1)]}


def raise_step(step, history, history_count, lags, first, synapse, change, proposed):
    room = proposed[0]
    for g in range(lags.size):
        slot = (step - lags[g]) % history.shape[0]
        for k in range(history_count[slot]):
            segment = history[slot, k] * lags.size + g
            for s in range(first[segment], first[segment + 1]):
                synapse[room] = s
                change[room] = 1e-5
                room += 1
    proposed[0] = room


@dataclass(frozen=True, kw_only=True)
class Raising(Rule):
    """Every arrival raises the weight by 10 uV; the store does it."""

    def learn(self, projection, proposals):
        projection.operator(Phase.LEARN, raise_step, {**projection.listed(), **proposals.scope})


def simulator(how, **described):
    """At 10 ms, so that traces and spikes in flight are there."""
    made = Simulator(network(**described), **how)
    made.run(10e-3)
    return made


def weights(made):
    return {name: made.weights(name) for name in ("in", "loop", "static")}


def rest(made):
    """All of the state but the weights."""
    state = made._engine.snapshot()
    return {key: array.tobytes() for key, array in state.items() if not key.endswith("weights")}


def alone(how, stimulus):
    """What one sample comes to, as a batch of one would have it: its weights at the end."""
    made = simulator(how)
    before = weights(made)
    made.run(DURATION, inputs={"train": stimulus}, batch=1, learn="sum")
    return before, weights(made)


@pytest.mark.parametrize("name", WAYS)
@pytest.mark.parametrize("way", ["sum", "mean"])
def test_changes_are_added_up(name, way):
    """Against a loop over samples, each run for itself; bounds act in the samples
    and on the sum.
    """
    how = WAYS[name]
    made = simulator(how)
    state = rest(made)
    result = made.run(DURATION, inputs=TRAINS, learn=way)
    assert rest(made) == state
    assert made.time == pytest.approx(10e-3)
    singles = [alone(how, stimulus) for stimulus in TRAINS["train"]]
    begin = singles[0][0]
    for part, bounds in (("in", (0.0, 6e-3)), ("loop", (-1e-3, 3e-3))):
        total = sum(after[part] - begin[part] for _, after in singles) / (
            BATCH if way == "mean" else 1
        )
        expected = np.clip(begin[part] + total, *bounds)
        assert np.abs(total).max() > 1e-4
        np.testing.assert_allclose(
            made.weights(part), expected, rtol=NEAR.get(name, 1e-12), atol=1e-9
        )
    np.testing.assert_array_equal(made.weights("static"), begin["static"])
    assert len({sample.hash for sample in result.samples}) == BATCH


@pytest.mark.parametrize("name", WAYS)
def test_a_batch_of_one_learns_what_a_run_learns(name):
    """The sum of one change, on the way of the described train: the weights of a plain run, whose
    state goes on.
    """
    batch, plain = simulator(WAYS[name]), simulator(WAYS[name])
    state = rest(batch)
    result = batch.run(DURATION, batch=1, learn="sum")
    expected = plain.run(DURATION)
    assert result[0].hash == expected.hash
    for part in ("in", "loop"):
        np.testing.assert_array_equal(batch.weights(part), plain.weights(part))
        assert np.abs(batch.weights(part) - simulator(WAYS[name]).weights(part)).max() > 1e-5
    np.testing.assert_array_equal(result.weights("in")[0], expected.weights("in"))
    assert rest(batch) == state


@pytest.mark.parametrize("name", ["float64", "float32", "event"])
def test_the_mean_of_equal_samples_is_one_of_them(name):
    """Four changes that are equal, divided by four, which rounds nothing."""
    one, four = simulator(WAYS[name]), simulator(WAYS[name])
    one.run(DURATION, inputs={"train": train(1)}, batch=1, learn="mean")
    four.run(DURATION, inputs={"train": train(1)}, batch=4, learn="mean")
    for part in ("in", "loop"):
        np.testing.assert_array_equal(one.weights(part), four.weights(part))


@pytest.mark.parametrize("name", ["float64", "float32", "event"])
def test_no_bit_depends_on_threads(name):
    outcomes = set()
    for threads in (1, 2, 3):
        made = simulator({**WAYS[name], "threads": threads})
        result = made.run(DURATION, inputs=TRAINS, learn="sum")
        outcomes.add((result.hash, made.weights("in").tobytes(), made.weights("loop").tobytes()))
    assert len(outcomes) == 1


@pytest.mark.parametrize("name", WAYS)
def test_fast_weights_are_each_samples_own(name):
    """No sample sees what another learns, and nothing is left of it."""
    made = simulator(WAYS[name])
    before, state = weights(made), rest(made)
    result = made.run(DURATION, inputs=TRAINS, learn="each")
    assert rest(made) == state
    for part, values in weights(made).items():
        np.testing.assert_array_equal(values, before[part])
    recorded = result.weights("in")
    assert recorded.shape == (BATCH, 5, before["in"].size)
    assert np.ptp(recorded[:, -1], axis=0).max() > 1e-4
    single = simulator(WAYS[name]).run(
        DURATION, inputs={"train": TRAINS["train"][-1:]}, learn="each"
    )
    np.testing.assert_array_equal(single.weights("in")[0], recorded[-1])
    assert single[0].hash == result[-1].hash


@pytest.mark.parametrize("name", ["float64", "event"])
def test_what_is_learned_acts_in_the_next_run(name, tmp_path):
    """Weights that a batch has changed are those of the runs after it, also of a saved and loaded
    simulator.
    """
    made, other = simulator(WAYS[name]), simulator(WAYS[name])
    made.run(DURATION, inputs=TRAINS, learn="sum")
    made.save(tmp_path / "learned")
    loaded = Simulator.load(tmp_path / "learned")
    here, there = made.run(DURATION), loaded.run(DURATION)
    assert here.hash == there.hash != other.run(DURATION).hash
    for part, values in weights(made).items():
        np.testing.assert_array_equal(values, loaded.weights(part))


@pytest.mark.parametrize("name", ["float64", "event"])
def test_two_batches_learn_one_after_the_other(name):
    """The second begins with what the first has learned: its changes start there."""
    made = simulator(WAYS[name])
    made.run(DURATION, inputs=TRAINS, learn="mean")
    first = made.weights("in")
    made.run(DURATION, inputs=TRAINS, learn="mean")
    assert np.abs(made.weights("in") - first).max() > 1e-5


def test_a_card_learns_what_the_processor_learns(gpu):
    """Its own copy of the weights is renewed: the run after the batch begins with what the batch
    has learned.
    """
    outcomes = []
    for backend in (gpu, "cpu"):
        made = simulator({**CLOCK, "threads": 1, "backend": backend})
        batch = made.run(DURATION, inputs=TRAINS, learn="mean")
        learned = made.weights("in")
        outcomes.append(
            (batch.hash, batch.weights("in"), learned, made.run(DURATION).hash, made.weights("in"))
        )
    for here, there in zip(*outcomes, strict=True):
        np.testing.assert_array_equal(here, there)


def test_weights_for_every_thread_must_fit_into_memory(monkeypatch):
    made = simulator(CLOCK)
    before = weights(made)
    monkeypatch.setattr(free_memory, "free_bytes", lambda: 1e3)
    words = r"^Simulator\.run: needs 0.0 GB, but 0.0 GB are free \(got 2 threads with weights of their own"
    with pytest.raises(CapacityError, match=words):
        made.run(DURATION, inputs=TRAINS, learn="each")
    monkeypatch.undo()
    for part, values in weights(made).items():
        np.testing.assert_array_equal(values, before[part])


@pytest.mark.parametrize("name", ["float64", "float32", "reference"])
def test_a_rule_of_a_users_own_proposes_in_each_sample(name):
    """The store carries out what it proposes: each arrival adds as much, also of spikes in flight
    at 10 ms.
    """
    made = simulator(WAYS[name], rule=Raising())
    first, sources = made.weights("in"), made.synapses("in").sources
    result = made.run(DURATION, inputs=TRAINS, learn="sum")
    fired = [(stimulus.times > 10.05e-3, stimulus.ids) for stimulus in TRAINS["train"]]
    flight = np.bincount(train(0).ids[np.abs(train(0).times - 9.55e-3) < 0.5e-3], minlength=30)
    arrivals = np.array([np.bincount(ids[late], minlength=30) + flight for late, ids in fired])[
        :, sources
    ]
    near = 1e-8 if name == "float32" else 1e-15
    np.testing.assert_allclose(result.weights("in")[:, -1] - first, 1e-5 * arrivals, atol=near)
    np.testing.assert_allclose(made.weights("in") - first, 1e-5 * arrivals.sum(axis=0), atol=near)


def test_an_empty_batch_in_time_changes_nothing():
    made = simulator(CLOCK)
    before = weights(made)
    made.run(0.0, batch=3, learn="sum")
    for part, values in weights(made).items():
        np.testing.assert_array_equal(values, before[part])


def test_devices_have_fast_weights():
    """Pulses act on a copy of the devices, of which nothing is left."""
    made = simulator({"dt": DT, "threads": 2}, store=Crossbar(PulsedReRAM()))
    before, state = weights(made), made._engine.snapshot()
    result = made.run(DURATION, inputs=TRAINS, learn="each")
    assert np.ptp(result.weights("in")[:, -1], axis=0).max() > 0
    for part, values in weights(made).items():
        np.testing.assert_array_equal(values, before[part])
    for key, array in made._engine.snapshot().items():
        np.testing.assert_array_equal(array, state[key])


@pytest.mark.parametrize("name", ["float64", "float32", "reference"])
def test_pulses_of_two_samples_have_nothing_to_do_with_one_another(name):
    """Samples with one train differ by the noise of their pulses alone, which is as good as
    uncorrelated: about their mean, moves of two samples correlate by -1 / (batch - 1), within five
    standard errors.
    """
    store = Crossbar(PulsedReRAM(cycle_noise=0.3), adc=None)
    made = simulator(WAYS[name], store=store)
    before = made.weights("in")
    moves = made.run(DURATION, batch=8, learn="each").weights("in")[:, -1] - before
    assert np.abs(moves).max(axis=1).min() > 1e-4
    apart = (moves - moves.mean(axis=0))[:, moves.std(axis=0) > 0]
    pairs = np.corrcoef(apart)[np.triu_indices(8, 1)]
    assert np.abs(pairs + 1 / 7).max() < 5 / np.sqrt(apart.shape[1])


@pytest.mark.parametrize("how", [CLOCK, {"engine": "event"}], ids=["clock", "event"])
def test_without_a_rule_there_is_nothing_to_learn(how):
    """The frozen control of a batch that learns is the same call on the network without rules."""
    made = simulator(how, rule=None)
    assert (
        made.run(DURATION, inputs=TRAINS, learn="sum").hash
        == made.run(DURATION, inputs=TRAINS).hash
    )


def test_bad_requests_end_in_one_sentence():
    made = simulator(CLOCK)
    words = r"^Simulator\.run learn: must be given for a batch of a network with a rule, 'in' has one: 'mean' or 'sum'"
    with pytest.raises(NetworkError, match=words):
        made.run(DURATION, batch=2)
    with pytest.raises(
        ParameterError,
        match=r"^Simulator\.run learn: must be one of mean, sum, each; did you mean 'mean'",
    ):
        made.run(DURATION, batch=2, learn="means")
    with pytest.raises(
        ParameterError, match=r"^Simulator\.run learn: must be None without a batch"
    ):
        made.run(DURATION, learn="sum")
