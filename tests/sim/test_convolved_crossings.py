"""Convolutions and poolings between neurons of a user's own: runs that are broken off, recorded,
saved and copied, on every backend and both engines.
"""

import pickle
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from potentia import Network, Result, Simulator
from potentia.models import LIF
from potentia.sim import Conv1d, Conv2d, EventKernels, Explicit, NeuronModel, SpikeTrain, SumPool2d
from potentia.sim.runs import sections
from potentia.tests.sim.interrupted import same, state
from potentia.tests.sim.test_broken_runs import Interrupt
from potentia.tests.sim.test_convolved_networks import draw

DT, TAU = 1e-3, 8e-3
SLIDING = {
    "Conv2d": lambda: Conv2d(
        draw(6, 2, 3, 2), input_shape=(4, 7, 9), stride=(2, 1), padding=(1, 2), groups=2
    ),
    "Conv1d": lambda: Conv1d(2 * draw(5, 2, 4), input_shape=(2, 30), padding=3),
    "SumPool2d": lambda: SumPool2d(3, input_shape=(2, 9, 8), stride=(2, 1), padding=1),
}
HOW = {
    "one thread": {"threads": 1},
    "two threads": {"threads": 2},
    "reference": {"backend": "reference"},
    "tensors": {"backend": "torch"},
    "event": {"engine": "event"},
}
every_way = pytest.mark.parametrize("how", HOW.values(), ids=HOW)
every_shape = pytest.mark.parametrize("name", SLIDING)


def tired_step(v, jump, fired, keeps, threshold):
    count = 0
    for i in range(v.size):
        v[i] = keeps * v[i] + jump[i]
        jump[i] = 0
        if v[i] >= threshold:
            v[i] = -threshold
            fired[count] = i
            count += 1
    return count


def tired_on_tensors(v, jump, keeps, threshold, spike):
    v = keeps * v + jump
    fired = spike(v, threshold, -threshold)
    return fired, {"v": v + (-threshold - v) * fired}


def tired_flow(v, elapsed):
    return v * np.exp(-elapsed / TAU)


def tired_next(v, threshold):
    return 0.0 if v >= threshold else np.inf


def tired_fire(v, threshold):
    return -threshold


@dataclass(frozen=True, kw_only=True)
class Tired(NeuronModel):
    """Jumps with what arrives, fires at the threshold, and falls as far below zero."""

    threshold: float = 1.0

    kernel: ClassVar = staticmethod(tired_step)
    tensors: ClassVar = staticmethod(tired_on_tensors)
    state: ClassVar = {"v": "float"}
    units: ClassVar = {"v": ""}
    receptors: ClassVar = ("jump",)
    event: ClassVar = EventKernels(
        flow=tired_flow, next=tired_next, fire=tired_fire, state=("v",), receives={"jump": "v"}
    )

    def constants(self, dt):
        return {"keeps": np.exp(-dt / TAU), "threshold": self.threshold}


@dataclass(frozen=True, kw_only=True)
class Named(NeuronModel):
    """One whose kernels are the library's, so that a card runs it too."""

    threshold: float = 1.0
    reset: float = -1.0
    tau: float = TAU
    refractory: float = 0.0

    kernel: ClassVar = LIF.kernel
    state: ClassVar = LIF.state
    units: ClassVar = {"v": ""}
    receptors: ClassVar = LIF.receptors
    event: ClassVar = LIF.event

    def constants(self, dt):
        return LIF.constants(self, dt)


def network(connectivity, *, model=Tired, listed=False):
    """Units of one's own that reach each other through a kernel, driven on the grid."""
    own = connectivity.convolution
    net = Network(seed=11)
    pre = net.population(model(), own.n_pre, name="pre")
    post = net.population(model(threshold=1.5), own.n_post, name="post")
    rng = np.random.default_rng(3)
    times = np.sort(rng.integers(1, 40, 8 * own.n_pre)) * DT
    train = SpikeTrain(times, rng.integers(0, own.n_pre, times.size), weight=0.6)
    net.stimulate(pre, train, name="drive")
    edges = connectivity.edges(own.n_pre, own.n_post, 0, recurrent=False)
    weights = np.ones(len(edges)) if edges.weights is None else edges.weights
    given = (
        (Explicit(edges.sources, edges.targets), 2.0 * weights) if listed else (connectivity, 2.0)
    )
    net.connect(pre, post, given[0], weight=given[1], delay=3 * DT, name="kernel")
    for part in (pre, post):
        net.probe(part, "spikes")
    net.probe(post, "v", every=2 * DT)
    net.probe(post, "counts", every=7 * DT)
    return net


def simulator(name, how, *, at=9 * DT, **choices):
    """In the middle of everything."""
    grid = {} if "engine" in how else {"dt": DT, "chunk": 4}
    made = Simulator(network(SLIDING[name](), **choices), **grid, **how)
    made.run(at)
    return made


@every_way
@every_shape
@pytest.mark.parametrize("model", [Tired, Named])
def test_units_of_ones_own_send_and_receive(model, name, how):
    """What comes of a list of all synapses, and on every engine the same spikes."""
    made, listed = (simulator(name, how, model=model, listed=own) for own in (False, True))
    result = made.run(25 * DT)
    same(result, listed.run(25 * DT))
    assert len(result.spikes("post")) > 20
    expected = simulator(name, HOW["one thread"], model=model).run(25 * DT).spikes("post")
    np.testing.assert_allclose(result.spikes("post").times, expected.times, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(result.spikes("post").ids, expected.ids)


@every_shape
def test_on_the_gpu(gpu, name):
    """In whole numbers, the spikes and potentials of the cpu; from the middle of a pickle, too."""
    made = simulator(name, {"backend": gpu, "deterministic": True}, model=Named)
    again = pickle.loads(pickle.dumps(made))
    expected = simulator(name, {"deterministic": True}, model=Named).run(25 * DT)
    assert len(expected.spikes("post")) > 20
    same(made.run(25 * DT), expected)
    same(again.run(25 * DT), expected)


@every_way
@every_shape
def test_interrupts_leave_no_trace(name, how):
    simulator(name, how).run(15 * DT)  # what is counted then needs no code compiled or imported
    once = simulator(name, how)
    with Interrupt() as count:
        expected = once.run(15 * DT)
    broken, interrupted = simulator(name, how), 0
    before = state(broken)
    for place in [*np.linspace(1, count.passed, 8).astype(int), *(count.passed - np.arange(1, 9))]:
        try:
            with Interrupt(place):
                broken.run(15 * DT)
        except KeyboardInterrupt:
            interrupted += 1
            assert state(broken) == before
        else:  # caches are warm by now, so a run may have fewer places than the one that was counted
            broken = simulator(name, how)
    assert interrupted > 8
    same(broken.run(15 * DT), expected)


@every_way
@every_shape
def test_recorded_saved_and_copied(name, how, tmp_path, monkeypatch):
    """Broken off at any visit, and taken up; from a snapshot; as a pickle."""
    monkeypatch.setattr(sections, "MOST_BYTES", 1)
    monkeypatch.setattr(sections, "CHECKPOINT_SECONDS", 0.0)
    made = simulator(name, how)
    made.save(tmp_path / "snapshot")
    others = [Simulator.load(tmp_path / "snapshot"), pickle.loads(pickle.dumps(made))]
    left = iter(range(3))

    def tick(steps):
        if next(left, None) is None:
            raise KeyboardInterrupt

    if "engine" not in how:  # the event engine has no visits in so short a run
        with pytest.raises(KeyboardInterrupt):
            simulator(name, how)._session.single(20 * DT, tick, tmp_path / "run")
        assert list((tmp_path / "run").glob("checkpoint*"))
    expected = made.run(20 * DT)
    same(simulator(name, how).run(20 * DT, record_to=tmp_path / "run", resume=True), expected)
    same(Result.load(tmp_path / "run"), expected)
    for other in others:
        same(other.run(20 * DT), expected)
