"""Further rules of a user's own on numbers: what they may read, and when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from potentia import Network, Simulator
from potentia.errors import NetworkError, ParameterError, UnsupportedError
from potentia.learning import STDP
from potentia.models import LIF, LeakyRate, SpikeSource
from potentia.sim import AllToAll, Constant
from potentia.sim.description.rule import Rule
from potentia.sim.operators.operator import Phase

from .taught import DT, STEPS, Burst, Delta, Summed, plain, taught


def test_weights_move_while_all_units_rest(processor):
    """No state changes for a second and weights sink all the same, in every step."""
    net = Network(seed=1)
    source = net.population(LeakyRate(activation="linear"), 2, name="s", initial={"r": 1.0})
    target = net.population(LeakyRate(activation="rectified"), 3, name="t")
    net.stimulate(source, Constant(1.0))
    net.connect(
        source, target, AllToAll(), weight=-1.0, delay=DT, rule=Summed(rate=-1e-3), name="learned"
    )
    simulator = Simulator(net, dt=DT, backend=processor, dtype="float64")
    simulator.run(1.0)
    np.testing.assert_allclose(simulator.weights("learned"), -2.0, rtol=1e-12)
    np.testing.assert_array_equal(simulator.state("t", "r"), 0.0)


@pytest.mark.parametrize("threads", [1, 2])
def test_several_rules_of_numbers(processor, threads):
    """What two rules propose adds up."""
    net = taught((Delta(), Summed(rate=-1e-3)))
    simulator = Simulator(net, dt=DT, backend=processor, dtype="float64", threads=threads)
    result = simulator.run(STEPS * DT)
    rates, weights = plain(
        net, result, lambda w, x, y, error: 0.05 * error * x - 1e-3 * x, low=-2.0, high=2.0
    )
    np.testing.assert_allclose(result.trace("post", "r"), rates, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(simulator.weights("learned"), weights, rtol=1e-10, atol=1e-12)


def apart_step(r_pre, r_post, begin_post, end_post, first_post, synapse_post, weights):
    for j in range(begin_post, end_post):
        for q in range(first_post[j], first_post[j + 1]):
            weights[synapse_post[q]] += 1e-3 * r_post[j] * r_pre[0]
    return 1


@dataclass(frozen=True, kw_only=True)
class Apart(Rule):
    """It looks at the state of sources, not at what arrives."""

    watches: ClassVar[tuple[str, ...]] = ("numbers",)
    direct: ClassVar[bool] = True
    shares: ClassVar[bool] = True

    def learn(self, projection, proposals):
        scope = {**projection.reverse(), **proposals.scope}
        projection.operator(Phase.LEARN, apart_step, scope)


def test_threads_meet_before_a_rule_looks_at_sources():
    """Another thread may advance them; so one call between waits for all threads."""
    simulator = Simulator(taught(Apart()), dt=DT, threads=2)
    operators = simulator.plan.operators
    place = next(k for k, part in enumerate(operators) if part.name == "apart_step")
    last = max(k for k, part in enumerate(operators) if part.phase is Phase.ADVANCE)
    assert operators[place].thread is not None
    assert any(part.thread is None and not part.shards for part in operators[last + 1 : place])
    weights = []
    for threads in (1, 2):
        simulator = Simulator(taught(Apart()), dt=DT, threads=threads)
        simulator.run(0.1)
        weights.append(simulator.weights("learned"))
    np.testing.assert_array_equal(*weights)
    assert np.ptp(weights[0]) > 0


def test_spikes_of_the_target_and_numbers_of_the_source(processor):
    """A constant number raises each weight by a tenth of it at every spike of the target."""
    net = Network(seed=1)
    source = net.population(LeakyRate(activation="linear"), 2, name="s", initial={"r": 0.02})
    cells = net.population(LIF(), 3, name="cells")
    net.stimulate(source, Constant(0.02))
    net.connect(source, cells, AllToAll(), weight=0.5, delay=DT, rule=Burst(), name="learned")
    net.probe(cells, "counts", every=0.2)
    for threads in (1, 2):
        simulator = Simulator(net, dt=DT, backend=processor, dtype="float64", threads=threads)
        counts = simulator.run(0.2).trace("cells", "counts")[0]
        assert counts.min() > 3
        expected = 0.5 + 0.002 * np.tile(counts, 2)
        np.testing.assert_allclose(simulator.weights("learned"), expected, rtol=1e-9)


def one(rule, source=None):
    net = Network(seed=1)
    pre = net.population(source or LeakyRate(), 2, name="source")
    net.connect(pre, net.population(LeakyRate(), 2), AllToAll(), weight=0.1, delay=DT, rule=rule)
    return Simulator(net, dt=DT)


@dataclass(frozen=True, kw_only=True)
class Traced(Burst):
    def learn(self, projection, proposals):
        projection.trace("pre", 10e-3)


REFUSED = {
    "spikes": (
        lambda: one(STDP()),
        r"connect rule: must be None or have 'numbers' in watches, as source sends numbers \(got STDP",
    ),
    "numbers": (
        lambda: one(Delta(), SpikeSource()),
        r"connect rule: must be None or have 'spikes' in watches, as source sends spikes \(got Delta",
    ),
    "arriving": (
        lambda: one(Summed(rate=-1e-3), SpikeSource()),
        r"source: must send numbers for a rule that asks what is arriving over source->",
    ),
    "trace": (
        lambda: one(Traced()),
        r"trace side: must be 'post', as the source of source->.* sends numbers, not spikes \(got",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_is_one_sentence(case):
    call, message = REFUSED[case]
    with pytest.raises((ParameterError, NetworkError), match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_the_event_engine_has_no_steps_to_learn_in():
    with pytest.raises(UnsupportedError, match="sends numbers in every step"):
        Simulator(taught(), engine="event")
