"""What is set on a running simulator acts from then on as in a network made so; reset goes back to
the beginning.
"""

import copy
import math
import pickle
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from scipy.sparse import coo_array, csr_array

from potentia import Network, Simulator
from potentia.errors import DataError, NetworkError, ParameterError, UnsupportedError
from potentia.hardware import BreakdownReRAM, Crossbar, PulsedReRAM
from potentia.learning import STDP
from potentia.models import LIF, CobaLIF, CubaLIF, SpikeSource
from potentia.sim import (
    AllToAll,
    Constant,
    Explicit,
    FixedOutDegree,
    FixedProbability,
    FixedTotal,
    FromSparse,
    Ideal,
    NeuronModel,
    Normal,
    OneToOne,
    Poisson,
    Procedural,
    SpikeTrain,
    Uniform,
)
from potentia.tests.sim.own_model import leak_step
from potentia.tests.sim.test_broken_runs import Interrupt, same, state

WAYS = {
    "one thread": {"threads": 1, "chunk": 37},
    "two threads": {"threads": 2, "chunk": 37},
    "float64": {"dtype": "float64"},
    "whole numbers": {"deterministic": True},
    "reference": {"backend": "reference"},
    "event": {"engine": "event"},
}
every_way = pytest.mark.parametrize("how", WAYS.values(), ids=WAYS)


def network(cells=None, others=None, initial=None, *, rule=None):
    """Two populations that excite and inhibit each other, driven by currents and trains, recorded
    in every way.
    """
    net = Network(seed=5)
    one = net.population(LIF() if cells is None else cells, 60, name="cells", initial=initial)
    two = net.population(CubaLIF() if others is None else others, 50, name="others")
    weight = Uniform(0, 2e-3)
    net.connect(
        one,
        two,
        FixedProbability(0.3),
        weight=weight,
        delay=Uniform(1e-3, 4e-3),
        rule=rule,
        name="there",
    )
    net.connect(two, one, FixedOutDegree(20), weight=-1e-3, delay=2e-3, name="back")
    net.stimulate(one, Poisson(rate=600.0, weight=2e-3), name="noise")
    net.stimulate(two, Constant(18e-3), name="drive")
    for part in (one, two):
        net.probe(part, "spikes")
    net.probe(one, "v", every=1e-3)
    net.probe(two, "counts", every=7e-3)
    return net


THRESHOLDS = np.linspace(8e-3, 16e-3, 60)


@every_way
@pytest.mark.parametrize("threshold", [10e-3, THRESHOLDS], ids=["one", "per unit"])
def test_parameters_set_at_the_beginning_are_those_of_a_network_made_so(how, threshold):
    simulator = Simulator(network(), **how)
    simulator.set("cells", threshold=threshold, tau=15e-3)
    made = Simulator(network(cells=LIF(threshold=threshold, tau=15e-3)), **how)
    assert state(simulator) == state(made)
    result = simulator.run(30e-3)
    same(result, made.run(30e-3))
    assert len(result.spikes("cells")) > 0
    assert result.hash != Simulator(network(), **how).run(30e-3).hash


@every_way
def test_parameters_change_from_now_on(how):
    """Under a constant drive d the time between two spikes is refractory + tau log(d / (d -
    threshold)).
    """
    net = Network()
    cells = net.population(LIF(refractory=1e-3), 3, name="cells")
    net.stimulate(cells, Constant(30e-3))
    net.probe(cells, "spikes")
    simulator = Simulator(net, **how)
    simulator.run(50e-3)
    simulator.set(cells, threshold=[15e-3, 20e-3, 25e-3], refractory=2e-3)
    times = [train[1:] for train in simulator.run(0.2).spikes("cells").trains()]
    dt = 0.0 if "engine" in how else 1e-4
    for train, threshold in zip(times, (15e-3, 20e-3, 25e-3), strict=True):
        period = 2e-3 + 20e-3 * math.log(30e-3 / (30e-3 - threshold))
        assert np.diff(train) == pytest.approx(period, abs=1e-12 + 2 * dt)
    assert simulator.network.populations[0].model.refractory == 2e-3
    assert net.populations[0].model.refractory == 1e-3  # descriptions do not change
    # by the part that the user holds, which is described otherwise now
    simulator.set(cells, refractory=0.0)
    assert simulator.time == pytest.approx(0.25)


@every_way
@pytest.mark.parametrize(
    "v", [5e-3, np.linspace(0, 12e-3, 60), Uniform(0, 12e-3)], ids=["one", "per unit", "drawn"]
)
def test_states_set_at_the_beginning_are_initial_ones(how, v):
    simulator, made = Simulator(network(), **how), Simulator(network(initial={"v": v}), **how)
    simulator.set("cells", v=v)
    np.testing.assert_array_equal(simulator.state("cells", "v"), made.state("cells", "v"))
    same(simulator.run(20e-3), made.run(20e-3))


@every_way
def test_states_are_set_in_the_middle(how):
    simulator = Simulator(network(), **how)
    simulator.run(20e-3)
    before = simulator.state("cells", "v")
    values = np.linspace(-5e-3, 5e-3, 50)
    simulator.set("others", v=values)
    found = simulator.state("others", "v")
    free = found == values.astype(np.float64 if "engine" in how or "dtype" in how else np.float32)
    assert free.all() if "engine" not in how else free.mean() > 0.3
    assert not found[~free].any()  # refractory units of the event engine stay at their reset
    np.testing.assert_array_equal(simulator.state("cells", "v"), before)
    assert simulator.time == pytest.approx(20e-3)
    assert simulator.run(20e-3).start == pytest.approx(20e-3)


@pytest.mark.parametrize("dt", [1e-4, 1e-5])
def test_both_engines_go_on_alike_from_what_is_set(dt):
    """Spike times come closer as dt shrinks."""
    net = Network()
    cells = net.population(CubaLIF(refractory=1e-3), 20, name="cells")
    net.stimulate(cells, Constant(np.linspace(16e-3, 30e-3, 20)))
    net.probe(cells, "spikes")
    found = []
    for simulator in (Simulator(net, dt=dt, dtype="float64"), Simulator(net, engine="event")):
        simulator.run(13.3e-3)
        variable = next(name for name in simulator._engine.variables(cells) if name != "v")
        simulator.set(
            cells, **{variable: np.linspace(0, 5e-3, 20), "v": np.linspace(-10e-3, 14e-3, 20)}
        )
        simulator.run(7e-3)
        simulator.set(cells, threshold=12e-3, tau=10e-3)
        found.append(simulator.run(30e-3).spikes("cells").trains())
    for clock, event in zip(*found, strict=True):
        np.testing.assert_allclose(clock[: event.size], event[: clock.size], atol=6 * dt)
        assert abs(clock.size - event.size) <= 1
    assert sum(train.size for train in found[0]) > 30


@every_way
def test_a_unit_set_above_its_threshold_fires_at_once(how):
    net = Network()
    cells = net.population(LIF(), 2, name="cells")
    net.probe(cells, "spikes")
    simulator = Simulator(net, **how)
    simulator.run(10e-3)
    simulator.set(cells, v=[0.0, 1.0])
    spikes = simulator.run(1e-3).spikes("cells")
    assert spikes.ids.tolist() == [1]
    assert 10e-3 < spikes.times[0] <= 10e-3 + 1.01e-4


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


@every_way
def test_reset_goes_back_to_the_beginning(how):
    simulator = Simulator(network(), **how)
    before, first = state(simulator), simulator.run(30e-3)
    simulator.reset()
    assert simulator.time == 0.0
    assert state(simulator) == before
    same(simulator.run(30e-3), first)
    simulator.set("cells", threshold=12e-3)
    simulator.reset()
    same(simulator.run(20e-3), Simulator(network(cells=LIF(threshold=12e-3)), **how).run(20e-3))


@pytest.mark.parametrize("how", [WAYS[name] for name in WAYS if name != "whole numbers"], ids=str)
def test_reset_keeps_what_was_learned(how):
    """The rest is as in a simulator at the beginning that is given these weights."""
    net = network(rule=STDP(a_plus=1e-4))
    simulator, other = Simulator(net, **how), Simulator(net, **how)
    simulator.run(50e-3)
    learned = simulator.weights("there")
    simulator.reset(keep="weights")
    np.testing.assert_array_equal(simulator.weights("there"), learned)
    other.set("there", weights=learned)
    assert not np.array_equal(learned, Simulator(net, **how).weights("there"))
    same(simulator.run(30e-3), other.run(30e-3))
    simulator.reset(keep="nothing")
    same(simulator.run(30e-3), Simulator(net, **how).run(30e-3))


def test_reset_on_a_gpu_and_setting_there(gpu):
    simulator = Simulator(network(), backend=gpu)
    first = simulator.run(20e-3)
    simulator.reset()
    same(simulator.run(20e-3), first)
    twin = Simulator(network(), backend=gpu)
    twin.run(20e-3)
    for made in (simulator, twin):
        made.set("cells", v=1e-3, threshold=12e-3)
        made.set("there", weights=1e-3)
    np.testing.assert_array_equal(simulator.state("cells", "v"), np.full(60, 1e-3, np.float32))
    same(simulator.run(20e-3), twin.run(20e-3))


def everything(simulator, *, learns):
    """Set all that can be, on the way."""
    simulator.run(10e-3)
    simulator.set("cells", v=np.linspace(0, 10e-3, 60), threshold=12e-3)
    simulator.set("back", weights=-2e-3)
    if learns:
        simulator.set("there", weights=1e-3)
    simulator.run(5e-3)
    simulator.set("others", threshold=np.linspace(10e-3, 15e-3, 50))


@every_way
def test_what_was_set_is_saved_copied_and_pickled(how, tmp_path):
    learns = "deterministic" not in how
    simulator = Simulator(network(rule=STDP() if learns else None), **how)
    everything(simulator, learns=learns)
    simulator.save(tmp_path / "saved")
    twins = [
        Simulator.load(tmp_path / "saved"),
        copy.deepcopy(simulator),
        pickle.loads(pickle.dumps(simulator)),
    ]
    simulator.set("cells", threshold=15e-3)
    expected = simulator.run(20e-3)
    for twin in twins:
        twin.set("cells", threshold=15e-3)  # by name: of the loaded ones there is no part at hand
        same(twin.run(20e-3), expected)


@pytest.mark.parametrize("how", [WAYS["two threads"], WAYS["event"]], ids=str)
def test_an_interrupt_anywhere_sets_nothing(how):
    """Or it comes too late, and all is set."""
    simulator = Simulator(network(), **how)
    simulator.run(10e-3)

    def change(made):
        made.set("cells", v=2e-3, threshold=12e-3)

    change(copy.deepcopy(simulator))  # what is kept after a first time passes other places
    with Interrupt() as count:
        change(copy.deepcopy(simulator))
    before, interrupted = state(simulator), 0
    for place in np.linspace(1, count.passed // 2, 40).astype(int):
        try:
            with Interrupt(place):
                change(simulator)
        except KeyboardInterrupt:
            interrupted += 1
            assert state(simulator) == before
            assert simulator.network.populations[0].model.threshold == 15e-3
        else:
            break
    assert interrupted > 5  # how many places there are depends on what is kept from before
    change(simulator)
    twin = Simulator(network(), **how)
    twin.run(10e-3)
    change(twin)
    same(simulator.run(20e-3), twin.run(20e-3))


def test_a_broken_run_is_taken_up_only_where_the_same_was_set(tmp_path, monkeypatch):
    from potentia.sim.runs import segments

    monkeypatch.setattr(segments, "MOST_SECONDS", 0.0)
    monkeypatch.setattr(segments, "CHECKPOINT_SECONDS", 0.0)

    def made(v):
        simulator = Simulator(network(), chunk=37)
        if v is not None:
            simulator.set("cells", v=v)
        return simulator

    expected = made(5e-3).run(40e-3)
    simulator = made(5e-3)
    advance, calls = simulator._engine._advance, []

    def broken(program, memory, step, stop, recording, tick):
        def ticking(n):
            calls.append(n)
            if len(calls) == 6:
                raise KeyboardInterrupt
            tick(n)

        return advance(program, memory, step, stop, recording, ticking)

    simulator._engine._advance = broken
    with pytest.raises(KeyboardInterrupt):
        simulator.run(40e-3, record_to=tmp_path / "run")
    for v in (None, 6e-3):
        with pytest.raises(DataError, match="of another simulation"):
            made(v).run(40e-3, record_to=tmp_path / "run", resume=True)
    same(made(5e-3).run(40e-3, record_to=tmp_path / "run", resume=True), expected)


@pytest.mark.parametrize("how", [WAYS["two threads"], WAYS["event"]], ids=str)
def test_batches_start_from_what_is_set(how):
    simulator, made = (
        Simulator(network(), **how),
        Simulator(network(cells=LIF(threshold=10e-3)), **how),
    )
    simulator.set("cells", threshold=10e-3)
    stimuli = {"noise": [Poisson(rate=500.0, weight=2e-3), Poisson(rate=900.0, weight=2e-3)]}
    assert simulator.run(20e-3, inputs=stimuli).hash == made.run(20e-3, inputs=stimuli).hash


@dataclass(frozen=True, kw_only=True, eq=False)
class Own(NeuronModel):
    """A model of a user's own with a parameter, one number or one per unit."""

    keeps: Any = 0.99

    kernel = leak_step
    state = {"v": "float"}  # noqa: RUF012
    receptors = ("jump",)

    def constants(self, dt):
        return {"keeps": self.keeps}


def test_a_model_of_ones_own(processor):
    def made(keeps):
        net = Network()
        cells = net.population(Own(keeps=keeps), 5, name="cells")
        net.stimulate(cells, Poisson(rate=2000.0, weight=0.3))
        net.probe(cells, "spikes")
        return Simulator(net, backend=processor)

    simulator = made(0.99)
    simulator.set("cells", keeps=0.95)
    same(simulator.run(50e-3), made(0.95).run(50e-3))
    simulator.set("cells", v=0.0)
    assert not simulator.state("cells", "v").any()
    with pytest.raises(
        ParameterError, match=r"'keep' is unknown; did you mean 'keeps'\?; Own has the v, keeps"
    ):
        simulator.set("cells", keep=0.5)


@pytest.mark.parametrize("how", [WAYS["two threads"], WAYS["event"]], ids=str)
def test_parameters_that_were_drawn_stay_and_others_are_drawn(how):
    """By the seed, as in a network made so; also where the description holds a distribution."""
    simulator = Simulator(network(cells=LIF(tau=Uniform(15e-3, 25e-3))), **how)
    made = Simulator(
        network(cells=LIF(tau=Uniform(15e-3, 25e-3), threshold=Uniform(8e-3, 15e-3))), **how
    )
    simulator.set("cells", threshold=Uniform(8e-3, 15e-3), v=1e-3)
    made.set(made.network.populations[0], v=1e-3)
    twin = copy.deepcopy(simulator)
    expected = made.run(20e-3)
    same(simulator.run(20e-3), expected)
    same(twin.run(20e-3), expected)
    simulator.stimulate("drive", Constant(Uniform(15e-3, 20e-3)))
    simulator.run(5e-3)


def test_one_unit_and_no_synapse():
    net = Network()
    cell = net.population(LIF(), 1, name="cell")
    net.connect(cell, cell, Explicit([], []), weight=1e-3, name="none")
    for how in ({}, {"engine": "event"}):
        simulator = Simulator(net, **how)
        simulator.set("none", weights=np.zeros(0))
        simulator.set("none", weights=1e-3)
        simulator.set(cell, v=[5e-3])
        simulator.run(1e-3)
        simulator.reset()
        assert simulator.state(cell, "v").tolist() == [0.0]


@every_way
def test_what_is_unknown_is_told_with_the_nearest(how):
    net = network()
    simulator = Simulator(net, **how)
    before = state(simulator)
    for part, values, error, told in (
        (
            "cells",
            {"treshold": 1e-3},
            ParameterError,
            "'treshold' is unknown; did you mean 'threshold'",
        ),
        ("cells", {}, ParameterError, "needs what to set"),
        (
            "cells",
            {"v": np.zeros(3)},
            ParameterError,
            r"set v: must be one number or one per unit \(60\)",
        ),
        ("cells", {"v": math.inf}, ParameterError, "set v: must be a finite number"),
        ("cells", {"tau": -1.0}, ParameterError, "LIF.tau"),
        ("cells", {"tau": np.full(3, 0.01)}, ParameterError, "LIF.tau"),
        ("there", {"weight": 1.0}, ParameterError, "'weight' is unknown; did you mean 'weights'"),
        ("cels", {"v": 0.0}, NetworkError, "no part is called 'cels'; did you mean 'cells'"),
        (Network().population(LIF(), 2), {"v": 0.0}, NetworkError, "is not a part of this network"),
        (7, {"v": 0.0}, NetworkError, "7 is not a part of this network"),
    ):
        with pytest.raises(error, match=told):
            simulator.set(part, **values)
    with pytest.raises(
        ParameterError, match=r"Simulator.reset keep: must be one of nothing, weights; did you mean"
    ):
        simulator.reset(keep="weight")
    with pytest.raises(ParameterError, match=r"Simulator.state variable: must be one of v"):
        simulator.state("cells", "u")
    assert state(simulator) == before


def test_both_values_of_one_call_are_set_or_none():
    simulator = Simulator(network())
    before = state(simulator)
    with pytest.raises(ParameterError, match="set v"):
        simulator.set("cells", threshold=10e-3, v=np.zeros(2))
    assert state(simulator) == before
    assert simulator.network.populations[0].model.threshold == 15e-3


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
