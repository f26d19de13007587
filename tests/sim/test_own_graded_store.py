"""A store of a user's own under a source that sends numbers: it multiplies with whole grains."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from functools import cache
from typing import ClassVar, final

import numpy as np
import pytest

from potentia import Network, Simulator
from potentia.errors import PotentiaError, UnsupportedError
from potentia.models import LeakyRate
from potentia.sim import AllToAll, Capabilities, FixedProbability, Ideal, Store, TimedArray
from potentia.sim.operators.operator import Phase
from potentia.sim.operators.signals import ANY
from potentia.tests.learning.taught import DT, N_POST, STEPS, Delta, plain, taught

GRAIN = 2.0**-10


def grains_product_step(
    step,
    sent,
    lags,
    first_post,
    synapse_post,
    segment_post,
    count,
    grain,
    begin_post,
    end_post,
    receiving,
):
    """Add to each target what its synapses bring: grain * count * number."""
    for j in range(begin_post, end_post):
        total = 0.0
        for q in range(first_post[j], first_post[j + 1]):
            segment = np.int64(segment_post[q])
            source = segment // lags.size
            slot = (step - lags[segment - source * lags.size]) % sent.shape[0]
            total += count[synapse_post[q]] * np.float64(sent[slot, source])
        receiving[j] += grain * total
    return 0


def grains_program_step(synapse, change, proposed, low, high, count, grain):
    """Carry out changes in whole grains."""
    for k in range(proposed[0]):
        moved = grain * (count[synapse[k]] + np.rint(np.float64(change[k]) / grain))
        count[synapse[k]] = np.rint(min(max(moved, low), high) / grain)
    proposed[0] = 0
    return 0


@final
@dataclass(frozen=True, kw_only=True)
class Grains(Store):
    """Weights are whole numbers of grains, kept as such."""

    grain: float = GRAIN
    can: ClassVar = Capabilities(shares=True)

    def prepare(self, projection):
        given = np.broadcast_to(projection.synapses.weights, (projection.synapses.n,))
        counts = np.rint(given / self.grain).astype(np.int32)
        return {
            "count": projection.signal("count", "store", "int32", counts.shape, counts, most=ANY)
        }

    def read(self, projection, scope):
        raise UnsupportedError(f"Grains: the source of {projection.name} sends spikes")

    def multiply(self, projection, scope):
        own = {**projection.spelled_lags(), **projection.reverse(), **scope, "grain": self.grain}
        projection.operator(projection.phase, grains_product_step, own)

    def program(self, projection, scope, proposals):
        own = {**proposals.scope, **scope, "grain": self.grain}
        projection.operator(Phase.LEARN, grains_program_step, own)

    def weights(self, projection, memory):
        return self.grain * memory[f"{projection.name}.count"].astype(np.float64)


@final
@dataclass(frozen=True, kw_only=True)
class Named(Store):
    """What `Ideal` does where a rule changes weights, with kernels of the library, by name."""

    can: ClassVar = Capabilities(shares=True)

    def prepare(self, projection):
        given = np.broadcast_to(projection.synapses.weights, (projection.synapses.n,))
        return {"weights": projection.signal("weights", "store", "float", given.shape, given)}

    def read(self, projection, scope):
        raise UnsupportedError(f"Named: the source of {projection.name} sends spikes")

    def multiply(self, projection, scope):
        own = {**projection.spelled_lags(), **projection.reverse(), **scope}
        own |= {"low": projection.names["begin_post"], "high": projection.names["end_post"]}
        projection.operator(projection.phase, "plastic_product_step", own)

    def program(self, projection, scope, proposals):
        projection.operator(Phase.LEARN, "program_step", {**proposals.scope, **scope})

    def weights(self, projection, memory):
        return memory[f"{projection.name}.weights"].astype(np.float64)


def whole(change):
    """The change that the store carries out for what a rule proposes."""
    return lambda w, x, y, error: GRAIN * np.rint(change(w, x, y, error) / GRAIN)


@pytest.mark.parametrize("options", [{}, {"deterministic": True}, {"chunk": 7}], ids=str)
def test_numbers_and_learned_weights_by_the_definition(processor, options):
    """Rates to some roundings, weights exactly, in two runs; both bounds are met."""
    rule = Delta(rate=0.3, most=0.5)
    net = taught(rule, Grains(), weight=np.linspace(-0.45, 0.45, 6 * N_POST))
    simulator = Simulator(net, dt=DT, backend=processor, dtype="float64", **options)
    result = simulator.run(STEPS * DT)
    rates, weights = plain(
        net, result, whole(lambda w, x, y, error: 0.3 * error * x), low=-0.5, high=0.5
    )
    np.testing.assert_allclose(result.trace("post", "r"), rates, rtol=1e-10, atol=1e-12)
    np.testing.assert_array_equal(simulator.weights("learned"), weights)
    assert (weights.min(), weights.max()) == (-0.5, 0.5)
    x = np.linspace(-1, 1, 6)
    expected = x @ simulator.synapses("learned").matrix()
    np.testing.assert_allclose(simulator.product("learned", x), expected, rtol=1e-12)


def static(store, n=N_POST, connectivity=None):
    """Weights of whole grains that no rule changes, on both sides of zero, with two delays."""
    net, rng = Network(seed=4), np.random.default_rng(8)
    pre = net.population(LeakyRate(), 30, name="pre", initial={"r": rng.random(30)})
    post = net.population(LeakyRate(activation="linear"), n, name="post")
    weight = (
        GRAIN * rng.integers(-300, 300) if connectivity else GRAIN * rng.integers(-9, 9, 30 * n)
    )
    delay = 2 * DT if connectivity else DT * rng.choice([1, 4], 30 * n)
    net.connect(
        pre, post, connectivity or AllToAll(), weight=weight, delay=delay, store=store, name="in"
    )
    net.stimulate(pre, TimedArray(rng.random((20, 30)), 3 * DT), name="input")
    net.probe(post, "r", every=DT)
    return net


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_without_a_rule_as_an_ideal_store_of_the_same_weights(processor, dtype):
    """Sums run in another order, so they agree to some roundings."""
    traces = []
    for store in (Ideal(), Grains(), Named()):
        simulator = Simulator(static(store), dt=DT, backend=processor, dtype=dtype)
        traces.append(simulator.run(STEPS * DT).trace("post", "r"))
    near = 1e-12 if dtype == "float64" else 1e-5
    for found in traces[1:]:
        np.testing.assert_allclose(found, traces[0], rtol=near, atol=near * np.abs(traces[0]).max())


def test_a_store_that_names_kernels_of_the_library_runs_on_a_card(gpu):
    """In double precision with the weights of `Ideal`, to some roundings."""
    found = []
    for store, backend in ((Ideal(), "cpu"), (Named(), gpu)):
        simulator = Simulator(static(store), dt=DT, backend=backend, dtype="float64")
        found.append(simulator.run(STEPS * DT).trace("post", "r"))
    np.testing.assert_allclose(found[1], found[0], rtol=1e-12, atol=1e-12)


def test_a_card_has_no_kernel_of_a_users_own(gpu):
    with pytest.raises(PotentiaError, match="grains_product_step"):
        Simulator(static(Grains()), dt=DT, backend=gpu)


MANY = 3000  # targets: more than one thread's share


@cache
def known(learns):
    """Rates and weights after two runs on one thread."""
    simulator = Simulator(large(learns), dt=DT, threads=1)
    first = simulator.run(20 * DT).trace("post", "r")
    return first, simulator.run(20 * DT).trace("post", "r"), simulator.weights(name(learns))


def name(learns):
    return "learned" if learns else "in"


def large(learns):
    if not learns:
        return static(Grains(), MANY, FixedProbability(0.3))
    return taught(
        Delta(), Grains(), n_post=MANY, connectivity=FixedProbability(0.6), weight=20 * GRAIN
    )


@pytest.mark.parametrize("learns", [False, True])
def test_any_number_of_threads_files_and_pickles(learns, tmp_path):
    """The same bits however a run is cut and carried on."""
    first, second, weights = known(learns)
    simulator = Simulator(large(learns), dt=DT, threads=2)
    sample, other = simulator.run(20 * DT, batch=2, learn="each" if learns else None)
    np.testing.assert_array_equal(sample.trace("post", "r"), first)
    np.testing.assert_array_equal(other.trace("post", "r"), first)  # nothing is drawn
    np.testing.assert_array_equal(simulator.run(20 * DT).trace("post", "r"), first)
    simulator.save(tmp_path / "saved")
    loaded = Simulator.load(tmp_path / "saved", threads=1)
    for made in (simulator, loaded, pickle.loads(pickle.dumps(simulator))):
        np.testing.assert_array_equal(made.run(20 * DT).trace("post", "r"), second)
        np.testing.assert_array_equal(made.weights(name(learns)), weights)
    simulator.reset()
    np.testing.assert_array_equal(simulator.run(20 * DT).trace("post", "r"), first)


@pytest.mark.parametrize(("learn", "times"), [("sum", 3), ("mean", 1)])
def test_a_batch_programs_once_what_all_samples_proposed(processor, learn, times):
    """Three equal samples; what the delta rule proposes does not depend on the weights."""
    slow = Delta(rate=0.02)
    net, quiet = taught(slow, Grains()), taught(slow, Ideal())
    simulator = Simulator(net, dt=DT, backend=processor, dtype="float64", threads=1)
    before = simulator.weights("learned")
    simulator.run(STEPS * DT, batch=3, learn=learn)
    alone = Simulator(quiet, dt=DT, dtype="float64", threads=1)
    start = alone.weights("learned")
    alone.run(STEPS * DT)
    proposed = times * (alone.weights("learned") - start)
    expected = before + GRAIN * np.rint(proposed / GRAIN)
    assert np.abs(expected).max() < 2.0  # its bounds
    assert (expected != before).any()
    np.testing.assert_allclose(simulator.weights("learned"), expected, rtol=0, atol=1e-15)


def test_an_interrupted_run_leaves_the_grains_as_they_were():
    broken, steady = (Simulator(taught(Delta(), Grains()), dt=DT, chunk=5) for _ in range(2))
    for simulator in (broken, steady):
        simulator.run(10 * DT)
    before, left = broken.weights("learned"), iter(range(2))

    def tick(steps):
        if next(left, None) is None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken._session.single(40 * DT, tick, None)
    np.testing.assert_array_equal(broken.weights("learned"), before)
    traces = [made.run(40 * DT).trace("post", "r") for made in (broken, steady)]
    np.testing.assert_array_equal(*traces)
    np.testing.assert_array_equal(broken.weights("learned"), steady.weights("learned"))
    assert (broken.weights("learned") != before).any()


def test_weights_of_grains_are_set_probed_and_refused():
    """Where no rule changes them, others are rounded to grains; where one does, only plain numbers
    can be set; the event engine cannot read them.
    """
    simulator = Simulator(static(Grains()), dt=DT)
    simulator.run(5 * DT)
    simulator.set("in", weights=np.linspace(-1, 1, 30 * N_POST))
    expected = GRAIN * np.rint(np.linspace(-1, 1, 30 * N_POST) / GRAIN)
    np.testing.assert_array_equal(simulator.weights("in"), expected)
    net = taught(Delta(), Grains())
    net.probe(net.projections[0], "weights", every=DT)
    learning = Simulator(net, dt=DT)
    result = learning.run(STEPS * DT)
    np.testing.assert_allclose(result.weights("learned")[-1], learning.weights("learned"))
    with pytest.raises(UnsupportedError, match="Grains"):
        learning.set("learned", weights=0.0)
    with pytest.raises(PotentiaError, match="event"):
        Simulator(static(Grains()), engine="event")


@pytest.mark.parametrize("shape", [(1, 1), (3, 1), (1, 4)])
def test_single_units(processor, shape):
    """The sum that a target gets is its drive [closed form: one step of a linear unit]."""
    net = Network()
    pre = net.population(LeakyRate(), shape[0], name="pre", initial={"r": 1.0})
    post = net.population(LeakyRate(tau=5e-3, activation="linear"), shape[1], name="post")
    net.connect(pre, post, AllToAll(), weight=0.25, delay=DT, store=Grains(), name="in")
    net.probe(post, "r", every=DT)
    result = Simulator(net, dt=DT, backend=processor, dtype="float64").run(DT)
    expected = 0.25 * shape[0] * (1 - np.exp(-DT / 5e-3))
    np.testing.assert_allclose(result.trace("post", "r"), expected, rtol=1e-12)
