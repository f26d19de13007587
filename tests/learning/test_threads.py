"""Plastic projections on several threads: the same bits as on one, however the
targets are shared.
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass

import numpy as np
import pytest

from potentia import Network, Simulator
from potentia.learning import STDP
from potentia.models import LIF, CubaLIF, SpikeSource
from potentia.sim import (
    AllToAll,
    Constant,
    FixedOutDegree,
    FixedProbability,
    Ideal,
    Normal,
    Poisson,
    Store,
    Uniform,
)

DT, N = 1e-4, 4000  # more units than a shard holds, so that threads share the population


def learning(connectivity=None, *, store=None, model=LIF, delay=None):
    """A population that is driven, and that learns on synapses of its own and on
    those of a source.
    """
    net = Network(seed=4)
    source, cells = (
        net.population(SpikeSource(), 50, name="source"),
        net.population(model(), N, name="cells"),
    )
    rule = STDP(w_max=4e-3)
    connectivity = FixedProbability(0.2) if connectivity is None else connectivity
    delay = Uniform(1e-4, 3e-3) if delay is None else delay
    net.connect(
        source,
        cells,
        connectivity,
        weight=2e-3,
        delay=delay,
        rule=rule,
        store=store or Ideal(),
        name="in",
    )
    net.connect(
        cells, cells, FixedProbability(0.006), weight=1e-3, delay=1e-3, rule=rule, name="loop"
    )
    net.connect(cells, cells, FixedProbability(0.006), weight=Normal(-2e-3, 1e-4), delay=1e-3)
    net.stimulate(source, Poisson(rate=60.0))
    net.stimulate(cells, Constant(np.linspace(12e-3, 16e-3, N)))
    net.probe(cells, "spikes")
    return net


def made(threads, net=None, **options):
    return Simulator(learning() if net is None else net, dt=DT, threads=threads, **options)


def outcome(simulator, result):
    """All that must not depend on threads: spikes and the bits of all weights, in their order."""
    weights = [simulator.weights(part).tobytes() for part in simulator.network.projections]
    return result.hash, result.spikes("cells").times.tobytes(), *weights


def kernels_of(simulator, thread):
    return {operator.name for operator in simulator.plan.operators if operator.thread == thread}


@pytest.mark.parametrize("threads", [2, 3])
@pytest.mark.parametrize(
    "options",
    [{}, {"dtype": "float64"}, {"deterministic": True}, {"backend": "reference"}],
    ids=["float32", "float64", "deterministic", "reference"],
)
def test_as_on_one_thread(options, threads):
    """Spikes and weights have the same bits, and each thread delivers to and learns on its own
    targets.
    """
    duration = 0.01 if options.get("backend") else 0.06
    one, several = made(1, **options), made(threads, **options)
    expected = outcome(one, one.run(duration))
    assert outcome(several, several.run(duration)) == expected
    assert (one.weights(one.network.projections[1]) != 1e-3).mean() > (
        0 if options.get("backend") else 0.2
    )
    deliver = "deliver_counted_step" if options.get("deterministic") else "deliver_step"
    names = {deliver, "STDP_arrival", "STDP_spike", "trace_spike_step"}
    # the population has two shards
    assert sum(names <= kernels_of(several, thread) for thread in range(threads)) == 2


@pytest.mark.parametrize("model", [LIF, CubaLIF])
@pytest.mark.parametrize("connectivity", [FixedOutDegree(600), AllToAll()])
def test_any_connectivity(connectivity, model):
    """Threads learn at once, with the same bits, whether or not targets ascend as drawn."""
    simulators = [
        made(threads, learning(connectivity, model=model, delay=1e-3)) for threads in (1, 2)
    ]
    one, two = (outcome(simulator, simulator.run(0.03)) for simulator in simulators)
    assert one == two
    assert {"STDP_arrival", "STDP_spike"} <= kernels_of(simulators[1], 1)


@dataclass(frozen=True, kw_only=True)
class Whole(Store):
    """A store of a user's own that does not say that threads may share it."""

    def prepare(self, projection):
        return Ideal().prepare(projection)

    def read(self, projection, scope):
        Ideal().read(projection, scope)

    def program(self, projection, scope, proposals):
        Ideal().program(projection, scope, proposals)

    def weights(self, projection, memory):
        return Ideal().weights(projection, memory)


def test_a_store_that_does_not_share():
    """Its projection stays whole, in the order of the draws, beside one that is shared."""
    for connectivity in (FixedProbability(0.05), FixedOutDegree(600)):
        simulators = [made(threads, learning(connectivity, store=Whole())) for threads in (1, 2)]
        one, two = (outcome(simulator, simulator.run(0.02)) for simulator in simulators)
        assert one == two
        own = [part for part in simulators[1].plan.operators if part.label == "in"]
        assert {part.thread for part in own} == {None}
        assert simulators[1].plan.synapses["in"].places is None


def test_threads_change_on_the_way(tmp_path):
    """A run goes on with another number of threads from a file or a pickle, in cuts, as if nothing
    had happened.
    """
    whole = made(1)
    whole.run(0.02)
    expected = outcome(whole, whole.run(0.02))
    for first, second in ((1, 2), (2, 1)):
        begun = made(first)
        begun.run(0.01)
        begun.run(0.01)
        begun.save(tmp_path / "half.h5")
        resumed = Simulator.load(tmp_path / "half.h5", threads=second)
        assert outcome(resumed, resumed.run(0.02)) == expected
        copied = pickle.loads(pickle.dumps(begun))
        assert outcome(copied, copied.run(0.02)) == expected


def test_an_interrupted_run_learns_nothing():
    """Ctrl-C in a run on two threads leaves weights and traces as they were."""
    steady, broken = made(2, chunk=50), made(2, chunk=50)
    for simulator in (steady, broken):
        simulator.run(0.01)
    left = iter(range(2))

    def tick(steps):
        if next(left, None) is None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken._session.single(0.02, tick)
    assert outcome(broken, broken.run(0.02)) == outcome(steady, steady.run(0.02))


def test_weights_are_recorded_in_their_order():
    """A probe of weights shows the same numbers for any number of threads, at the end those of the
    simulator.
    """
    records = []
    for threads in (1, 2):
        net = learning()
        net.probe(net.projections[1], "weights", every=5e-3)
        simulator = made(threads, net)
        trace = simulator.run(0.02).trace("loop", "weights")
        np.testing.assert_allclose(trace[-1], simulator.weights(net.projections[1]), rtol=1e-6)
        records.append(trace.tobytes())
    assert records[0] == records[1]


def test_populations_of_one_unit_and_without_synapses():
    """Nothing to share is no fault."""
    net = Network(seed=1)
    one, many = net.population(LIF(), 1, name="one"), net.population(LIF(), N, name="cells")
    net.connect(one, many, FixedProbability(0.0), weight=1e-3, rule=STDP(w_max=4e-3))
    net.connect(many, one, AllToAll(), weight=1e-3, rule=STDP(w_max=4e-3))
    net.stimulate(many, Constant(17e-3))
    net.probe(many, "spikes")
    outcomes = []
    for threads in (1, 2, 3):
        simulator = made(threads, net)
        outcomes.append(outcome(simulator, simulator.run(0.05)))
    assert len(set(outcomes)) == 1
