"""`Simulator.weights` tells every synapse's weight, in one order, whatever runs the network."""

import numpy as np
import pytest

from potentia import Network, Simulator
from potentia.hardware import BreakdownReRAM, Crossbar, PulsedReRAM, Tile, Wires
from potentia.learning import STDP
from potentia.models import LIF, CubaLIF
from potentia.sim import (
    Explicit,
    FixedOutDegree,
    FixedProbability,
    FixedTotal,
    Ideal,
    Procedural,
    Uniform,
)

UNITS = 3000  # more than a shard, so threads share the populations
STORES = {
    "ideal": Ideal(),
    "few bits": Ideal(bits=5),
    "procedural": Procedural(bits=6),
    "learned": Ideal(),
    "crossbar": Crossbar(device=PulsedReRAM()),
    "tiled": Crossbar(device=PulsedReRAM(), tile=Tile(rows=64, columns=48)),
}


def drawn(kind):
    """Two populations and two projections with weights and delays of their own, both ways."""
    net = Network(seed=8)
    ones, others = (
        net.population(LIF(), UNITS, name="ones"),
        net.population(CubaLIF(), UNITS + 70, name="others"),
    )
    rule = STDP() if kind == "learned" else None
    how = {"store": STORES[kind], "rule": rule, "delay": Uniform(1e-3, 4e-3)}
    net.connect(ones, others, FixedTotal(20_000), weight=Uniform(0.0, 1e-3), name="there", **how)
    net.connect(others, ones, FixedOutDegree(4), weight=Uniform(0.0, 2e-4), name="back", **how)
    return net


def told(net, **how):
    simulator = Simulator(net, **how)
    return [simulator.weights(part) for part in net.projections]


@pytest.mark.parametrize("kind", STORES)
def test_threads_and_backends_tell_the_same_weights(kind):
    """With two threads, one of which may own no target of a projection; in whole numbers; and in
    the oracle.
    """
    net = drawn(kind)
    expected = told(net, threads=1)
    assert [part.size for part in expected] == [20_000, 4 * (UNITS + 70)]
    assert all(np.unique(part).size > 2 for part in expected)
    ways = [{"threads": 2}, {"backend": "reference"}]
    if kind in ("ideal", "few bits", "procedural", "learned"):
        ways += [{"deterministic": True, "threads": threads} for threads in (1, 2)]
    for how in ways:
        for got, wanted in zip(told(net, **how), expected, strict=True):
            np.testing.assert_array_equal(got, wanted, err_msg=str(how))


def test_a_gpu_tells_the_same_weights(gpu):
    for kind in ("ideal", "few bits", "learned"):
        for got, wanted in zip(told(drawn(kind), backend=gpu), told(drawn(kind)), strict=True):
            np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("how", [{"threads": 1}, {"threads": 2}, {"engine": "event"}], ids=str)
def test_weights_follow_source_delay_and_target(how):
    """Synapses given one by one, in any order, come out sorted."""
    rng = np.random.default_rng(4)
    chosen = rng.permutation(UNITS * UNITS)[:5000]
    sources, targets = chosen // UNITS, chosen % UNITS
    delays, weights = (
        rng.integers(1, 4, chosen.size) * 1e-3,
        rng.normal(0.0, 1e-3, chosen.size).astype(np.float32),
    )
    net = Network()
    ones, others = net.population(LIF(), UNITS), net.population(LIF(), UNITS)
    joined = net.connect(ones, others, Explicit(sources, targets), weight=weights, delay=delays)
    order = np.lexsort((targets, delays, sources))
    np.testing.assert_array_equal(Simulator(net, **how).weights(joined), weights[order])


@pytest.mark.parametrize("store", [Ideal(), Ideal(bits=4), Procedural()], ids=str)
def test_the_event_engine_has_the_weights_of_the_clock(store):
    """Per source the same numbers; without random delays also in the same order."""
    net = Network(seed=2)
    ones = net.population(LIF(), 50)
    joined = net.connect(ones, ones, FixedOutDegree(30), weight=Uniform(1e-3, 2e-3), store=store)
    clock, event = Simulator(net, dtype="float64"), Simulator(net, engine="event")
    np.testing.assert_array_equal(clock.weights(joined), event.weights(joined))


def test_a_probe_of_weights_works_on_threads():
    net = drawn("ideal")
    net.probe(net.projections[0], "weights", every=2e-3)
    simulator = Simulator(net, threads=2)
    values = simulator.run(4e-3).samples("there", "weights").values
    np.testing.assert_array_equal(values, [simulator.weights(net.projections[0])] * 2)


def test_weights_behind_wires_do_not_depend_on_threads():
    net = Network(seed=1)
    ones = net.population(LIF(), 30)
    store = Crossbar(
        device=BreakdownReRAM(), tile=Tile(rows=16, columns=16), wires=Wires(r_word=1.0, r_bit=1.0)
    )
    joined = net.connect(ones, ones, FixedProbability(0.2), weight=1e-3, store=store)
    np.testing.assert_array_equal(*(Simulator(net, threads=n).weights(joined) for n in (1, 2)))
