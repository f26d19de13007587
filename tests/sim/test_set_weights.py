"""Weights that are set on a running simulator act from then on as in a network made so."""

import math

import numpy as np
import pytest
from scipy.sparse import coo_array, csr_array

from potentia import Network, Simulator
from potentia.errors import ParameterError, UnsupportedError
from potentia.hardware import BreakdownReRAM, Crossbar, PulsedReRAM
from potentia.learning import STDP
from potentia.models import LIF, CobaLIF, CubaLIF, SpikeSource
from potentia.sim import (
    AllToAll,
    Explicit,
    FixedOutDegree,
    FixedProbability,
    FixedTotal,
    FromSparse,
    Ideal,
    Normal,
    OneToOne,
    Poisson,
    Procedural,
    SpikeTrain,
    Uniform,
)
from potentia.tests.sim.settable import WAYS, every_way, network
from potentia.tests.sim.test_broken_runs import same, state

CONNECTIVITY = {
    "given": lambda: (Explicit([2, 0, 1, 0, 2, 0], [0, 1, 1, 1, 4, 0]), 1e-3),
    "drawn": lambda: (FixedProbability(0.4), Uniform(0, 1e-3)),
    "total": lambda: (FixedTotal(40), 1e-3),
    "degree": lambda: (FixedOutDegree(3), Uniform(0, 1e-3)),
    "one to one": lambda: (OneToOne(), np.linspace(0, 1e-3, 12)),
    "dense": lambda: (FromSparse(np.arange(144).reshape(12, 12) % 5 * 1e-4), None),
    "rows": lambda: (FromSparse(csr_array(np.arange(144).reshape(12, 12) % 5 * 1e-4)), None),
    "list": lambda: (
        FromSparse(coo_array(([1e-3, 2e-3, 3e-3], ([3, 1, 2], [0, 1, 2])), shape=(12, 12))),
        None,
    ),
}


@pytest.mark.parametrize(
    "how", [WAYS[name] for name in ("two threads", "float64", "event")], ids=str
)
@pytest.mark.parametrize("delay", [1.5e-3, Uniform(1e-3, 3e-3)], ids=["one delay", "delays"])
@pytest.mark.parametrize("kind", CONNECTIVITY)
def test_weights_that_never_change_can_be_set(kind, delay, how):
    """They come back in the same order, no synapse moves, and spikes are those of synapses given
    one by one.
    """
    connectivity, weight = CONNECTIVITY[kind]()
    nets = [Network(seed=9), Network(seed=9)]
    pres = [net.population(SpikeSource(), 12, name="pre") for net in nets]
    posts = [net.population(LIF(), 12, name="post") for net in nets]
    for net, pre, post in zip(nets, pres, posts, strict=True):
        net.stimulate(pre, SpikeTrain(np.arange(1, 25) * 1e-3, np.arange(24) % 12))
        net.probe(post, "v", every=1e-3)
        net.probe(post, "spikes")
    joined = nets[0].connect(
        pres[0], posts[0], connectivity, weight=weight, delay=delay, name="joined"
    )
    simulator = Simulator(nets[0], **how)
    before = simulator.synapses("joined")
    weights = (
        np.random.default_rng(1).uniform(0, 5e-3, len(before)).astype(np.float32).astype(float)
    )
    simulator.set(joined, weights=weights)
    after = simulator.synapses(joined)
    for name in ("sources", "targets", "delays"):
        np.testing.assert_array_equal(getattr(after, name), getattr(before, name))
    np.testing.assert_array_equal(after.weights, weights)
    given = Explicit(before.sources, before.targets)
    nets[1].connect(pres[1], posts[1], given, weight=weights, delay=before.delays, name="joined")
    one, other = simulator.run(30e-3), Simulator(nets[1], **how).run(30e-3)
    # of sums in any order
    np.testing.assert_allclose(one.trace("post", "v"), other.trace("post", "v"), atol=1e-8)
    simulator.set(joined, weights=2e-3)
    np.testing.assert_allclose(simulator.weights(joined), 2e-3, rtol=1e-6)  # in single precision
    np.testing.assert_array_equal(simulator.synapses(joined).targets, before.targets)


@every_way
def test_weights_act_from_now_on(how):
    """A spike on its way arrives with the new weight."""
    net = Network()
    pre, post = net.population(SpikeSource(), 1), net.population(LIF(), 2, name="post")
    net.stimulate(pre, SpikeTrain([1e-3, 5e-3], [0, 0]))
    net.connect(pre, post, AllToAll(), weight=1e-3, delay=4e-3, name="joined")
    net.probe(post, "v", every=5e-4)
    simulator = Simulator(net, **how)
    simulator.run(3e-3)
    simulator.set("joined", weights=[2e-3, 3e-3])
    result = simulator.run(3e-3)
    arrived = result.trace("post", "v").max(axis=0)
    # looked at up to half a millisecond later
    assert arrived == pytest.approx([2e-3, 3e-3], rel=0.03)


@pytest.mark.parametrize("how", [WAYS["two threads"], WAYS["event"]], ids=str)
def test_weights_that_learn_are_set_within_the_bounds_of_the_rule(how):
    net = network(rule=STDP(w_max=3e-3))
    simulator, other = Simulator(net, **how), Simulator(net, **how)
    simulator.run(20e-3)
    n = simulator.weights("there").size
    weights = np.linspace(0, 2.9e-3, n).astype(np.float32)
    simulator.set("there", weights=simulator.weights("there"))  # what was read can be written
    simulator.set("there", weights=weights)
    np.testing.assert_array_equal(simulator.weights("there"), weights)
    simulator.run(20e-3)
    assert not np.array_equal(simulator.weights("there"), weights)  # the rule goes on
    before = state(other)
    with pytest.raises(
        ParameterError,
        match=r"Simulator.set weights: must be <= 0.003.* \(got '0.004 at index 0'\)",
    ):
        other.set("there", weights=np.full(n, 4e-3))
    assert state(other) == before


@pytest.mark.parametrize(
    "device", [PulsedReRAM(), BreakdownReRAM()], ids=lambda part: type(part).__name__
)
def test_weights_of_a_crossbar_are_written_to_its_devices(device):
    """As in a network made with them: the same cells, so the same errors of writing."""

    def made(weight):
        net = Network(seed=2)
        pre, post = (
            net.population(SpikeSource(), 20, name="pre"),
            net.population(LIF(), 10, name="post"),
        )
        net.stimulate(pre, Poisson(rate=100.0))
        net.connect(pre, post, AllToAll(), weight=weight, store=Crossbar(device), name="cells")
        net.probe(post, "v", every=1e-3)
        return Simulator(net)

    wanted = np.where(np.arange(200) % 3 > 0, 2e-3, 0.0)
    simulator, other = made(1e-3), made(wanted)
    simulator.set("cells", weights=wanted)
    np.testing.assert_array_equal(simulator.weights("cells"), other.weights("cells"))
    assert not np.array_equal(simulator.weights("cells"), wanted)
    same(simulator.run(10e-3), other.run(10e-3))


def test_weights_that_cannot_be_set():
    net = Network(seed=2)
    cells, conducting = (
        net.population(LIF(), 10, name="cells"),
        net.population(CobaLIF(), 10, name="conducting"),
    )
    net.connect(cells, cells, FixedTotal(30), weight=1e-3, store=Procedural(), name="drawn")
    net.connect(
        cells,
        cells,
        AllToAll(),
        weight=1e-3,
        store=Crossbar(PulsedReRAM()),
        rule=STDP(),
        name="pulsed",
    )
    net.connect(cells, conducting, AllToAll(), weight=1e-9, name="conductances")
    simulator = Simulator(net)
    before = state(simulator)
    for name, weights, error, told in (
        ("drawn", np.ones(30), UnsupportedError, "'drawn' keeps no weights"),
        ("pulsed", 1e-3, UnsupportedError, "changed by its rule alone"),
        ("conductances", -1e-9, ParameterError, "must be >= 0"),
        ("conductances", np.ones(7), ParameterError, r"one for each synapse \(100\)"),
        ("conductances", math.nan, ParameterError, "finite"),
    ):
        with pytest.raises(error, match=told):
            simulator.set(name, weights=weights)
    assert state(simulator) == before
    simulator.set("drawn", weights=2e-3)
    np.testing.assert_allclose(simulator.weights("drawn"), 2e-3, rtol=1e-6)


def test_few_bits_round_weights_as_in_a_network_made_so():
    net = Network()
    cells = net.population(LIF(), 10, name="cells")
    net.connect(cells, cells, AllToAll(), weight=1e-3, store=Ideal(bits=2), name="joined")
    simulator = Simulator(net, dtype="float64")
    simulator.set("joined", weights=np.linspace(0, 3e-3, 100))
    assert np.unique(simulator.weights("joined")) == pytest.approx([0, 1e-3, 2e-3, 3e-3])


def test_new_signs_keep_the_receptor():
    """A projection that reached the excitatory receptor goes on to do so, whatever its weights are
    now.
    """
    net = Network()
    pre, post = net.population(SpikeSource(), 1), net.population(CubaLIF(), 2, name="post")
    net.stimulate(pre, SpikeTrain([1e-3], [0]))
    net.connect(pre, post, AllToAll(), weight=1e-3, name="joined")
    simulator = Simulator(net)
    simulator.set("joined", weights=[-1e-3, 1e-3])
    assert simulator.network.projections[0].receptor == CubaLIF().receptor(weights_negative=False)


def test_spikes_on_their_way_stay_where_drawn_delays_are_no_longer_those_that_could_be_drawn():
    """Synapses that are listed one by one know only the delays that occur, so the past is kept for
    fewer steps.
    """

    def made():
        net = Network(seed=5)
        source, cells = (
            net.population(SpikeSource(), 4, name="source"),
            net.population(LIF(), 6, name="cells"),
        )
        delay = Normal(3e-3, 1e-3, low=1e-3, high=9e-3)
        net.connect(source, cells, FixedTotal(9), weight=6e-3, delay=delay, name="in")
        net.stimulate(source, SpikeTrain(np.arange(1, 40) * 7e-4, np.arange(39) % 4))
        net.probe(cells, "spikes")
        net.probe(cells, "v")
        return Simulator(net)

    simulator, other = made(), made()
    for each in (simulator, other):
        each.run(12.3e-3)
    depth = simulator.plan.depth
    simulator.set("in", weights=simulator.weights("in"))
    assert simulator.plan.depth < depth
    one, same = simulator.run(20e-3), other.run(20e-3)
    assert one.hash == same.hash
    assert one.trace("cells", "v").any()
    np.testing.assert_array_equal(one.trace("cells", "v"), same.trace("cells", "v"))
