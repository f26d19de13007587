"""What several rules on one projection have for themselves, and what they share."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from potentia import Network, Simulator
from potentia.errors import ParameterError, UnsupportedError
from potentia.learning import STDP
from potentia.models import LeakyRate
from potentia.sim import (
    AllToAll,
    Constant,
    Rules,
    SpikeTrain,
)
from potentia.sim.description.rule import Rule
from potentia.sim.operators.operator import Phase

from .forced import BOTH, DT, FAST, INITIAL, SLOW, forced, learned
from .taught import Summed


def test_a_rule_that_does_not_share_keeps_all_on_one_thread():
    assert Rules(rules=BOTH).shares
    assert Rules(rules=BOTH).direct
    assert not Rules(rules=(*BOTH, Marked())).shares
    assert not Rules(rules=(*BOTH, Marked())).direct


def mark_step(step, fired_post, count_post, first_post, synapse_post, trace_c, rate_c, span_c):
    """A target fires: all of its synapses are marked."""
    factor = math.exp(rate_c * (step % span_c))
    for k in range(count_post[0]):
        for q in range(first_post[fired_post[k]], first_post[fired_post[k] + 1]):
            trace_c[synapse_post[q]] += factor
    return count_post[0]


def reward_step(
    step,
    reward,
    gain,
    first_post,
    synapse_post,
    trace_c,
    rate_c,
    span_c,
    rewards,
    synapse,
    change,
    proposed,
):
    """A reward arrives: marks become weight, and the target counts it."""
    factor = gain * math.exp(-rate_c * (step % span_c))
    for j in range(reward.size):
        if reward[j] != 0:
            rewards[j] += 1
            for q in range(first_post[j], first_post[j + 1]):
                synapse[proposed[0]] = synapse_post[q]
                change[proposed[0]] = factor * reward[j] * trace_c[synapse_post[q]]
                proposed[0] += 1
    return 0


@dataclass(frozen=True, kw_only=True)
class Marked(Rule):
    """Spikes of the target mark a synapse, and a reward turns marks into weight."""

    tau: float = 50e-3
    gain: float = 1e-4
    alike: bool = False  # whether marks are offered to other rules

    modulators: ClassVar = ("reward",)

    def learn(self, projection, proposals):
        rewards = projection.signal("rewards", "flow", "float", (projection.synapses.n_post,))
        scope = {**projection.reverse(), **proposals.scope, "gain": self.gain, "rewards": rewards}
        if self.alike:
            raised = [(Phase.LEARN, mark_step, projection.reverse())]
            marks = projection.eligibility(self.tau, "c", raised)
        else:
            marks = projection.eligibility(self.tau)
            projection.operator(Phase.LEARN, mark_step, scope | marks.named("c"))
        projection.operator(Phase.LEARN, reward_step, scope | marks.named("c"))


def rewarded(rule):
    net = forced(rule)
    net.stimulate(net.populations[1], SpikeTrain([0.1, 0.2], [0, 2]), receptor="reward")
    return net


@pytest.mark.parametrize("options", [{}, {"backend": "reference"}], ids=["cpu", "reference"])
@pytest.mark.parametrize("alike", [False, True])
def test_two_rules_with_marks_and_one_reward(alike, options):
    """Both hear the same reward; what one adds does not depend on the other, whether or not they
    share their marks.
    """
    rules = Marked(alike=alike), Marked(gain=3e-4, alike=alike), Marked(tau=20e-3, alike=alike)
    alone = [learned(rewarded(rule), **options) - INITIAL for rule in rules]
    assert all(np.abs(change).max() > 1e-5 for change in alone)
    found = learned(rewarded(rules), **options) - INITIAL
    np.testing.assert_allclose(found, sum(alone), rtol=0, atol=1e-15)


def test_what_rules_have_for_themselves_and_what_they_share():
    """Signals of the same name stand apart; traces of the same time constant and jump are one, and
    marks are one that the same kernels raise.
    """
    names = {"target.reward", "in.rewards", "in.rule2.rewards", "in.eligibility"}
    for alike in (False, True):
        plan = Simulator(
            rewarded((Marked(alike=alike), Marked(gain=2e-4, alike=alike))), dt=DT
        ).plan
        found = {signal.name for signal in plan.signals}
        assert names <= found
        assert ("in.eligibility1" in found) is not alike
        assert sum(one.name == "mark_step" for one in plan.operators) == (1 if alike else 2)
    plan = Simulator(forced((FAST, SLOW, FAST)), dt=DT).plan
    found = {signal.name for signal in plan.signals if "trace" in signal.name}
    sides = (
        "in.trace_pre_late",
        "in.trace_pre_late2",
        "target.trace_post_late",
        "target.trace_post_late2",
    )
    assert found == {*sides, *(f"{name}.since" for name in sides)}


def test_rules_of_units_that_send_numbers():
    """Two rules that add up what arrives do what one of the sum of their rates does."""

    def weights(rule):
        net = Network(seed=1)
        source, cells = (net.population(LeakyRate(), n) for n in (3, 2))
        net.stimulate(source, Constant(0.5))
        net.connect(source, cells, AllToAll(), weight=0.1, rule=rule, name="in")
        simulator = Simulator(net, dt=DT, dtype="float64")
        simulator.run(0.1)
        return simulator.weights("in")

    expected = weights(Summed(rate=3e-3))
    assert expected.min() > 0.15
    two = weights((Summed(rate=1e-3), Summed(rate=2e-3)))
    np.testing.assert_allclose(two, expected, rtol=1e-12)
    assert Rules(rules=(Summed(rate=1.0), STDP())).watches == ("spikes",)
    with pytest.raises(ParameterError, match=r"have 'numbers' in watches, .* \(got STDP\("):
        weights((Summed(rate=1.0), STDP()))


def test_the_event_engine_names_the_rule_that_it_cannot_run():
    with pytest.raises(UnsupportedError, match=r"learns by Marked, which reads the modulator"):
        Simulator(forced((FAST, Marked())), engine="event")
