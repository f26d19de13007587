"""The samples of a batch by their numbers: new ones on request, the same however a batch is cut."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from potentia import Network, Simulator
from potentia.errors import DataError, ParameterError
from potentia.hardware import ADC, Crossbar, PulsedReRAM
from potentia.learning import STDP
from potentia.models import LIF, EscapeLIF, SpikeSource
from potentia.sim import (
    BatchResult,
    Constant,
    FixedProbability,
    Noise,
    Normal,
    Poisson,
    SpikeTrain,
    Uniform,
)
from potentia.sim.engines import batch_inputs
from potentia.sim.results import storage
from potentia.sim.runs import sections

DURATION, HOW = 40e-3, {"dt": 1e-4, "dtype": "float64"}
CLOCK, EVENT = {**HOW, "threads": 2, "chunk": 100}, {"engine": "event", "threads": 2}
WAYS = {
    "clock": CLOCK,
    "float32": {"dt": 1e-4, "threads": 1},
    "reference": {**HOW, "backend": "reference"},
    "event": EVENT,
}


@pytest.fixture(autouse=True)
def often(monkeypatch):
    """A section and a checkpoint at every visit of Python."""
    monkeypatch.setattr(sections, "MOST_BYTES", 1)
    monkeypatch.setattr(sections, "CHECKPOINT_SECONDS", 0.0)


def network(*, learns=False, devices=False, escape=False):
    """Whatever draws: trains, a noise, neurons on request, reading errors and pulses."""
    net = Network(seed=4)
    source = net.population(SpikeSource(), 20, name="source")
    model = EscapeLIF() if escape else LIF(threshold=Normal(12e-3, 1e-3))
    cells = net.population(model, 10, name="cells")
    device = PulsedReRAM(read_noise=0.1, cycle_noise=0.1)
    net.connect(
        source,
        cells,
        FixedProbability(0.5),
        weight=Uniform(1e-3, 3e-3),
        delay=1e-3,
        rule=STDP() if learns else None,
        store=Crossbar(device, adc=ADC(bits=8)) if devices else None,
        name="in",
    )
    net.stimulate(source, Poisson(rate=200.0), name="trains")
    net.stimulate(cells, Noise(mean=8e-3, std=4e-3, interval=1e-3), name="noise")
    net.stimulate(cells, Constant(Normal(2e-3, 1e-3)), name="current")
    net.probe(source, "spikes")
    net.probe(cells, "spikes")
    net.probe(cells, "v", every=5e-3)
    if learns:
        net.probe(net.projections[0], "weights", every=10e-3)
    return net


def simulator(how, **described):
    made = Simulator(network(**described), **WAYS[how])
    made.run(10e-3)
    return made


CASES = [
    ("clock", {}),
    ("float32", {"learns": True}),
    ("clock", {"escape": True}),
    ("clock", {"learns": True, "devices": True}),
    ("reference", {"learns": True, "devices": True}),
    ("event", {}),
    ("event", {"learns": True}),
]


@pytest.mark.parametrize(("how", "described"), CASES)
def test_a_batch_may_be_cut_anywhere(how, described):
    """Six samples are the first four and two more, also where each has a stimulus that is drawn."""
    learn = "each" if described.get("learns") else None
    currents = [Constant(Normal(2e-3, 1e-3)) for _ in range(6)]
    made = simulator(how, **described)
    whole = made.run(DURATION, inputs={"current": currents}, learn=learn)
    parts = [
        sample
        for first, end in ((0, 4), (4, 6))
        for sample in made.run(
            DURATION, inputs={"current": currents[first:end]}, learn=learn, first=first
        )
    ]
    assert len({sample.hash for sample in whole}) == 6
    for here, there in zip(whole, parts, strict=True):
        assert here.hash == there.hash
        np.testing.assert_array_equal(here.trace("cells", "v"), there.trace("cells", "v"))
        if learn:
            np.testing.assert_array_equal(here.weights("in"), there.weights("in"))


@pytest.mark.parametrize(("how", "described"), CASES)
def test_further_samples_from_a_saved_simulator_and_in_files(how, described, tmp_path):
    """Half of a batch is saved, and the rest run by a simulator from a file and by a pickled one:
    the files hold the samples of the whole batch, to the last bit.
    """
    learn = "each" if described.get("learns") else None
    made = simulator(how, **described)
    made.save(tmp_path / "here.snapshot")
    whole = made.run(DURATION, batch=5, learn=learn)
    made.run(DURATION, batch=2, learn=learn).save(tmp_path / "0.h5")
    threads = {} if how == "reference" else {"threads": 1}
    loaded = Simulator.load(tmp_path / "here.snapshot", **threads)
    loaded.run(DURATION, batch=2, learn=learn, first=2).save(tmp_path / "2.h5")
    copied = pickle.loads(pickle.dumps(loaded))
    copied.run(DURATION, batch=1, learn=learn, first=4).save(tmp_path / "4.h5")
    read = [sample for k in (0, 2, 4) for sample in BatchResult.load(tmp_path / f"{k}.h5")]
    joined = BatchResult(read).save(tmp_path / "all.h5")
    assert [storage.digest(one) for one in BatchResult.load(joined)] == [
        storage.digest(one) for one in whole
    ]
    assert len({sample.hash for sample in whole}) == 5


@pytest.mark.parametrize("how", ["clock", "event"])
def test_a_repeated_batch_draws_the_same_and_further_samples_others(how):
    """Trains of a thousand units and samples have nothing to do with one another: counts of spikes
    of the same units correlate by chance alone, five standard errors at most.
    """
    net = Network(seed=1)
    source = net.population(SpikeSource(), 1000, name="source")
    net.stimulate(source, Poisson(rate=100.0))
    net.probe(source, "spikes")
    made = Simulator(net, **WAYS[how])
    first, again = made.run(0.1, batch=3), made.run(0.1, batch=3)
    assert first.hash == again.hash
    others = made.run(0.1, batch=3, first=3)
    counts = np.array(
        [
            np.bincount(part.ids, minlength=1000)
            for part in (*first.spikes(source), *others.spikes(source))
        ]
    )
    assert counts.mean() == pytest.approx(10, abs=5 * np.sqrt(10 / counts.size))
    apart = np.corrcoef(counts)[np.triu_indices(6, 1)]
    assert np.abs(apart).max() < 5 / np.sqrt(1000)
    made.run(0.1)
    later = made.run(0.1, batch=3)
    assert not {sample.hash for sample in later} & {sample.hash for sample in first}


@pytest.mark.parametrize("engine", ["clock", "event"])
def test_the_first_sample_goes_on_with_the_trains_on_their_way(engine):
    """As a run does; sample 0 is that, also at the end of a description that says so."""
    made, plain = simulator(engine), simulator(engine)
    assert made.run(DURATION, batch=1, first=0)[0].hash == plain.run(DURATION).hash
    assert made.run(DURATION, batch=1, first=1)[0].hash == made.run(DURATION, batch=2)[1].hash


def test_numbers_of_samples_are_checked():
    made = simulator("clock")
    words = "^Simulator.run first: must be a whole number >= 0 and <= 9007199254740992 "
    for wrong in (-1, 1.5, 2**60, "1", [0]):
        with pytest.raises(ParameterError, match=words):
            made.run(DURATION, batch=2, first=wrong)
    with pytest.raises(ParameterError, match=r"^Simulator.run first: must be None without a batch"):
        made.run(DURATION, first=2)
    largest = made.run(DURATION, batch=2, first=1 << 53)
    assert len({sample.hash for sample in largest}) == 2


def broken(folder, how, **batch):
    """A recorded run that an interrupt ends, after a batch that learned."""
    left = iter(range(3))

    def tick(steps):
        if next(left, None) is None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        after(how, **batch)._session.single(0.4, tick, folder)


def after(how, **batch):
    """A simulator that has learned in a batch, if told of one."""
    made = simulator(how, learns=True)
    if batch:
        trains = [Poisson(rate=rate) for rate in batch.pop("rates", (100.0, 300.0))]
        made.run(DURATION, inputs={"trains": trains}, **batch)
    return made


OTHERS = {
    "nothing": {},
    "the sum": {"learn": "sum"},
    "fast weights": {"learn": "each"},
    "other samples": {"learn": "mean", "first": 2},
    "other trains": {"learn": "mean", "rates": (100.0, 200.0)},
    "another order": {"learn": "mean", "rates": (300.0, 100.0)},
}


@pytest.mark.parametrize("how", ["clock", "event"])
def test_a_recorded_run_is_taken_up_only_after_the_same_batches(how, tmp_path):
    """No time passes in a batch, so nothing else tells that the weights were others."""
    broken(tmp_path, how, learn="mean")
    for other in OTHERS.values():
        with pytest.raises(DataError, match="another simulation"):
            after(how, **other).run(0.4, record_to=tmp_path, resume=True)
    whole = after(how, learn="mean").run(0.4)
    taken_up = after(how, learn="mean").run(0.4, record_to=tmp_path, resume=True)
    assert taken_up.hash == whole.hash
    np.testing.assert_array_equal(taken_up.weights("in"), whole.weights("in"))


@pytest.mark.parametrize("how", ["clock", "event"])
def test_a_recorded_run_after_further_samples_is_taken_up(how, tmp_path):
    """By a simulator that learned in the same samples, also one that comes from a file then."""
    later = {"learn": "sum", "first": 7}
    broken(tmp_path / "run", how, **later)
    after(how, **later).save(tmp_path / "here.snapshot")
    whole = after(how, **later).run(0.4)
    loaded = Simulator.load(tmp_path / "here.snapshot")
    taken_up = loaded.run(0.4, record_to=tmp_path / "run", resume=True)
    assert taken_up.hash == whole.hash
    np.testing.assert_array_equal(taken_up.weights("in"), whole.weights("in"))


def test_fast_weights_and_batches_without_rules_leave_no_trace(tmp_path):
    broken(tmp_path, "clock", learn="each")
    whole = simulator("clock", learns=True).run(0.4)
    made = simulator("clock", learns=True)
    assert made.run(0.4, record_to=tmp_path, resume=True).hash == whole.hash


def test_a_broken_batch_is_not_remembered(tmp_path, monkeypatch):
    """A batch that an interrupt ends has changed nothing, so a recorded run goes on without it."""
    broken(tmp_path, "clock")
    made = simulator("clock", learns=True)

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(type(made._engine), "_reach", stop)
    with pytest.raises(KeyboardInterrupt):
        made.run(DURATION, batch=2, learn="sum")
    monkeypatch.undo()
    whole = simulator("clock", learns=True).run(0.4)
    assert made.run(0.4, record_to=tmp_path, resume=True).hash == whole.hash


def test_saved_and_copied_simulators_remember_what_batches_learned(tmp_path):
    broken(tmp_path / "run", "clock", learn="sum")
    made = after("clock", learn="sum")
    made.save(tmp_path / "saved")
    other = Simulator.load(tmp_path / "saved")
    whole = made.run(0.4)
    assert other.run(0.4, record_to=tmp_path / "run", resume=True).hash == whole.hash


def test_a_train_that_samples_share_enters_the_history_once():
    """So the history of many samples takes no longer than that of one."""
    train, other = SpikeTrain([0.1], [0]), SpikeTrain([0.2], [0])
    told = batch_inputs.told([{"in": train}, {"in": train}, {"in": other}])
    assert told == {
        "samples": [{"in": 0}, {"in": 0}, {"in": 1}],
        "stimulus 0": train,
        "stimulus 1": other,
    }
