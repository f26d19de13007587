"""A rule of a user's own: spike-timing-dependent plasticity whose changes wait for a reward."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
import pytest

from potentia import Network, Simulator
from potentia.errors import ParameterError, UnsupportedError
from potentia.hardware import Crossbar, PulsedReRAM
from potentia.models import LIF, SpikeSource
from potentia.sim import AllToAll, Constant, FixedProbability, Ideal, Poisson, SpikeTrain
from potentia.sim.description.rule import Rule
from potentia.sim.operators.operator import Phase

from .marks import lower_marks_step, raise_marks_step, reward_step

DT, STEPS, N_PRE, LAGS, REWARD = 1e-3, 400, 6, (1, 3), 0.8e-3


@final
@dataclass(frozen=True, kw_only=True)
class RewardSTDP(Rule):
    """Reward-modulated STDP: c' = -c / tau_c + STDP, d' = -d / tau_d + reward, w' = c d.

    Izhikevich (2007), doi:10.1093/cercor/bhl152.
    """

    tau_plus: float = 20e-3  # [s]
    tau_minus: float = 20e-3  # [s]
    a_plus: float = 1.0
    a_minus: float = 1.5
    tau_c: float = 1.0  # of the eligibility [s]
    tau_d: float = 0.2  # of the reward [s]
    w_max: float = 2.9e-3

    shares: ClassVar[bool] = True
    modulators: ClassVar[tuple[str, ...]] = ("reward",)

    def bounds(self, weights):
        return 0.0, self.w_max

    def learn(self, projection, proposals):
        dt = projection.build.dt
        d = projection.signal("d", "flow", "float", (projection.synapses.n_post,))
        scope = {**projection.listed(), **projection.reverse(), **proposals.scope, "d": d}
        scope |= projection.trace("pre", self.tau_plus, self.a_plus).named("pre")
        scope |= projection.trace("post", self.tau_minus, self.a_minus).named("post")
        scope |= projection.eligibility(self.tau_c).named("c")
        scope |= {"left": math.exp(-dt / self.tau_d), "gain": dt}
        projection.operator(Phase.ARRIVALS, lower_marks_step, scope)
        projection.operator(Phase.LEARN, raise_marks_step, scope)
        projection.operator(Phase.LEARN, reward_step, scope)


RULE = RewardSTDP()


def trains(n_post, steps=STEPS):
    """Random spikes (steps, units) of both sides, and rewards at a few steps."""
    rng = np.random.default_rng(11)
    pre = np.nonzero(rng.random((steps, N_PRE)) < 0.06)
    post = np.nonzero(rng.random((steps, n_post)) < 0.05)
    return pre, post, np.array([60, 61, 150, 300])


def rewarded(n_post, *, store=None, rule=RULE, weight=2e-3, steps=STEPS, connectivity=None):
    """Sources and targets that fire as told; a neuron tells all targets of rewards, 2 ms
    later.
    """
    pre, post, rewards = trains(n_post, steps)
    net = Network(seed=2)
    source, reward = (
        net.population(SpikeSource(), N_PRE, name="source"),
        net.population(SpikeSource(), 1, name="reward"),
    )
    target = net.population(LIF(threshold=1.0, refractory=0.0), n_post, name="target")
    delay = np.resize(LAGS, N_PRE * n_post) * DT if connectivity is None else DT
    net.connect(
        source,
        target,
        connectivity or AllToAll(),
        weight=weight,
        delay=delay,
        rule=rule,
        store=store or Ideal(),
        name="learned",
    )
    net.connect(reward, target, AllToAll(), weight=REWARD, delay=2 * DT, receptor="reward")
    net.stimulate(source, SpikeTrain((pre[0] + 1) * DT, pre[1]))
    net.stimulate(target, SpikeTrain((post[0] + 1) * DT, post[1], weight=100.0))
    net.stimulate(reward, SpikeTrain((rewards + 1) * DT, np.zeros(rewards.size, int)))
    net.probe(target, "spikes")
    return net


def plain(n_post, rule=RULE, weight=2e-3, steps=STEPS):
    """The definition, every synapse in every step: weights (N_PRE, n_post)."""
    pre, post, rewards = trains(n_post, steps)
    fired_pre, fired_post = np.zeros((steps, N_PRE), bool), np.zeros((steps, n_post), bool)
    fired_pre[pre], fired_post[post] = True, True
    lags = np.resize(LAGS, N_PRE * n_post).reshape(N_PRE, n_post)
    w, c, x = np.full((N_PRE, n_post), weight), np.zeros((N_PRE, n_post)), np.zeros((N_PRE, n_post))
    y, d = np.zeros(n_post), np.zeros(n_post)
    for step in range(steps):
        x, y = x * math.exp(-DT / rule.tau_plus), y * math.exp(-DT / rule.tau_minus)
        c, d = c * math.exp(-DT / rule.tau_c), d * math.exp(-DT / rule.tau_d)
        for i in range(N_PRE):
            for j in range(n_post):
                if step >= lags[i, j] and fired_pre[step - lags[i, j], i]:
                    x[i, j] += rule.a_plus
                    c[i, j] -= y[j]
        for j in np.flatnonzero(fired_post[step]):
            y[j] += rule.a_minus
            c[:, j] += x[:, j]
        d += REWARD * np.count_nonzero(rewards == step - 2)
        w = np.clip(w + c * d * DT, 0.0, rule.w_max)
    return w


def weights_of(simulator, n_post):
    synapses = simulator.plan.synapses["learned"]
    matrix = np.zeros((N_PRE, n_post))
    matrix[synapses.sources(), synapses.targets] = simulator.weights(
        simulator.network.projections[0]
    )
    return matrix


@pytest.mark.parametrize(
    "options", [{}, {"backend": "reference"}, {"deterministic": True}], ids=str
)
def test_the_definition(options):
    """Weights are those of a plain simulation of every synapse in every step, to some hundred
    roundings.
    """
    simulator = Simulator(rewarded(5), dt=DT, dtype="float64", **options)
    simulator.run(0.15)
    simulator.run(STEPS * DT - 0.15)
    expected = plain(5)
    np.testing.assert_allclose(weights_of(simulator, 5), expected, rtol=1e-11, atol=1e-15)
    assert expected.min() == 0.0
    assert expected.max() == RULE.w_max
    assert np.unique(expected).size > 10


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_on_a_crossbar(backend):
    """Pulses round each change at random to multiples of a step of one in 2**40 of the range."""
    device = PulsedReRAM(levels=2**40, nonlinearity_up=0.0, nonlinearity_down=0.0, cycle_noise=0.0)
    net = rewarded(5, store=Crossbar(device, adc=None))
    simulator = Simulator(net, dt=DT, dtype="float64", backend=backend)
    simulator.run(STEPS * DT)
    np.testing.assert_allclose(
        weights_of(simulator, 5), plain(5), rtol=0, atol=STEPS * RULE.w_max / 2**40
    )


def test_without_reward_nothing_is_learned():
    net = rewarded(5)
    silent = Network(seed=2)
    for title in ("populations", "projections", "inputs", "probes"):
        getattr(silent, title).extend(
            part for part in getattr(net, title) if getattr(part, "name", "") != "reward.input"
        )
    simulator = Simulator(silent, dt=DT, dtype="float64")
    simulator.run(STEPS * DT)
    np.testing.assert_array_equal(weights_of(simulator, 5), 2e-3)


@pytest.mark.parametrize("options", [{}, {"dtype": "float64"}, {"deterministic": True}], ids=str)
def test_any_number_of_threads(options, tmp_path):
    """The same bits, and a run that goes on from a file with another number of threads."""
    n = 3000
    outcomes = []
    for threads in (1, 2):
        simulator = Simulator(
            rewarded(n, connectivity=FixedProbability(0.5), steps=200),
            dt=DT,
            threads=threads,
            **options,
        )
        first = simulator.run(0.1).hash
        simulator.save(tmp_path / "half.h5")
        for other in (simulator, Simulator.load(tmp_path / "half.h5", threads=3 - threads)):
            last = other.run(0.1).hash
            outcomes.append((first, last, other.weights(other.network.projections[0]).tobytes()))
        owners = {part.thread for part in simulator.plan.operators if part.name == "reward_step"}
        assert owners == ({None} if threads == 1 else {0, 1})
    assert len(set(outcomes)) == 1
    assert (simulator.weights(simulator.network.projections[0]) != np.float32(2e-3)).mean() > 0.3


def test_a_stimulus_is_a_modulator_too():
    """Spikes given straight to the modulator act like those of the neuron, which come two
    steps later.
    """
    by_neuron = rewarded(5)
    direct = Network(seed=2)
    direct.populations.extend(by_neuron.populations)
    direct.projections.append(by_neuron.projections[0])
    direct.inputs.extend(by_neuron.inputs[:2])
    rewards = np.repeat(trains(5)[2] + 3, 5)
    everyone = np.tile(np.arange(5), rewards.size // 5)
    direct.stimulate(
        direct.populations[2],
        SpikeTrain(rewards * DT, everyone, weight=REWARD),
        receptor="reward",
    )
    outcomes = []
    for net in (by_neuron, direct):
        simulator = Simulator(net, dt=DT, dtype="float64")
        simulator.run(STEPS * DT)
        outcomes.append(weights_of(simulator, 5))
    np.testing.assert_array_equal(*outcomes)


def test_modulators_that_nobody_declared():
    """One sentence that names the receptors and the modulators there are."""
    net = rewarded(5)
    reward, target = net.populations[1:]
    with pytest.raises(
        ParameterError, match=r"connect receptor: must be one of jump, reward \(got 'serotonin'\)"
    ):
        net.connect(reward, target, AllToAll(), weight=1.0, receptor="serotonin")
    with pytest.raises(
        ParameterError, match=r"stimulate receptor: must be one of jump, reward \(got 'L'\)"
    ):
        net.stimulate(target, Poisson(rate=1.0), receptor="L")
    with pytest.raises(
        ParameterError,
        match=r"Constant.receptor: must be None or a receptor of target for a current",
    ):
        net.stimulate(target, Constant(1.0), receptor="reward")
    with pytest.raises(
        ParameterError, match=r"connect receptor: must be one of arrived \(got 'reward'\)"
    ):
        net.connect(reward, reward, AllToAll(), weight=1.0, receptor="reward", rule=None)


@dataclass(frozen=True, kw_only=True)
class Shadowing(Rule):
    """A rule whose modulator has the name of a state variable."""

    modulators: ClassVar[tuple[str, ...]] = ("v",)

    def learn(self, projection, proposals): ...


def test_a_modulator_needs_a_name_of_its_own():
    net = Network(seed=1)
    cells = net.population(LIF(), 3, name="cells")
    with pytest.raises(
        ParameterError, match=r"Shadowing.modulators: must be none of cells's own .* \(got 'v'\)"
    ):
        net.connect(cells, cells, AllToAll(), weight=1e-3, rule=Shadowing())


def test_the_event_engine_has_no_modulators():
    net = Network(seed=1)
    source, target = net.population(SpikeSource(), 3), net.population(LIF(), 3)
    net.connect(source, target, AllToAll(), weight=1e-3, rule=RULE)
    net.connect(source, target, AllToAll(), weight=1e-3, receptor="reward")
    with pytest.raises(UnsupportedError, match="event"):
        Simulator(net, engine="event")
