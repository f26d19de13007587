"""Neurons that fire at random: their law, and that no way to run them changes what they draw."""

from __future__ import annotations

import math
import pickle
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from scipy import stats

from potentia import Network, Simulator
from potentia.errors import ParameterError, UnsupportedError
from potentia.kernels.cpu.random import uniform
from potentia.models import LIF, EscapeLIF
from potentia.sim import Constant, FixedProbability, NeuronModel, Poisson
from potentia.sim.plan import shards

DT = 1e-4


def steady(model, n, v, seed=1, **options):
    """A simulator of units whose potential is `v` for ever: their drive, their reset and where they
    start.
    """
    net = Network(seed=seed)
    cells = net.population(model, n, name="cells", initial={"v": v})
    net.stimulate(cells, Constant(v))
    net.probe(cells, "spikes")
    return Simulator(net, **{"dt": DT, **options})


def rate_at(model, v):
    return model.rate * np.exp((v - model.threshold) / model.spread)


def waits(model, v, n, duration):
    """Steps between two spikes of a unit, without the dead time; the first spike of each is left
    out.
    """
    trains = steady(model, n, v).run(duration).spikes("cells").trains()
    hold = round(model.refractory / DT)
    return np.concatenate([np.rint(np.diff(train) / DT) for train in trains]) - hold


@pytest.mark.parametrize("v", [10e-3, 18e-3, 21e-3])
def test_intervals_are_a_dead_time_and_an_exponential_time(v):
    """In steps, ``hold + K`` with P(K > k) = exp(-rho dt k): its chance of a smaller one, spread
    out, is uniform.

    10,000 intervals or more; the distance of Kolmogorov and Smirnov has a p-value above 0.1 %. The
    end of a run cuts long intervals off, which bends the law by 1 / (rho duration): here 0.5 %,
    half of the distance that is allowed.
    """
    model = EscapeLIF(reset=v, threshold=22e-3, rate=400.0, spread=4e-3, refractory=3e-3)
    found = waits(model, v, n=200, duration=round(200 / rate_at(model, v), 2))
    assert found.min() >= 1
    assert found.size > 10_000
    stays = math.exp(-rate_at(model, v) * DT)
    spread = np.random.default_rng(0).random(found.size) * (stays ** (found - 1) - stays**found)
    assert stats.kstest(1 - stays ** (found - 1) + spread, "uniform").pvalue > 1e-3


def test_the_rate_is_the_closed_form_for_every_unit():
    """1 / (dead time + 1 / rho), with fields per unit: counts of 20 s within 4.5 standard errors
    for 200 units.

    A step of dt makes the mean wait dt / (1 - exp(-rho dt)), which is what the clock draws.
    """
    rng, n, duration = np.random.default_rng(3), 200, 20.0
    threshold, v = rng.uniform(12e-3, 18e-3, n), rng.uniform(5e-3, 11e-3, n)
    model = EscapeLIF(
        threshold=threshold,
        rate=rng.uniform(50.0, 300.0, n),
        spread=rng.uniform(2e-3, 6e-3, n),
        reset=v,
        refractory=rng.integers(0, 40, n) * DT,
    )
    counts = steady(model, n, v).run(duration).spikes("cells").counts()
    chance = -np.expm1(-rate_at(model, v) * DT)
    mean = model.refractory + DT / chance
    deviation = DT * np.sqrt(1 - chance) / chance
    expected, error = duration / mean, np.sqrt(duration / mean**3) * deviation
    z = (counts - expected) / error
    assert np.abs(z).max() < 4.5
    assert z.mean() == pytest.approx(0.0, abs=4 / math.sqrt(n))
    assert (
        np.abs((1 / mean) / (1 / (model.refractory + 1 / rate_at(model, v))) - 1).max()
        < 0.5 * DT * 300.0
    )


def test_units_and_intervals_are_independent():
    """Counts of 100 units in 400 windows, and one interval and the next, are correlated as by
    chance alone.
    """
    model = EscapeLIF(reset=15e-3, threshold=22e-3, rate=400.0, spread=4e-3, refractory=0.0)
    spikes = steady(model, 100, 15e-3).run(20.0).spikes("cells")
    table = np.stack([np.histogram(train, 400, (0.0, 20.0))[0] for train in spikes.trains()])
    pairs = np.corrcoef(table)[np.triu_indices(100, 1)]
    assert np.abs(pairs).max() < 5 / math.sqrt(400)
    assert np.sqrt(np.mean(pairs**2)) == pytest.approx(1 / math.sqrt(400), rel=0.1)
    lagged = [
        np.corrcoef(np.diff(train)[:-1], np.diff(train)[1:])[0, 1] for train in spikes.trains()
    ]
    assert np.mean(lagged) == pytest.approx(0.0, abs=5 / math.sqrt(len(spikes)))


def driven(model, **options):
    """Units under Poisson spikes and a recurrent projection."""
    net = Network(seed=5)
    cells = net.population(model, 30, name="cells")
    net.stimulate(cells, Poisson(rate=800.0, weight=1.5e-3))
    net.connect(cells, cells, FixedProbability(0.2), weight=1e-3, delay=1e-3)
    net.probe(cells, "v")
    net.probe(cells, "spikes")
    return Simulator(net, dt=DT, **options)


def test_without_noise_it_is_a_lif(backend):
    """A rate of 0 never fires; one that is huge and a spread of nothing fire at the threshold,
    spike for spike.
    """
    silent = driven(EscapeLIF(rate=0.0), backend=backend.name).run(0.05)
    assert len(silent.spikes("cells")) == 0
    never = driven(LIF(threshold=10.0), backend=backend.name).run(0.05)
    np.testing.assert_array_equal(silent.trace("cells", "v"), never.trace("cells", "v"))
    sharp = driven(EscapeLIF(rate=1e9, spread=1e-12), backend=backend.name, dtype="float64").run(
        0.05
    )
    plain = driven(LIF(), backend=backend.name, dtype="float64").run(0.05)
    assert len(plain.spikes("cells")) > 20
    assert sharp.hash == plain.hash
    np.testing.assert_array_equal(sharp.trace("cells", "v"), plain.trace("cells", "v"))


NOISY = EscapeLIF(threshold=10e-3, rate=200.0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_backend_draws_the_same_spikes(backend, dtype):
    expected = driven(NOISY, backend="cpu", dtype=dtype).run(0.1)
    assert len(expected.spikes("cells")) > 50
    here = driven(NOISY, backend=backend.name, dtype=dtype).run(0.1)
    assert here.hash == expected.hash


@pytest.mark.parametrize("units", [2, 7, 2048])
@pytest.mark.parametrize(
    "options", [{}, {"threads": 2}, {"chunk": 3}, {"backend": "reference"}], ids=str
)
def test_no_cut_changes_a_draw(units, options, monkeypatch):
    """Shards of any size, threads, chunks."""
    expected = driven(NOISY).run(0.05).hash
    monkeypatch.setattr(shards, "UNITS", units)
    assert driven(NOISY, **options).run(0.05).hash == expected


def test_shards_of_a_device_are_one(gpu, monkeypatch):
    """There the shards of a population are one work, whose first unit is that of the first."""
    expected = driven(NOISY).run(0.05).hash
    monkeypatch.setattr(shards, "UNITS", 7)
    assert driven(NOISY, backend=gpu).run(0.05).hash == expected


def test_a_unit_draws_the_same_in_a_larger_population():
    model = EscapeLIF(reset=8e-3)
    small, large = (steady(model, n, 8e-3).run(0.2).spikes("cells").trains() for n in (3000, 5000))
    for one, other in zip(small, large, strict=False):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("way", ["runs", "pickle", "save"])
def test_runs_go_on_where_they_were(way, tmp_path):
    whole = driven(NOISY).run(0.1)
    simulator = driven(NOISY)
    first = simulator.run(0.0423)
    if way == "pickle":
        simulator = pickle.loads(pickle.dumps(simulator))
    elif way == "save":
        simulator.save(tmp_path / "state.h5")
        simulator = Simulator.load(tmp_path / "state.h5")
    rest = simulator.run(0.0577)
    assert rest.hash == whole.hash
    joined = np.concatenate([part.spikes("cells").times for part in (first, rest)])
    np.testing.assert_array_equal(joined, whole.spikes("cells").times)


@pytest.mark.parametrize("threads", [1, 2])
def test_samples_of_a_batch_draw_for_themselves(threads):
    """The first draws what a run draws; the others are as unlike each other as units are."""
    model = EscapeLIF(reset=8e-3)
    simulator = steady(model, 100, 8e-3, threads=threads)
    simulator.run(0.01)
    batch = simulator.run(0.3, batch=3).samples
    alone = simulator.run(0.3)
    assert batch[0].hash == alone.hash
    assert len({sample.hash for sample in batch}) == 3
    counts = [sample.spikes("cells").counts() for sample in batch]
    assert abs(np.corrcoef(counts[0], counts[1])[0, 1]) < 5 / math.sqrt(100)
    again = steady(model, 100, 8e-3)
    again.run(0.01)
    assert [sample.hash for sample in again.run(0.3, batch=3).samples] == [
        sample.hash for sample in batch
    ]


@pytest.mark.parametrize("n", [1, 20_000], ids=["the network", "shards"])
def test_rest_is_no_reason_to_leave_out_steps(n):
    """Units at rest for ever, whose state no step changes: neither the loop nor a shard may skip
    what they draw.
    """
    model = EscapeLIF(reset=0.0, threshold=10e-3, rate=2e3 / n, spread=1.0, refractory=0.0)
    spikes = steady(model, n, 0.0, threads=1).run(1.0 if n == 1 else 0.05).spikes("cells")
    expected = n * rate_at(model, 0.0) * (spikes.stop - spikes.start)
    assert len(spikes) == pytest.approx(expected, abs=5 * math.sqrt(expected))
    assert expected > 90


def test_a_refractory_unit_never_fires():
    """Though its chance would be 1 in every step."""
    model = EscapeLIF(reset=14e-3, threshold=15e-3, rate=1e9, spread=1.0, refractory=1.2e-3)
    times = steady(model, 3, 14e-3).run(0.01).spikes("cells").times
    assert np.diff(np.unique(times)) == pytest.approx(13 * DT)


@dataclass(frozen=True, kw_only=True, eq=False)
class Coin(NeuronModel):
    """A user's own unit: it fires with a chance of its own in every step."""

    chance: float | np.ndarray = 0.01

    state: ClassVar = {"tosses": "float"}
    receptors: ClassVar = ("jump",)

    def constants(self, dt):
        return {"chance": self.chance}

    @staticmethod
    def kernel(tosses, jump, fired, chance, key, step, first_unit):
        count = 0
        for i in range(tosses.size):
            jump[i] = 0
            tosses[i] += 1
            if uniform(key, step, first_unit + i) < chance:
                fired[count] = i
                count += 1
        return count


def tossing(**options):
    net = Network(seed=9)
    cells = net.population(Coin(), 2500, name="cells")
    net.probe(cells, "spikes")
    return Simulator(net, dt=1e-3, **options)


def test_a_users_own_kernel_draws(processor):
    """As often as its chance says, and the same on threads, in chunks, in two runs and in the first
    of a batch.
    """
    spikes = tossing(backend=processor).run(0.1).spikes("cells")
    assert len(spikes) == pytest.approx(2500, abs=5 * 50)
    hashes = {
        "threads": tossing(threads=2).run(0.1).hash,
        "chunks": tossing(backend=processor, chunk=7).run(0.1).hash,
        "batch": (batch := tossing(backend=processor).run(0.1, batch=2).samples)[0].hash,
    }
    simulator = tossing(backend=processor)
    simulator.run(0.037)
    hashes["runs"] = simulator.run(0.063).hash
    whole = tossing(backend="cpu").run(0.1).hash
    assert hashes == dict.fromkeys(hashes, whole)
    assert batch[1].hash != whole


def test_names_of_a_users_own_constants_come_first(processor):
    """A constant called `key` or `first_unit`, as a kernel may have had before it could draw, is
    what it gets.
    """

    @dataclass(frozen=True, kw_only=True, eq=False)
    class Named(Coin):
        def constants(self, dt):
            return {"chance": 0.0, "key": 3.0, "first_unit": 4.0}

        @staticmethod
        def kernel(tosses, jump, fired, chance, key, first_unit):
            tosses[:] = key + first_unit
            return 0

    net = Network()
    cells = net.population(Named(), 2, name="cells")
    net.probe(cells, "tosses")
    assert Simulator(net, backend=processor).run(1e-3).trace("cells", "tosses")[-1].tolist() == [
        7.0,
        7.0,
    ]


def test_the_event_engine_refuses_it():
    net = Network()
    net.population(EscapeLIF(), 1, name="cells")
    with pytest.raises(
        UnsupportedError, match="population 'cells' is of EscapeLIF, which has no exact solution"
    ):
        Simulator(net, engine="event")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"spread": 0.0}, r"EscapeLIF.spread: must be > 0 V \(got 0.0\)"),
        ({"rate": -1.0}, r"EscapeLIF.rate: must be >= 0 Hz \(got -1.0\)"),
        ({"reset": 20e-3}, r"EscapeLIF.reset: must be < 0.015 V \(got 0.02\)"),
        ({"rate": "10 Hz"}, "EscapeLIF.rate: must be a finite number in Hz"),
    ],
)
def test_what_cannot_be_is_refused(fields, words):
    with pytest.raises(ParameterError, match=words):
        EscapeLIF(**fields)
