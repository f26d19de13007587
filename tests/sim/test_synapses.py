"""`Simulator.synapses` tells what was drawn: sources, targets, delays and weights, whatever runs
the network.
"""

import numpy as np
import pytest
from scipy.sparse import coo_array

from potentia import Network, Simulator
from potentia.errors import NetworkError
from potentia.hardware import BreakdownReRAM, Crossbar, PulsedReRAM
from potentia.learning import STDP
from potentia.models import LIF, SpikeSource
from potentia.sim import (
    AllToAll,
    Explicit,
    FixedOutDegree,
    FixedProbability,
    FixedTotal,
    Ideal,
    OneToOne,
    Procedural,
    SpikeTrain,
    Uniform,
)

N_PRE, N_POST = 70, 2100  # more targets than a shard has
WAYS = {
    "one thread": {"threads": 1},
    "two threads": {"threads": 2},
    "float64": {"dtype": "float64"},
    "reference": {"backend": "reference"},
    "whole numbers": {"deterministic": True},
    "event": {"engine": "event"},
}


def given():
    """Synapses given one by one, in no order, some of them between the same two units."""
    rng = np.random.default_rng(4)
    sources, targets = rng.integers(0, N_PRE, 3000), rng.integers(0, N_POST, 3000)
    sources[:50], targets[:50] = 3, 7
    delays, weights = (
        rng.integers(1, 30, 3000) * 1e-4,
        rng.normal(0.0, 1e-3, 3000).astype(np.float32),
    )
    return sources, targets, delays, weights


@pytest.mark.parametrize("how", WAYS.values(), ids=WAYS)
def test_synapses_given_one_by_one_come_back(how):
    sources, targets, delays, weights = given()
    net = Network()
    pre, post = net.population(SpikeSource(), N_PRE), net.population(LIF(), N_POST)
    net.connect(post, pre, OneToOne() if N_PRE == N_POST else Explicit([0], [1]), weight=0.0)
    joined = net.connect(pre, post, Explicit(sources, targets), weight=weights, delay=delays)
    simulator = Simulator(net, **how)
    found = simulator.synapses(joined)
    order = np.lexsort((targets, delays, sources))
    np.testing.assert_array_equal(found.sources, sources[order])
    np.testing.assert_allclose(found.delays, delays[order], rtol=1e-12)  # a product of steps and dt
    # among synapses of one source, target and delay the order is that in which they were given
    np.testing.assert_array_equal(found.targets, targets[order])
    np.testing.assert_array_equal(found.weights, weights[order])
    np.testing.assert_array_equal(found.weights, simulator.weights(joined))
    assert (found.n_pre, found.n_post, len(found)) == (N_PRE, N_POST, 3000)


def test_the_matrix_adds_up_the_synapses_of_one_pair():
    sources, targets, delays, weights = given()
    net = Network()
    pre, post = net.population(SpikeSource(), N_PRE), net.population(LIF(), N_POST)
    net.connect(pre, post, Explicit(sources, targets), weight=weights, delay=delays, name="joined")
    matrix = Simulator(net, dtype="float64").synapses("joined").matrix()
    expected = coo_array(
        (weights.astype(float), (sources, targets)), shape=(N_PRE, N_POST)
    ).toarray()
    assert matrix.shape == (N_PRE, N_POST)
    np.testing.assert_allclose(matrix.toarray(), expected, atol=1e-15)  # sums in another order
    assert matrix[3, 7] == pytest.approx(weights[(sources == 3) & (targets == 7)].sum(dtype=float))


def test_a_weight_of_zero_is_kept_in_the_matrix():
    net = Network()
    cells = net.population(LIF(), 3)
    net.connect(cells, cells, Explicit([0, 1], [1, 2]), weight=[0.0, 1e-3], name="joined")
    assert Simulator(net).synapses("joined").matrix().nnz == 2


@pytest.mark.parametrize(
    "connectivity", [FixedTotal(5000), FixedOutDegree(40)], ids=lambda part: type(part).__name__
)
def test_procedural_synapses_are_those_of_the_stored_network(connectivity):
    """They are drawn again; the same draws stand in an ideal store, and, with one delay, on the
    event engine.
    """
    found = []
    for store, delay in (
        (Ideal(bits=6), Uniform(1e-3, 4e-3)),
        (Procedural(bits=6), Uniform(1e-3, 4e-3)),
    ):
        net = Network(seed=5)
        pre, post = net.population(SpikeSource(), N_PRE), net.population(LIF(), N_POST)
        net.connect(
            pre,
            post,
            connectivity,
            weight=Uniform(0.0, 1e-3),
            delay=delay,
            store=store,
            name="joined",
        )
        found.append(Simulator(net, threads=2).synapses("joined"))
    for name in ("sources", "targets", "delays", "weights"):
        np.testing.assert_array_equal(getattr(found[0], name), getattr(found[1], name))
    assert np.unique(found[0].delays).size == 31


@pytest.mark.parametrize("store", [Ideal(), Procedural()], ids=lambda part: type(part).__name__)
def test_both_engines_have_the_same_synapses(store):
    net = Network(seed=2)
    cells = net.population(LIF(), 50)
    net.connect(
        cells,
        cells,
        FixedOutDegree(30),
        weight=Uniform(1e-3, 2e-3),
        delay=2.5e-3,
        store=store,
        name="joined",
    )
    clock, event = (
        Simulator(net, dtype="float64").synapses("joined"),
        Simulator(net, engine="event").synapses("joined"),
    )
    for name in ("sources", "targets", "weights"):
        np.testing.assert_array_equal(getattr(clock, name), getattr(event, name))
    np.testing.assert_allclose(clock.delays, event.delays, rtol=1e-12)


def test_several_projections_are_told_apart_on_the_event_engine():
    """Populations of several ranks, projections in another order than their populations, one of
    them empty.
    """
    net = Network(seed=1)
    last, first = (
        net.population(LIF(), 6, name="last"),
        net.population(SpikeSource(), 4, name="first"),
    )
    net.connect(first, last, AllToAll(), weight=1e-3, delay=0.0, name="at once")
    net.connect(
        last,
        last,
        FixedProbability(0.5),
        weight=Uniform(0, 1e-3),
        delay=Uniform(1e-3, 2e-3),
        name="own",
    )
    net.connect(last, first, Explicit([], []), weight=1e-3, name="none")
    net.connect(last, first, Explicit([5], [3]), weight=2e-3, delay=1e-3, name="one")
    simulator = Simulator(net, engine="event")
    at_once, one = simulator.synapses("at once"), simulator.synapses("one")
    np.testing.assert_array_equal(at_once.matrix().toarray(), np.full((4, 6), 1e-3))
    assert not at_once.delays.any()
    assert (one.sources.tolist(), one.targets.tolist(), one.delays.tolist()) == ([5], [3], [1e-3])
    own = simulator.synapses("own")
    assert (np.diff(own.sources) >= 0).all()
    assert ((own.delays >= 1e-3) & (own.delays <= 2e-3)).all()
    empty = simulator.synapses("none")
    assert (len(empty), empty.matrix().nnz) == (0, 0)


def test_plastic_and_analogue_weights_are_the_present_ones():
    net = Network(seed=3)
    pre, post = net.population(SpikeSource(), 20), net.population(LIF(), 10)
    plastic = net.connect(pre, post, AllToAll(), weight=1e-3, rule=STDP(), name="plastic")
    net.connect(
        pre,
        post,
        AllToAll(),
        weight=1e-3,
        store=Crossbar(PulsedReRAM()),
        rule=STDP(w_max=2e-3),
        name="cells",
    )
    written = net.connect(
        pre, post, AllToAll(), weight=1e-3, store=Crossbar(BreakdownReRAM()), name="written"
    )
    net.stimulate(pre, SpikeTrain(np.arange(1, 190) * 1e-3, np.arange(189) % 20))
    net.stimulate(post, SpikeTrain(np.arange(1, 40) * 5e-3, np.arange(39) % 10, 30e-3))
    simulator = Simulator(net)
    before = {name: simulator.synapses(name) for name in ("plastic", "cells", "written")}
    simulator.run(0.2)
    for name, fixed in (("plastic", False), ("cells", False), ("written", True)):
        after = simulator.synapses(name)
        np.testing.assert_array_equal(after.targets, before[name].targets)
        assert np.array_equal(after.weights, before[name].weights) == fixed
        np.testing.assert_array_equal(after.weights, simulator.weights(name))
    np.testing.assert_array_equal(simulator.weights(plastic), simulator.weights("plastic"))
    assert np.unique(before["written"].weights).size > 1  # of devices that vary
    assert simulator.weights(written).size == 200


def test_a_saved_simulator_is_asked_by_name(tmp_path):
    """Who loads one has no projection of it at hand."""
    net = Network(seed=3)
    cells = net.population(LIF(), 30)
    joined = net.connect(
        cells, cells, FixedProbability(0.2), weight=Uniform(0, 1e-3), name="joined"
    )
    simulator = Simulator(net)
    simulator.save(tmp_path / "saved")
    loaded = Simulator.load(tmp_path / "saved")
    np.testing.assert_array_equal(loaded.weights("joined"), simulator.weights(joined))
    np.testing.assert_array_equal(
        loaded.synapses("joined").targets, simulator.synapses(joined).targets
    )
    with pytest.raises(NetworkError, match="is not a projection of this network"):
        loaded.weights(joined)


@pytest.mark.parametrize("verb", ["weights", "synapses"])
def test_unknown_projections_are_told_with_the_nearest(verb):
    net = Network()
    cells = net.population(LIF(), 2, name="cells")
    net.connect(cells, cells, AllToAll(), weight=1e-3, name="recurrent")
    with pytest.raises(
        NetworkError,
        match=rf"Simulator.{verb}: no projection is called 'recurent'; did you mean 'rec",
    ):
        getattr(Simulator(net), verb)("recurent")
    with pytest.raises(
        NetworkError, match=rf"Simulator.{verb}: .*cells.* is not a projection of this network"
    ):
        getattr(Simulator(net), verb)(cells)


def test_writing_to_what_is_told_changes_nothing():
    net = Network()
    cells = net.population(LIF(), 3)
    net.connect(cells, cells, AllToAll(), weight=[1e-3, 2e-3, 3e-3] * 3, name="joined")
    for how in ({}, {"engine": "event"}):
        simulator = Simulator(net, **how)
        told = simulator.synapses("joined")
        told.weights[:], told.targets[:], told.delays[:] = 0.0, 0, 0.0
        assert simulator.weights("joined").all()
        assert simulator.synapses("joined").delays.all()
