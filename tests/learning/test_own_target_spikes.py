"""A rule of a user's own whose kernel asks for `target_spikes`: threads share out each unit's synapses."""

from __future__ import annotations

import math
import pickle
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
import pytest

from potentia import Simulator
from potentia.learning import STDP
from potentia.sim import Capabilities, Ideal, Store
from potentia.sim.description.rule import Rule
from potentia.sim.operators.operator import Phase

from .forced import DT, DURATION, INITIAL, LAGS, N_POST, N_PRE, forced, large, learned, trains


def raise_step(
    step,
    fired_post,
    count_post,
    portion,
    portions,
    first_post,
    synapse_post,
    segment_post,
    trace_pre,
    rate_pre,
    span_pre,
    gain,
    direct,
    weights,
    low,
    high,
    synapse,
    change,
    proposed,
):
    """A target fires: its synapses rise by the traces of their arrivals.

    The kernel works on one of `portions` equal portions of each unit's synapses.
    """
    lowered = gain * math.exp(-rate_pre * (step % span_pre))
    for k in range(count_post[0]):
        j = fired_post[k]
        n = np.int64(first_post[j + 1]) - np.int64(first_post[j])
        begin = first_post[j] + n * portion // portions
        for q in range(begin, first_post[j] + n * (portion + 1) // portions):
            s = synapse_post[q]
            moved = lowered * trace_pre[segment_post[q]]
            if direct:
                weights[s] = min(max(weights[s] + moved, low), high)
            else:
                synapse[proposed[0]] = s
                change[proposed[0]] = moved
                proposed[0] += 1
    return count_post[0]


@final
@dataclass(frozen=True, kw_only=True)
class Raise(Rule):
    """dw = gain * x at a spike of the target, where x is the trace of the arrivals."""

    tau: float = 12e-3  # [s]
    gain: float = 15e-5  # in the unit of the weights
    most: float = 9e-3

    direct: ClassVar[bool] = True
    shares: ClassVar[bool] = True

    def bounds(self, weights):
        return 0.0, self.most

    def learn(self, projection, proposals):
        scope = {**projection.reverse(), **proposals.scope, **projection.target_spikes()}
        scope |= {"gain": self.gain}
        scope |= projection.trace("pre", self.tau).named("pre")
        projection.operator(Phase.LEARN, raise_step, scope)


@final
@dataclass(frozen=True)
class Whole(Store):
    """`Ideal` that says of itself only that it can share, not that a rule may add."""

    can: ClassVar = Capabilities(shares=True)

    def prepare(self, projection):
        return Ideal().prepare(projection)

    def read(self, projection, scope):
        Ideal().read(projection, scope)

    def program(self, projection, scope, proposals):
        Ideal().program(projection, scope, proposals)

    def weights(self, projection, memory):
        return Ideal().weights(projection, memory)


RULE = Raise()


def plain(rule):
    """The definition, every synapse in every step: weights (N_PRE, N_POST)."""
    (pre, i), (post, j) = trains()
    steps = round(DURATION / DT)
    fired_pre, fired_post = np.zeros((steps, N_PRE), bool), np.zeros((steps, N_POST), bool)
    fired_pre[pre, i], fired_post[post, j] = True, True
    lags = LAGS.reshape(N_PRE, N_POST)
    w, x = np.full((N_PRE, N_POST), INITIAL), np.zeros((N_PRE, N_POST))
    rows = np.arange(N_PRE)[:, None]
    for step in range(steps):
        x = x * math.exp(-DT / rule.tau)
        x += np.where(step >= lags, fired_pre[step - lags, rows], False)
        w += rule.gain * x * fired_post[step]
        w = np.clip(w, 0.0, rule.most)
    return w


@pytest.mark.parametrize("store", [None, Whole()], ids=["at once", "proposed"])
@pytest.mark.parametrize("cuts", [1, 3])
def test_the_definition(store, cuts, processor):
    """Weights are those of a plain simulation of every synapse, to some roundings; some are at
    their bound.
    """
    found = learned(forced(RULE, store=store), backend=processor, cuts=cuts)
    np.testing.assert_allclose(found, plain(RULE), rtol=1e-12)
    assert INITIAL < found.min() < found.max() == RULE.most


def outcome(simulator):
    result = simulator.run(0.05)
    return result.hash, simulator.weights("in").tobytes()


CASES = {  # rules, and whether each thread works on portions of all units that fire
    "alone": (RULE, True),
    "beside another": ((RULE, STDP(w_min=0.0, w_max=RULE.most)), False),
    "twice": ((RULE, Raise(tau=30e-3)), False),
}


@pytest.mark.parametrize("options", [{}, {"dtype": "float64"}, {"deterministic": True}], ids=str)
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_any_number_of_threads(case, options, tmp_path):
    """The same bits; one rule alone works on portions, several on the units of their threads."""
    rule, portions = case
    outcomes = []
    for threads in (1, 2):
        simulator = Simulator(large(rule), dt=DT, threads=threads, **options)
        own = [part for part in simulator.plan.operators if part.name == "raise_step"]
        told = {(part.arguments["portion"], part.arguments["portions"]) for part in own}
        shared = portions and threads > 1
        assert told == ({(k, threads) for k in range(threads)} if shared else {(0, 1)})
        first = outcome(simulator)
        simulator.save(tmp_path / "half.h5")
        others = Simulator.load(tmp_path / "half.h5", threads=3 - threads)
        copied = pickle.loads(pickle.dumps(simulator))
        rest = {outcome(made) for made in (simulator, others, copied)}
        assert len(rest) == 1
        outcomes.append((first, *rest))
    assert len(set(outcomes)) == 1
    changed = np.frombuffer(outcomes[0][1][1], np.float64) != 2e-3
    assert changed.mean() > 0.3


@pytest.mark.parametrize("learn", ["each", "mean"])
def test_samples_of_a_batch_learn_as_single_runs_do(learn):
    """On two threads as on one; without a draw in the rule, sample 0 goes on with the trains on
    their way, as a run does.
    """
    alone = Simulator(large(RULE), dt=DT, threads=1)
    hash_, weights = outcome(alone)
    found = []
    for threads in (1, 2):
        simulator = Simulator(large(RULE), dt=DT, threads=threads)
        batch = simulator.run(0.05, batch=2, learn=learn)
        assert batch[0].hash == hash_
        found.append(simulator.weights("in").tobytes())
    assert found[0] == found[1]
    assert (found[0] == Simulator(large(RULE), dt=DT).weights("in").tobytes()) == (learn == "each")
    assert found[0] != weights


def test_an_interrupted_run_learns_nothing():
    steady, broken = (Simulator(large(RULE), dt=DT, threads=2, chunk=10) for _ in range(2))
    for simulator in (steady, broken):
        simulator.run(0.02)
    left = iter(range(2))

    def tick(steps):
        if next(left, None) is None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken._session.single(0.05, tick)
    assert outcome(broken) == outcome(steady)
