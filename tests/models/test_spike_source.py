"""Sources fire for everything that reaches them, whatever its weight; what a step cannot tell apart
is counted.
"""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from potentia import Network, Simulator
from potentia.errors import PotentiaWarning
from potentia.hardware import BreakdownReRAM, Crossbar
from potentia.learning import STDP
from potentia.models import LIF, SpikeSource
from potentia.sim import (
    AllToAll,
    Constant,
    Explicit,
    FixedTotal,
    Noise,
    Poisson,
    Procedural,
    SpikeTrain,
    Step,
    TimedArray,
    Uniform,
)

DT = 1e-3  # [s]
TRAINS = {
    "one at time 0, two in a step": ([0.0, 1e-3, 1.0004e-3, 2e-3], [0, 0, 0, 0], 1.0, [1, 2], 2),
    "up and down": ([3e-3, 3.1e-3, 5e-3, 5e-3], [1, 1, 1, 0], [1.0, -1.0, 0.5, 0.5], [3, 5, 5], 1),
    "no weight": ([2e-3, 4e-3], [0, 1], 0.0, [2, 4], 0),
    "small weights": ([2e-3, 2e-3, 2e-3], [1, 1, 1], [0.1, -0.3, 0.2], [2], 2),
}


def fed(train, n=2, **options):
    net = Network(seed=8)
    cells = net.population(SpikeSource(), n, name="cells")
    net.stimulate(cells, train, name="in")
    net.probe(cells, "spikes")
    return Simulator(net, **options)


@pytest.mark.parametrize("deterministic", [False, True])
@pytest.mark.parametrize("case", TRAINS)
def test_every_input_fires_or_is_counted(backend, case, deterministic):
    """One spike per unit and step, and the number of those lost in others: told in tallies, and
    once as warning.
    """
    times, ids, weight, steps, lost = TRAINS[case]
    simulator = fed(
        SpikeTrain(times, ids, weight), dt=DT, backend=backend.name, deterministic=deterministic
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        first = simulator.run(2e-3)
        second = simulator.run(8e-3)  # the warning is not repeated
    found = np.concatenate([first.spikes("cells").times, second.spikes("cells").times])
    np.testing.assert_allclose(found, np.array(steps) * DT)
    assert first.tallies["cells.merged"] + second.tallies["cells.merged"] == lost
    told = [str(one.message) for one in caught if "made one with it" in str(one.message)]
    assert len(told) == (lost > 0)
    assert all(issubclass(one.category, PotentiaWarning) for one in caught)


@pytest.mark.parametrize("case", TRAINS)
def test_every_input_fires_or_is_counted_off_the_grid(case):
    """The event engine merges only what comes at one time, and says so too."""
    times, ids, weight, _, _ = TRAINS[case]
    simulator = fed(SpikeTrain(times, ids, weight), engine="event")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = simulator.run(10e-3)
    expected = sorted(set(zip(times, ids, strict=True)))
    spikes = result.spikes("cells")
    assert list(zip(spikes.times.tolist(), spikes.ids.tolist(), strict=True)) == expected
    lost = len(times) - len(expected)
    assert result.tallies == {"deliveries": 0, "cells.merged": lost}
    assert len([one for one in caught if "made one with it" in str(one.message)]) == (lost > 0)


@pytest.mark.parametrize(
    "current", [Constant(0.5), Step([0.0], [0.5]), TimedArray([0.5], 5e-3), Noise(std=0.1)]
)
def test_currents_hinder_no_count(backend, current):
    """A source does nothing with a current, and counts beside it as it does without."""
    net = Network(seed=8)
    cells = net.population(SpikeSource(), 2, name="cells")
    net.stimulate(cells, SpikeTrain([1e-3, 1e-3, 1e-3, 2e-3], [1, 1, 1, 0]))
    net.stimulate(cells, current)
    net.probe(cells, "spikes")
    with pytest.warns(PotentiaWarning, match="2 spikes of 'cells'"):
        result = Simulator(net, dt=DT, backend=backend.name).run(5e-3)
    np.testing.assert_array_equal(result.spikes("cells").counts(), [1, 1])
    assert result.tallies["cells.merged"] == 2


def relayed(weight, delay, store=None, connectivity=None, n=3, pre=2):
    """Two sources that fire together at 1 ms, and what their synapses onto a relay do."""
    net = Network(seed=2)
    source, relay = (
        net.population(SpikeSource(), pre, name="source"),
        net.population(SpikeSource(), n, name="relay"),
    )
    net.stimulate(source, SpikeTrain([1e-3] * pre, range(pre)))
    recipe = connectivity or Explicit([0, 0, 0, 1, 1], [0, 1, 2, 0, 1])
    projection = net.connect(
        source, relay, recipe, weight=weight, delay=delay, store=store, name="syn"
    )
    net.probe(relay, "spikes")
    return net, projection


def test_synapses_count_whatever_their_weights(backend):
    """Weights that cancel, weights of 0, at once and later: each arrival counts, and the weights
    stay what they are.
    """
    weights, delays = np.array([1.0, 0.5, 0.0, -1.0, 0.25]), np.array([1, 2, 1, 1, 3]) * DT
    net, projection = relayed(weights, delays)
    simulator = Simulator(net, dt=DT, backend=backend.name)
    with pytest.warns(PotentiaWarning, match="1 spike of 'relay' came in one step.*shorter dt"):
        result = simulator.run(6e-3)
    spikes = result.spikes("relay")
    assert sorted(zip(np.rint(spikes.times / DT).tolist(), spikes.ids.tolist(), strict=True)) == [
        (2, 0),
        (2, 2),
        (3, 1),
        (4, 1),
    ]
    assert result.tallies == {"source.merged": 0, "relay.merged": 1}
    np.testing.assert_array_equal(np.sort(simulator.weights(projection)), np.sort(weights))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("deterministic", [False, True])
@pytest.mark.parametrize("weight", [1.0, Uniform(-1.0, 1.0)], ids=["one", "law"])
def test_drawn_synapses_count(room, threads, deterministic, weight):
    """5,000 synapses drawn from 40 sources onto 3,000 relays: as many arrivals as synapses, stored
    or drawn again.
    """
    totals = []
    for store in (None, Procedural()):
        net, _ = relayed(weight, DT, store, FixedTotal(5000), n=3000, pre=40)
        simulator = Simulator(
            net, dt=DT, backend=room, threads=threads, deterministic=deterministic
        )
        with pytest.warns(PotentiaWarning, match="spikes of 'relay'"):
            result = simulator.run(4e-3)
        assert len(result.spikes("relay")) + result.tallies["relay.merged"] == 5000
        totals.append(result.hash)
    assert totals[0] == totals[1]


@pytest.mark.parametrize("deterministic", [False, True])
def test_synapses_that_learn_count_too(backend, deterministic):
    """Weights that a rule moves do not matter to a source either; the rule moves
    them all the same.
    """
    net = Network(seed=2)
    source, relay = (
        net.population(SpikeSource(), 2, name="source"),
        net.population(SpikeSource(), 2, name="relay"),
    )
    net.stimulate(source, SpikeTrain(np.repeat(np.arange(1, 11) * 4e-3, 2), np.tile([0, 1], 10)))
    projection = net.connect(
        source, relay, AllToAll(), weight=0.3, delay=DT, rule=STDP(), name="syn"
    )
    net.probe(relay, "spikes")
    simulator = Simulator(net, dt=DT, backend=backend.name, deterministic=deterministic)
    with pytest.warns(PotentiaWarning, match="20 spikes of 'relay'"):
        result = simulator.run(0.045)
    np.testing.assert_array_equal(result.spikes("relay").counts(), [10, 10])
    assert (simulator.weights(projection) != 0.3).all()


def test_currents_of_a_crossbar_are_not_counted(tmp_path):
    """What an array of devices adds is a current and no number of spikes: a source fires for it,
    and no tally tells of what was merged.
    """
    net = Network(seed=2)
    source, relay = (
        net.population(SpikeSource(), 4, name="source"),
        net.population(SpikeSource(), 2, name="relay"),
    )
    net.stimulate(source, SpikeTrain([1e-3, 5e-3] * 4, np.repeat(range(4), 2)))
    net.connect(source, relay, AllToAll(), weight=5.0, delay=DT, store=Crossbar(BreakdownReRAM()))
    net.probe(relay, "spikes")
    simulator = Simulator(net, dt=DT)
    result = simulator.run(4e-3)
    np.testing.assert_array_equal(result.spikes("relay").counts(), [1, 1])
    assert result.tallies["source.merged"] == 0
    assert "relay.merged" not in result.tallies
    simulator.save(tmp_path / "saved")
    loaded = Simulator.load(tmp_path / "saved").run(4e-3)
    assert loaded.hash == simulator.run(4e-3).hash
    np.testing.assert_array_equal(loaded.spikes("relay").counts(), [1, 1])


def test_poisson_counts_are_complete():
    """Spikes and merged ones together are all that Poisson trains hold, batch by batch, whatever dt
    is.
    """
    totals = {}
    for dt in (1e-4, 1e-3, 1e-2):
        simulator = fed(Poisson(rate=200.0, weight=-3.0), 50, dt=dt)
        with pytest.warns(PotentiaWarning, match="spikes of 'cells'"):
            samples = simulator.run(1.0, batch=2).samples
        totals[dt] = [len(one.spikes("cells")) + one.tallies["cells.merged"] for one in samples]
    exact = fed(Poisson(rate=200.0), 50, engine="event").run(1.01, batch=2).samples
    # the last step is nearest to what comes half a step after it, too
    for (
        dt,
        found,
    ) in totals.items():
        assert found == [np.sum(one.spikes("cells").times <= 1.0 + dt / 2) for one in exact]


def test_other_stimuli_count_alike(backend):
    """A replacement with weights that cancel."""
    simulator = fed(SpikeTrain([1e-3], [0]), dt=DT, backend=backend.name)
    simulator.run(2e-3)
    with pytest.warns(PotentiaWarning, match="4 spikes"):
        batch = simulator.run(
            4e-3, inputs={"in": [SpikeTrain([4e-3] * 3, [1] * 3, [1.0, -2.0, 1.0])] * 2}
        )
    assert [one.tallies["cells.merged"] for one in batch.samples] == [2, 2]
    assert [len(one.spikes("cells")) for one in batch.samples] == [1, 1]


def test_what_goes_on_is_saved(tmp_path):
    """Counts go on where they were; a loaded simulator tells the same."""
    train = SpikeTrain(np.repeat([1e-3, 3e-3, 5e-3], [2, 3, 4]), np.zeros(9, int))
    simulator = fed(train, dt=DT)
    with pytest.warns(PotentiaWarning, match="cells"):
        first = simulator.run(2e-3)
    simulator.save(tmp_path / "saved")
    with pytest.warns(PotentiaWarning, match="cells"):
        loaded = Simulator.load(tmp_path / "saved").run(4e-3)
    assert first.tallies["cells.merged"] == 1
    assert loaded.tallies["cells.merged"] == 2 + 3 == simulator.run(4e-3).tallies["cells.merged"]


def test_units_with_dynamics_still_weigh():
    """Only sources count: a neuron's jumps are their weights."""
    net = Network()
    cells = net.population(LIF(threshold=1.0), 1, name="cells")
    net.stimulate(cells, SpikeTrain([1e-3, 1e-3], [0, 0], [3e-3, -1e-3]))
    net.probe(cells, "v")
    result = Simulator(net, dt=DT, dtype="float64").run(1e-3)
    assert result.trace("cells", "v")[0, 0] == pytest.approx(2e-3)
    assert not result.tallies
