"""What probes record agrees with each other, and with the spikes."""

import numpy as np
import pytest

from potentia import Network, Result, Simulator
from potentia.errors import ParameterError
from potentia.learning import STDP
from potentia.models import IF, LIF, CubaLIF
from potentia.sim import Constant, Explicit, FixedProbability, Ideal, Poisson
from potentia.sim.results import statistics
from potentia.sim.runs import sections


@pytest.fixture(scope="module")
def result():
    net = Network(seed=7)
    units = net.population(LIF(), 30, name="units")
    net.stimulate(units, Constant(np.linspace(14e-3, 30e-3, 30)))
    net.probe(units, "spikes")
    net.probe(units, "counts", every=10e-3)
    net.probe(units, "rate", every=5e-3)
    net.probe(units, "v", every=2e-3, ids=[29, 3])
    simulator = Simulator(net, dt=1e-4, dtype="float64", chunk=37)
    simulator.run(0.0123)  # so that the recorded span begins off every interval
    return simulator.run(0.2)


def test_counts_are_the_spikes_of_each_interval(result):
    """An interval holds the spikes at its end, not at its beginning; the first ends at 20 ms."""
    samples, spikes = result.samples("units", "counts"), result.spikes("units")
    assert samples.times == pytest.approx(np.arange(2, 22) * 10e-3)
    edges = np.concatenate([[0.0], samples.times])
    for k in range(1, 20):
        inside = (spikes.times > edges[k] + 1e-9) & (spikes.times <= edges[k + 1] + 1e-9)
        assert np.array_equal(samples.values[k], np.bincount(spikes.ids[inside], minlength=30))


def test_rate_is_the_mean_of_the_counts(result):
    """Two intervals of the rate make one of the counts."""
    rate, counts = result.rate("units"), result.counts("units")
    begin = int(np.argmin(np.abs(result.samples("units", "rate").times - 25e-3)))
    pairs = rate[begin : begin + 36].reshape(-1, 2).mean(axis=1)
    assert pairs == pytest.approx(counts[1:19].sum(axis=1) / (30 * 10e-3))


def test_traces_are_sampled_at_multiples_of_their_interval(result):
    samples = result.samples("units", "v")
    assert samples.times == pytest.approx(np.arange(7, 107) * 2e-3)
    assert samples.ids.tolist() == [29, 3]
    assert samples.unit == "V"
    refractory = (result.trace("units", "v") == 0.0).sum(axis=0)
    # unit 29 is driven harder, fires more often and is reset more often
    assert refractory[0] > refractory[1] > 0


def test_weights_are_those_of_the_store():
    """The last sample is what the simulator holds; learning has moved the weights apart."""
    net = Network(seed=3)
    units = net.population(LIF(), 20, name="units")
    net.stimulate(units, Poisson(rate=400.0, weight=6e-3))
    synapses = net.connect(
        units, units, FixedProbability(0.3), weight=1e-4, store=Ideal(), rule=STDP()
    )
    net.probe(synapses, "weights", every=50e-3)
    simulator = Simulator(net, dt=1e-4)
    result = simulator.run(0.2)
    samples = result.samples(synapses.name, "weights")
    assert samples.times == pytest.approx([0.05, 0.1, 0.15, 0.2])
    assert np.array_equal(samples.values[-1], simulator.weights(synapses))
    assert len(np.unique(samples.values[-1])) > 10
    assert samples.values.shape[1] == simulator.plan.synapses[synapses.name].n


# Some of the units, some of the synapses


UNITS, SYNAPSES = [41, 3, 60], [17, 0, 5, 80]
MASK = np.isin(np.arange(64), UNITS)
HOWS = {
    "cpu": {"backend": "cpu", "threads": 1, "chunk": 37},
    "float64": {"backend": "cpu", "dtype": "float64", "threads": 1},
    "two threads": {"backend": "cpu", "threads": 2},
    "reference": {"backend": "reference"},
    "event": {"engine": "event"},
}


def probed(units=None, synapses=None):
    """An active network of 64 units, of which some are recorded in every way that there is."""
    net = Network(seed=7)
    cells = net.population(
        CubaLIF(refractory=2e-3), 64, name="cells", initial={"v": np.linspace(0, 9e-3, 64)}
    )
    net.stimulate(cells, Constant(np.linspace(9e-3, 25e-3, 64)), name="drive")
    wires = net.connect(
        cells, cells, FixedProbability(0.05), weight=np.float64(0.3e-3), delay=2e-3, name="wires"
    )
    net.probe(cells, "spikes", ids=units)
    net.probe(cells, "counts", ids=units, every=5e-3)
    net.probe(cells, "rate", ids=units, every=2e-3)
    net.probe(cells, "v", ids=units, every=3e-3)
    net.probe(cells, "g_e", ids=units, every=3e-3)
    net.probe(wires, "weights", ids=synapses, every=10e-3)
    return net


def agree(some, whole, units, synapses):
    """What was recorded of some is what the record of all says of them."""
    spikes, every = some.spikes("cells"), whole.spikes("cells")
    inside = np.isin(every.ids, units)
    assert 10 < inside.sum() < len(every)
    assert np.array_equal(spikes.times, every.times[inside])
    assert np.array_equal(spikes.ids, every.ids[inside])
    assert sorted(spikes.units) == sorted(units)
    assert spikes.rate == pytest.approx(every.of(units).rate, rel=1e-12)
    assert np.array_equal(spikes.counts()[units], every.counts()[units])
    assert np.array_equal(some.counts("cells"), whole.counts("cells")[:, units])
    for variable in ("v", "g_e"):
        assert np.array_equal(
            some.trace("cells", variable), whole.trace("cells", variable)[:, units]
        )
    for what in ("counts", "v", "g_e"):
        assert some.samples("cells", what).ids.tolist() == list(units)
        assert np.array_equal(some.samples("cells", what).times, whole.samples("cells", what).times)
    rate = some.rate("cells")
    edges = np.concatenate([[some.start], some.samples("cells", "rate").times])
    pooled = np.histogram(spikes.times, edges + 1e-9)[0] / (len(units) * 2e-3)
    assert rate[1:] == pytest.approx(pooled[1:], rel=1e-9)
    assert rate.sum() > 0
    assert np.array_equal(some.weights("wires"), whole.weights("wires")[:, synapses])
    assert some.samples("wires", "weights").ids.tolist() == synapses


def check_every_way(how, folder, monkeypatch, **loaded):
    """Of masks and of indices; in a second run, in a batch, from a file, from sections, from a
    saved simulation.
    """
    whole, some = Simulator(probed(), **how), Simulator(probed(UNITS, SYNAPSES), **how)
    assert whole.run(0.0123).hash == some.run(0.0123).hash
    some.save(folder / "saved.h5")
    saved = Simulator.load(folder / "saved.h5", **loaded)
    rest = whole.run(0.1)
    for sample in some.run(0.1, batch=2).samples:
        agree(sample, rest, UNITS, SYNAPSES)
    expected = some.run(0.1)
    agree(expected, rest, UNITS, SYNAPSES)
    expected.save(folder / "results.h5")
    agree(Result.load(folder / "results.h5"), rest, UNITS, SYNAPSES)
    monkeypatch.setattr(sections, "MOST_BYTES", 500)
    agree(saved.run(0.1, record_to=folder / "run"), rest, UNITS, SYNAPSES)
    masked = Simulator(probed(MASK, SYNAPSES), **how)
    masked.run(0.0123)
    agree(masked.run(0.1), rest, sorted(UNITS), SYNAPSES)


@pytest.mark.parametrize("name", HOWS)
def test_some_are_recorded_as_all_are(name, tmp_path, monkeypatch):
    check_every_way(HOWS[name], tmp_path, monkeypatch)


def test_some_are_recorded_as_all_are_on_a_gpu(gpu, tmp_path, monkeypatch):
    check_every_way({"backend": gpu}, tmp_path, monkeypatch)


def test_one_unit_of_one():
    """The smallest population, by an index that is no list, and by a mask."""
    for ids in (0, [0], np.array([True]), [True]):
        for engine in ("clock", "event"):
            net = Network()
            cells = net.population(IF(), 1, name="cells")
            net.stimulate(cells, Constant(1.0))
            for what in ("spikes", "counts", "rate", "v"):
                net.probe(cells, what, ids=ids)
            result = Simulator(net, engine=engine).run(0.1)
            assert len(result.spikes("cells")) == result.counts("cells").sum() == 6
            assert result.rate("cells").sum() == pytest.approx(6 / 1e-3)


def test_the_description_says_what_is_recorded():
    """The lines of the probes, those of the simulator's copy, and those of the plan
    without a grid.
    """
    net = probed(MASK, [4])
    lines = str(net).partition("probes:\n")[2]
    assert lines.split("\n") == [
        "  cells.spikes, 3 units",
        "  cells.counts every 0.005 s, 3 units",
        "  cells.rate every 0.002 s, 3 units",
        "  cells.v every 0.003 s, 3 units",
        "  cells.g_e every 0.003 s, 3 units",
        "  wires.weights every 0.01 s, 1 synapse",
    ]
    assert lines in str(Simulator(net, engine="event").plan)


@pytest.mark.parametrize(
    ("what", "ids", "words"),
    [
        ("spikes", [], r"must name at least one, or be None for all \(got \[\]\)"),
        ("counts", np.zeros(64, bool), "must name at least one"),
        (
            "rate",
            np.ones(63, bool),
            r"must be indices or a mask of 64 units \(got 'a mask of 63'\)",
        ),
        ("v", [[1, 2]], r"must have 1 dimension \(got 'shape \(1, 2\)'\)"),
        ("v", [3, 5, 3], r"must name none twice \(got \[3, 5, 3\]\)"),
        ("spikes", [64], r"every index must be >= 0 and < 64 \(got 64\)"),
        ("counts", [-1], "every index must be >= 0"),
        ("rate", [1.5], "must be an array of whole numbers"),
    ],
)
def test_wrong_units_are_refused_at_the_door(what, ids, words):
    net = Network()
    cells = net.population(LIF(), 64, name="cells")
    with pytest.raises(ParameterError, match=rf"^Network.probe ids: {words}"):
        net.probe(cells, what, ids=ids)


def test_wrong_synapses_are_refused():
    """How many there are is known once they are drawn, before the first step."""
    for engine in ("clock", "event"):
        net = Network()
        cells = net.population(LIF(), 3, name="cells")
        wires = net.connect(cells, cells, Explicit([0, 1], [1, 2]), weight=1e-3, name="wires")
        with pytest.raises(ParameterError, match="of weights must be indices"):
            net.probe(wires, "weights", ids=np.array([True, False]))
        net.probe(wires, "weights", ids=[1, 2])
        with pytest.raises(
            ParameterError, match=r"ids: of wires.weights: every index must be >= 0 and < 2"
        ):
            Simulator(net, engine=engine)


def test_spikes_have_no_interval():
    net = Network()
    with pytest.raises(
        ParameterError, match="every: must be None: spikes are recorded as they happen"
    ):
        net.probe(net.population(LIF(), 3), "spikes", every=1e-3)


@pytest.mark.parametrize("dt", [0.3e-3, 0.7e-3, 2e-3])
def test_default_intervals_are_on_every_grid(dt):
    """The nearest whole number of steps to 1 ms and 10 ms, at least one."""
    net = Network()
    cells = net.population(LIF(), 2, name="cells")
    for what in ("rate", "counts"):
        net.probe(cells, what)
    result = Simulator(net, dt=dt).run(100 * dt)
    for what, interval in (("rate", 1e-3), ("counts", 10e-3)):
        step = max(round(interval / dt), 1) * dt
        assert result.samples("cells", what).times[:3] == pytest.approx(step * np.arange(1, 4))


def test_what_was_not_recorded_is_not_made_up():
    """Spikes of some units: others cannot be picked, statistics and figures are of these alone."""
    some = Simulator(probed(UNITS, SYNAPSES), engine="event").run(0.2)
    spikes = some.spikes("cells")
    with pytest.raises(
        ParameterError, match=r"of units: must be among the recorded ones \(got \[4\]\)"
    ):
        spikes.of([3, 4])
    assert statistics.population_counts(spikes, 10e-3).sum() == len(spikes)
    assert len(statistics.correlations(spikes)) <= 3
    raster, rates = some.plot().axes[:2]
    assert raster.get_yticklabels()[0].get_text() == "cells\n3 of 64"
    assert len(raster.collections[0].get_offsets()) == len(spikes)
    assert rates.get_legend_handles_labels()[1] == [f"cells, mean {spikes.rate:.3g} Hz"]
