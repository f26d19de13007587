"""Projections that learn and whose targets do not ascend: threads share them, and every number
stands where it was described.
"""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from potentia import Network, Simulator
from potentia.learning import STDP
from potentia.models import LIF, SpikeSource
from potentia.sim import Explicit, FixedOutDegree, FixedTotal, Poisson, Uniform

DT, N, SOURCES, SYNAPSES = 1e-3, 4000, 20, 8000  # more units than one thread takes
RULE = STDP(w_min=-1e-3, w_max=4e-3, a_plus=2e-4, a_minus=3e-4)
DRAWN = {"Total": FixedTotal(SYNAPSES), "Out": FixedOutDegree(SYNAPSES // SOURCES)}


def network(connectivity=DRAWN["Total"], **how):
    """Each source reaches many targets with each delay, some of them twice."""
    net = Network(seed=4)
    source, cells = net.population(SpikeSource(), SOURCES, name="source"), net.population(LIF(), N)
    how = {"weight": Uniform(1e-3, 2e-3), "delay": Uniform(1e-3, 4e-3)} | how
    net.connect(source, cells, connectivity, rule=RULE, name="in", **how)
    net.stimulate(source, Poisson(rate=80.0), name="train")
    net.stimulate(cells, Poisson(rate=400.0, weight=4e-3))
    net.probe(cells, "spikes")
    net.probe(net.projections[0], "weights", every=20e-3)
    return net


def outcome(simulator, result):
    part = simulator.synapses("in")
    arrays = part.sources, part.targets, part.delays, part.weights
    shown = result.samples("in", "weights").values
    return result.hash, shown.tobytes(), *(array.tobytes() for array in arrays)


OPTIONS = {
    "float32": {},
    "float64": {"dtype": "float64"},
    "deterministic": {"deterministic": True},
    "reference": {"backend": "reference"},
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("connectivity", DRAWN.values(), ids=DRAWN)
def test_threads_share_them(connectivity, options):
    """The same bits for any number of threads, each of which learns on its own targets."""
    outcomes = []
    for threads in (1, 2, 3):
        simulator = Simulator(network(connectivity=connectivity), dt=DT, threads=threads, **options)
        outcomes.append(outcome(simulator, simulator.run(0.06)))
        own = {one.thread for one in simulator.plan.operators if one.name == "STDP_arrival"}
        assert own == ({None} if threads == 1 else {0, 1})
    assert len(set(outcomes)) == 1
    assert (simulator.weights("in") < 1e-3 - 1e-5).any()


@pytest.mark.parametrize("connectivity", DRAWN.values(), ids=DRAWN)
def test_as_if_targets_ascended(connectivity):
    """The same synapses spelled out, which puts those of a source in order of their targets, learn
    the same weights, bit for bit.
    """
    drawn = Simulator(network(connectivity), dt=DT, threads=2)
    before = drawn.synapses("in")
    assert (np.diff(before.targets)[np.diff(before.sources) == 0] < 0).mean() > 0.1
    spelled = network(
        Explicit(before.sources, before.targets), weight=before.weights, delay=before.delays
    )
    ascending = Simulator(spelled, dt=DT, threads=2)
    assert ascending.plan.synapses["in"].places is None
    for simulator in (drawn, ascending):
        simulator.run(0.06)
    weights = []
    for part in (drawn.synapses("in"), ascending.synapses("in")):
        order = np.lexsort((part.targets, part.delays, part.sources))  # those of a pair as drawn
        weights.append(part.weights[order].tobytes())
    assert weights[0] == weights[1]


def test_the_order_does_not_depend_on_the_engine():
    """On the event engine synapses stand as drawn; delays there do not lie on the grid."""
    net = network(delay=2e-3)
    clock, event = (
        Simulator(net, **how).synapses("in") for how in ({"dt": DT}, {"engine": "event"})
    )
    for name in ("sources", "targets", "delays"):
        np.testing.assert_array_equal(getattr(clock, name), getattr(event, name))
    np.testing.assert_allclose(clock.weights, event.weights, rtol=1e-7)


@pytest.mark.parametrize("threads", [1, 2])
def test_weights_that_are_set_stand_where_they_were_set(threads):
    simulator = Simulator(network(), dt=DT, dtype="float64", threads=threads)
    values = np.linspace(-1e-3, 4e-3, SYNAPSES)
    simulator.set("in", weights=values)
    np.testing.assert_array_equal(simulator.weights("in"), values)
    stored = simulator.plan.stored("in", simulator._engine.memory)
    assert (stored != values).any()
    simulator.set("in", weights=1e-3)
    assert (simulator.weights("in") == 1e-3).all()


def test_going_on_with_other_threads(tmp_path):
    """From a file or a pickle, with another number of threads, and after a reset with weights."""
    whole = Simulator(network(), dt=DT)
    whole.run(0.04)
    expected = outcome(whole, whole.run(0.04))
    for first, second in ((1, 2), (2, 1)):
        begun = Simulator(network(), dt=DT, threads=first)
        begun.run(0.04)
        begun.save(tmp_path / "half")
        loaded = Simulator.load(tmp_path / "half", threads=second)
        copied = pickle.loads(pickle.dumps(begun))
        for other in (loaded, copied):
            assert outcome(other, other.run(0.04)) == expected
        kept = loaded.weights("in")
        loaded.reset(keep="weights")
        np.testing.assert_array_equal(loaded.weights("in"), kept)


def test_a_batch_adds_each_change_to_its_synapse():
    """The mean over one sample is what a run learns, to the rounding of a sum in float64."""
    alone, batch = (Simulator(network(), dt=DT, dtype="float64", threads=2) for _ in range(2))
    alone.run(0.06)
    batch.run(0.06, batch=1, learn="mean")
    np.testing.assert_allclose(batch.weights("in"), alone.weights("in"), rtol=1e-12)


@pytest.mark.parametrize("n", [0, 1])
def test_hardly_any_synapses(n):
    for threads in (1, 2):
        simulator = Simulator(network(FixedTotal(n)), dt=DT, threads=threads)
        simulator.run(0.02)
        assert simulator.weights("in").size == n
