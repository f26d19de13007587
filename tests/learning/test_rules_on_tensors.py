"""Rules on backend "torch": their weights are those of the cpu."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from potentia import Network, Simulator
from potentia.errors import NetworkError, UnsupportedError
from potentia.hardware import Crossbar, PulsedReRAM
from potentia.kernels.torch.surrogate import Spike
from potentia.learning import STDP
from potentia.models import LIF, EscapeLIF, LeakyRate, SpikeSource
from potentia.sim import AllToAll, Constant, FixedProbability, Noise, Rule, SpikeTrain, Uniform
from potentia.sim.operators.operator import Phase
from potentia.sim.tensors.course import LEARNED
from potentia.tests.fuzz.own import Drifting, Rewarded, Triplet

DT, DURATION = 1e-4, 40e-3
PAIR = STDP(a_plus=0.1e-3, a_minus=0.12e-3, w_max=6e-3)
FAST = STDP(tau_plus=3e-3, tau_minus=5e-3, a_plus=-0.05e-3, a_minus=0.02e-3, w_max=5e-3)
TRIPLET = Triplet(least=0.0, most=6e-3, a_plus=0.2e-3, a_minus=0.1e-3)
REWARDED = Rewarded(least=0.0, most=6e-3, gain=0.3)
RULES = {
    "pair": PAIR,
    "two that change at once": (PAIR, FAST),
    "one that proposes": TRIPLET,
    "two that propose": (PAIR, TRIPLET, FAST),
    "rewarded": (REWARDED, PAIR),
}


def train(seed, n=800):
    """Spikes of the sources at different times on the grid."""
    steps, ids = np.divmod(np.random.default_rng(seed).choice(780 * 30, n, replace=False), 30)
    return SpikeTrain((steps + 1) * DT, ids)


def network(rule=PAIR, *, store=None):
    """Sources that teach cells over many delays, cells that teach one another and cells that draw,
    synapses that never change, numbers that are learned, and rewards.
    """
    net = Network(seed=6)
    source = net.population(SpikeSource(), 30, name="source")
    cells = net.population(LIF(), 20, name="cells")
    noisy = net.population(EscapeLIF(), 7, name="noisy")
    rates, readout = (net.population(LeakyRate(), n, name=f"rates{n}") for n in (4, 3))
    delays, given = Uniform(0.5e-3, 3e-3), Uniform(1e-3, 5e-3)
    net.connect(source, cells, FixedProbability(0.2), weight=0.5e-3, delay=1e-3, name="static")
    learned = net.connect(
        source,
        cells,
        FixedProbability(0.5),
        weight=given,
        delay=delays,
        rule=rule,
        store=store,
        name="in",
    )
    own = STDP(tau_plus=10e-3, w_min=-1e-3, w_max=3e-3)
    net.connect(cells, cells, FixedProbability(0.3), weight=1e-3, delay=2e-3, rule=own, name="loop")
    net.connect(cells, noisy, AllToAll(), weight=given, delay=delays, rule=PAIR, name="out")
    drift = Drifting(least=-1.0, most=1.0, rate=0.02)
    rated = net.connect(
        rates, readout, AllToAll(), weight=0.5, delay=delays, rule=drift, name="rated"
    )
    net.connect(readout, noisy, AllToAll(), weight=1e-3, delay=1e-3)
    net.stimulate(source, train(0), name="train")
    net.stimulate(noisy, Constant(15e-3))
    net.stimulate(rates, Noise(mean=0.1, std=1.0, interval=5e-3))
    if any(isinstance(one, Rewarded) for one in (rule if isinstance(rule, tuple) else (rule,))):
        net.stimulate(cells, SpikeTrain([10e-3, 30e-3], [3, 7]), receptor="reward")
        net.connect(noisy, cells, AllToAll(), weight=0.1, delay=2e-3, receptor="reward")
    for part in (source, cells, noisy):
        net.probe(part, "spikes")
    net.probe(learned, "weights", every=10e-3)
    net.probe(rated, "weights", every=7e-3, ids=[0, 5])
    net.probe(readout, "r", every=1e-3)
    return net


def simulator(backend="torch", *, dtype="float64", **described):
    return Simulator(network(**described), dt=DT, backend=backend, dtype=dtype)


NAMES = ("in", "loop", "out", "rated", "static")


def same(one, other, *, near=0.0):
    """Raise unless two simulators have the same weights and traces."""
    for name in NAMES:
        ours, theirs = (made.weights(name) for made in (one, other))
        np.testing.assert_allclose(ours, theirs, rtol=near, atol=near * np.abs(theirs).max())
    states = [made._engine.snapshot() for made in (one, other)]
    for name in states[0]:
        if "trace" in name or "eligibility" in name:
            ours, theirs = (state[name] for state in states)
            np.testing.assert_allclose(ours, theirs, rtol=near, atol=near * np.abs(theirs).max())


@pytest.mark.parametrize(
    ("name", "dtype"), [*((name, "float64") for name in RULES), ("pair", "float32")]
)
def test_a_run_learns_what_the_cpu_learns(name, dtype):
    """Bit for bit where sums have one order; a user's own twin may multiply in another."""
    own = "propose" in name or name == "rewarded"
    near = 1e-12 if own else 0.0
    here, there = (
        simulator(backend, rule=RULES[name], dtype=dtype) for backend in ("torch", "cpu")
    )
    begin = there.weights("in")
    for _ in range(2):
        ours, theirs = here.run(DURATION), there.run(DURATION)
        assert ours.hash == theirs.hash
        for part in ("in", "rated"):
            expected = theirs.weights(part)
            np.testing.assert_allclose(ours.weights(part), expected, rtol=near, atol=near)
        assert min(len(theirs.spikes(part)) for part in ("cells", "noisy")) > 20
    same(here, there, near=near)
    for part in NAMES[:-1]:
        assert np.abs(there.weights(part) - simulator("cpu").weights(part)).max() > 1e-5
    assert np.abs(there.weights("in") - begin).max() > 1e-4


def test_what_is_learned_is_saved_set_and_kept(tmp_path):
    """A run that is cut, saved, loaded and copied is one run, on either backend; weights are set
    and kept over a reset as on the cpu.
    """
    whole, cut = simulator("cpu"), simulator()
    expected = whole.run(DURATION)
    cut.run(0.4 * DURATION)
    cut.save(tmp_path / "saved")
    for made in (
        cut,
        Simulator.load(tmp_path / "saved"),
        Simulator.load(tmp_path / "saved", backend="cpu"),
        pickle.loads(pickle.dumps(cut)),
    ):
        made.run(0.6 * DURATION)
        same(made, whole)
    for made in (cut, whole):
        made.set("in", weights=np.linspace(1e-3, 5e-3, made.weights("in").size))
        made.run(0.2 * DURATION)
        made.reset(keep="weights")
    assert cut.run(DURATION).hash == whole.run(DURATION).hash != expected.hash
    same(cut, whole)


def nudge_step(step, history, history_count, lags, begin, end, weights, gain):
    """A rule of its own: every arrival raises the weight by a share."""
    arrived = 0
    for g in range(lags.size):
        slot = (step - lags[g]) % history.shape[0]
        for k in range(history_count[slot]):
            segment = np.int64(history[slot, k]) * lags.size + g
            for s in range(begin[segment], end[segment]):
                weights[s] *= 1 + gain
        arrived += history_count[slot]
    return arrived


def nudge_on_tensors(arriving, segments, weights, gain):
    return {"weights": weights * (1 + gain * arriving[:, segments])}


@dataclass(frozen=True, kw_only=True)
class Nudging(Rule):
    gain: float = 0.01
    direct: ClassVar[bool] = True

    def learn(self, projection, proposals):
        scope = {**projection.listed(), **proposals.scope, "gain": self.gain}
        projection.operator(Phase.ARRIVALS, nudge_step, scope)


@dataclass(frozen=True, kw_only=True)
class Nudged(Nudging):
    tensors: ClassVar[Mapping[str, Any]] = {"nudge_step": nudge_on_tensors}


@dataclass(frozen=True, kw_only=True)
class Asking(Nudging):
    tensors: ClassVar[Mapping[str, Any]] = {"nudge_step": lambda weight: {"weights": weight}}


@dataclass(frozen=True, kw_only=True)
class Inventing(Nudging):
    tensors: ClassVar[Mapping[str, Any]] = {"nudge_step": lambda weights: {"weight": weights}}


def test_a_rule_of_a_users_own_changes_weights_itself():
    here, there = (simulator(backend, rule=Nudged()) for backend in ("torch", "cpu"))
    assert here.run(DURATION).hash == there.run(DURATION).hash
    same(here, there)


def test_what_cannot_learn_on_tensors_is_refused_by_name():
    words = r"^Simulator\.backend: 'torch' has no kernel nudge_step for Nudging of in; give it in Rule\.tensors, "
    with pytest.raises(UnsupportedError, match=words):
        simulator(rule=Nudging())
    words = r"^Simulator\.backend: 'torch' finds two kernels nudge_step for Nudged and Inventing of in; give them "
    with pytest.raises(UnsupportedError, match=words):
        simulator(rule=(Nudged(), Inventing()))
    words = r"^Simulator\.backend: 'torch' lets rules change the weights of Ideal\(\) alone; in has Crossbar\(\), so "
    with pytest.raises(UnsupportedError, match=words):
        simulator(store=Crossbar(PulsedReRAM()))
    words = r"^in: the kernel on tensors <lambda> has the parameter 'weight', which is none of arriving, begin, "
    with pytest.raises(NetworkError, match=words):
        simulator(rule=Asking())
    words = r"^in: the kernel on tensors <lambda> may return change, weights \(got 'weight'\)"
    with pytest.raises(NetworkError, match=words):
        simulator(rule=Inventing()).run(DT)


BATCH = 5
TRAINS = {"train": [train(seed) for seed in range(1, BATCH + 1)]}


def begun(backend="torch", **described):
    """At 10 ms, so that traces and spikes in flight are there."""
    made = simulator(backend, **described)
    made.run(10e-3)
    return made


def same_batch(ours, theirs, near):
    """Raise unless two batches have the same spikes, and weights and numbers up to rounding."""
    assert [one.hash for one in ours] == [one.hash for one in theirs]
    for part in ("in", "rated"):
        expected = theirs.weights(part)
        np.testing.assert_allclose(ours.weights(part), expected, rtol=near, atol=near)
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(
            one.trace("rates3", "r"), other.trace("rates3", "r"), rtol=1e-10, atol=1e-14
        )


@pytest.mark.parametrize(
    ("name", "learn"),
    [("pair", "sum"), ("pair", "mean"), ("pair", "each"), ("rewarded", "mean")],
)
def test_a_batch_learns_what_the_cpu_learns(name, learn, monkeypatch):
    """All samples at once, two at once, and each for itself, in two batches: the second begins with
    what the first has learned.
    """
    near = 0.0 if name == "pair" else 1e-12
    here, split, there = (begun(at, rule=RULES[name]) for at in ("torch", "torch", "cpu"))
    before = there.weights("in")
    for at_once in (2, 0):
        expected = there.run(DURATION, inputs=TRAINS, learn=learn)
        same_batch(here.run(DURATION, inputs=TRAINS, learn=learn), expected, near)
        with monkeypatch.context() as patch:
            patch.setattr(type(split.plan), "most_samples", lambda plan, steps, n=at_once: n)
            same_batch(split.run(DURATION, inputs=TRAINS, learn=learn), expected, near)
        for made in (here, split):
            same(made, there, near=near)
    assert (np.abs(here.weights("in") - before).max() > 1e-4) == (learn != "each")
    assert here.time == pytest.approx(10e-3)
    if learn == "each":
        rest = {"train": TRAINS["train"][2:]}
        ours = here.run(DURATION, inputs=rest, learn=learn, first=2)
        assert [one.hash for one in ours] == [one.hash for one in expected][2:]
        np.testing.assert_array_equal(ours.weights("in"), expected.weights("in")[2:])


def test_a_sum_of_samples_is_that_of_runs():
    """Samples run one by one, each from the same weights, and their changes added in order."""
    made = begun()
    before = made.weights("in")
    made.run(DURATION, inputs=TRAINS, learn="sum")
    total = 0.0
    for stimulus in TRAINS["train"]:
        alone = begun()
        alone.run(DURATION, inputs={"train": [stimulus]}, learn="sum", batch=1)
        total = total + (alone.weights("in") - before)
    expected = np.clip(before + total, 0.0, 6e-3)
    np.testing.assert_allclose(made.weights("in"), expected, rtol=0, atol=1e-10)
    plain, batch = begun(), begun()
    plain.run(DURATION)
    batch.run(DURATION, batch=1, learn="sum")
    np.testing.assert_array_equal(plain.weights("in"), batch.weights("in"))


def test_a_module_learns_while_it_runs():
    """Its spikes are those of the cpu, each sample has weights of its own, and gradients pass
    through what is learned: against a difference of 2e-4, whose error is some 1e-8.
    """
    simulator = begun()
    module = simulator.module(["static"])
    trains = torch.zeros((60, 2, 30), dtype=torch.float64)
    for k, stimulus in enumerate(TRAINS["train"][:2]):
        steps = np.rint(stimulus.times / DT).astype(int) - 1
        early = steps < 60
        trains[steps[early], k, stimulus.ids[early]] += 1

    def learned():
        seen, state = module({"train": trains}, keep=True)
        return seen, state.populations[LEARNED]["in.weights"]

    seen, weights = learned()
    for k in range(2):
        cpu = begun("cpu")
        steps, ids = np.nonzero(trains[:, k].numpy())
        cpu.stimulate("train", SpikeTrain((steps + 1) * DT + cpu.time, ids))
        record = cpu.run(60 * DT).spikes("cells")
        fired = np.nonzero(seen["cells.spikes"][:, k].detach().numpy())
        assert np.array_equal(record.ids, fired[1])
        stored = cpu.plan.synapses["in"].placed(cpu.weights("in"))
        np.testing.assert_allclose(weights[k].detach(), stored, rtol=1e-12)
    for units in module._tensors.units.values():
        units.spike = Spike("arctan", 2.0, through_reset=True, smooth=True)
    gradient = torch.autograd.grad(learned()[1].sum() * 1e3, module.static)[0]
    way = torch.linspace(-1e-3, 2e-3, gradient.numel(), dtype=torch.float64)
    sums = []
    for step in (1e-4, -1e-4):
        with torch.no_grad():
            module.static.add_(way, alpha=step)
            sums.append(float(learned()[1].sum()) * 1e3)
            module.static.add_(way, alpha=-step)
    expected = (sums[0] - sums[1]) / 2e-4
    assert expected != 0
    assert float((gradient * way).sum()) == pytest.approx(expected, rel=1e-6)
    words = r"^Simulator\.module train: the weights of 'in' are changed by its rule STDP alone; train others$"
    with pytest.raises(UnsupportedError, match=words):
        simulator.module(["in"])
