"""Rules of a user's own on the event engine: two functions and their traces, against every event
written out.
"""

import copy
import math
import pickle
from dataclasses import dataclass

import numpy as np
import pytest

from potentia import Network, Simulator
from potentia.errors import (
    DataError,
    DivergenceError,
    NetworkError,
    ParameterError,
    UnsupportedError,
)
from potentia.models import LIF, SpikeSource
from potentia.sim import (
    AllToAll,
    EventRule,
    EventTrace,
    Explicit,
    FixedTotal,
    Ideal,
    Procedural,
    Rule,
    SpikeTrain,
)
from potentia.sim.description.store import Capabilities, Store

N, DURATION = 5, 0.3


def triplet_arrival(w, y, a_minus):
    return w - a_minus * y


def triplet_spike(w, x, slow, a_plus, triple):
    return w + x * (a_plus + triple * slow)


@dataclass(frozen=True, kw_only=True)
class Triplet(Rule):
    """The minimal triplet rule of Pfister and Gerstner (2006), doi:10.1523/JNEUROSCI.1425-06.2006.

    `slow` is the target's trace just before the spike, so the first spike of the target changes
    pairs alone.
    """

    tau_x: float = 16.8e-3
    tau_y: float = 33.7e-3
    tau_slow: float = 40e-3
    a_plus: float = 2e-4
    a_minus: float = 3e-4
    boost: float = 3.0

    def bounds(self, weights):
        return 0.0, 8e-3

    def learn(self, projection, proposals):
        raise AssertionError("never on the event engine")

    def event(self, low, high):
        assert (low, high) == (0.0, 8e-3)
        traces = {
            "x": EventTrace(side="pre", tau=self.tau_x),
            "y": EventTrace(side="post", tau=self.tau_y),
            "slow": EventTrace(side="post", tau=self.tau_slow),
        }
        constants = {"triple": self.boost * self.a_plus}
        return EventRule(
            arrival=triplet_arrival, spike=triplet_spike, traces=traces, constants=constants
        )


def network(rule):
    """Five sources, five targets that fire as told, each pair with a delay of its own."""
    rng = np.random.default_rng(2)
    net = Network(seed=1)
    source, target = (
        net.population(SpikeSource(), N),
        net.population(LIF(threshold=1.0, refractory=0.0), N),
    )
    sources, targets = np.divmod(rng.permutation(N * N), N)
    delays = rng.uniform(1e-3, 15e-3, N * N)
    net.connect(
        source,
        target,
        Explicit(sources, targets),
        weight=1e-6,
        delay=delays,
        rule=rule,
        name="plastic",
    )
    pre = np.sort(rng.uniform(0, 0.25, 100)), rng.integers(0, N, 100)
    post = np.sort(rng.uniform(0, 0.25, 120)), rng.integers(0, N, 120)
    net.stimulate(source, SpikeTrain(*pre))
    net.stimulate(target, SpikeTrain(*post, weight=10.0))
    net.probe(net.projections[0], "weights", every=10e-3)
    return net, (pre, post, sources, targets, delays)


def written_out(rule, given, times):
    """The weights at these times in order of (source, delay): all events of one synapse after the
    other.
    """
    pre, post, sources, targets, delays = given
    rows = []
    for k in np.lexsort((delays, sources)):
        events = [(time + delays[k], 0) for time in pre[0][pre[1] == sources[k]]]
        events += [(time, 1) for time in post[0][post[1] == targets[k]]]
        w, x, y, slow, last, row = 1e-6, 0.0, 0.0, 0.0, 0.0, []
        for time, fires in [*sorted(events), (math.inf, 1)]:
            row += [w] * (np.searchsorted(times, time) - len(row))
            if time > DURATION:
                break
            x *= math.exp(-(time - last) / rule.tau_x)
            y *= math.exp(-(time - last) / rule.tau_y)
            slow *= math.exp(-(time - last) / rule.tau_slow)
            last = time
            if fires:
                w = min(w + x * (rule.a_plus + rule.boost * rule.a_plus * slow), 8e-3)
                y, slow = y + 1, slow + 1
            else:
                w = max(w - rule.a_minus * y, 0.0)
                x += 1
        rows.append((row + [w] * len(times))[: len(times)])
    return np.transpose(rows)


def test_a_rule_of_a_users_own_is_what_its_functions_say():
    """Three traces, one asked for by the kernel of its own side, over time; exact times, so 1e-10
    after 200 events.
    """
    rule = Triplet()
    net, given = network(rule)
    samples = Simulator(net, engine="event").run(DURATION).samples("plastic", "weights")
    expected = written_out(rule, given, samples.times)
    assert expected[-1].max() > 1e-4
    np.testing.assert_allclose(samples.values, expected, rtol=1e-10, atol=1e-15)


@pytest.mark.parametrize(
    "way", [copy.deepcopy, copy.copy, lambda made: pickle.loads(pickle.dumps(made))]
)
def test_copies_go_on_with_weights_and_traces(way):
    net, _ = network(Triplet())
    whole, cut = Simulator(net, engine="event"), Simulator(net, engine="event")
    whole.run(DURATION)
    cut.run(0.1)
    other = way(cut)
    other.run(DURATION - 0.1)
    expected = whole.weights(whole.network.projections[0])
    np.testing.assert_array_equal(other.weights(other.network.projections[0]), expected)
    assert not np.array_equal(cut.weights(cut.network.projections[0]), expected)


def never(w, x):
    return w + x


@dataclass(frozen=True, kw_only=True)
class Made(Rule):
    """A rule with the event kernels that it is given."""

    made: object
    gain: object = 1.0

    def learn(self, projection, proposals):
        raise AssertionError("never on the event engine")

    def event(self, low, high):
        return self.made


X = {"x": EventTrace(side="pre", tau=10e-3)}


def test_one_kernel_is_enough():
    """A rule that counts arrivals: without bounds, and with no trace."""

    def counted(w, gain):
        return w + gain

    net, given = network(Made(made=EventRule(arrival=counted), gain=2.0))
    simulator = Simulator(net, engine="event")
    simulator.run(DURATION)
    order = np.lexsort((given[4], given[2]))
    counts = np.bincount(given[0][1], minlength=N)[given[2][order]]
    assert simulator.weights(simulator.network.projections[0]) == pytest.approx(
        1e-6 + 2.0 * counts, rel=1e-12
    )


def test_a_rule_that_says_nothing_about_events_is_refused():
    net, _ = network(Made(made=None))
    words = r"projection 'plastic' learns by Made, which does not say what it does between steps \(Rule\.event\)"
    with pytest.raises(UnsupportedError, match=words):
        Simulator(net, engine="event")


def test_modulators_are_refused():
    """Whatever arrives there would be lost: they are of the clock engine."""

    @dataclass(frozen=True, kw_only=True)
    class Rewarded(Made):
        modulators = ("reward",)

    net, _ = network(Rewarded(made=EventRule(spike=never, traces=X)))
    net.stimulate(net.populations[1], SpikeTrain([0.1], [0]), receptor="reward")
    words = "learns by Rewarded, which reads the modulator 'reward'; the event engine has none"
    with pytest.raises(UnsupportedError, match=words):
        Simulator(net, engine="event")


def broken(w, x, gain):
    if w > 1e-6:
        raise ValueError
    return w + x * gain


def undefined(w, x):
    return w * (x - x) / (x - x)


def unsound(w, x):
    return w[0]


BAD = {
    "an unknown name": (
        EventRule(spike=lambda w, z: w),
        {},
        NetworkError,
        "ask for 'z', which is no field of it",
    ),
    "a field that is no number": (
        EventRule(spike=broken, traces=X),
        {"gain": "much"},
        ParameterError,
        r"Made\.gain",
    ),
    "no event rule": ("soon", {}, ParameterError, "Made.event: must return an EventRule or None"),
    "no function": (
        EventRule(spike=int),
        {},
        NetworkError,
        "Made of projection 'plastic': kernel must be the name",
    ),
    "no kernel": (
        EventRule(spike="soon"),
        {},
        UnsupportedError,
        "backend 'cpu' has no kernel 'soon'",
    ),
    "an array": (
        EventRule(spike=unsound, traces=X),
        {},
        NetworkError,
        r"unsound \(spike\) cannot be compiled",
    ),
}


@pytest.mark.parametrize(("made", "more", "error", "words"), BAD.values(), ids=BAD)
def test_what_no_rule_is_made_of_is_refused(made, more, error, words):
    net, _ = network(Made(made=made, **more))
    with pytest.raises(error, match=words):
        Simulator(net, engine="event")


def test_a_kernel_that_raises_ends_the_run_and_leaves_no_trace():
    net, _ = network(Made(made=EventRule(spike=broken, traces=X)))
    simulator = Simulator(net, engine="event")
    for _ in range(2):
        with pytest.raises(
            NetworkError, match="Made of projection 'plastic': an event kernel raised an error"
        ):
            simulator.run(DURATION)
    assert simulator.time == 0.0
    np.testing.assert_array_equal(
        simulator.weights(simulator.network.projections[0]), np.full(N * N, 1e-6)
    )


def test_a_weight_that_is_no_number_ends_the_run():
    net, _ = network(Made(made=EventRule(arrival=undefined, traces=X)))
    with pytest.raises(
        DivergenceError, match=r"plastic\.weights of synapse \d+ is nan by .* Made must keep"
    ):
        Simulator(net, engine="event").run(DURATION)


BOUNDS = {
    "weights": [math.inf],
    "traces": [-1.0, math.nan],
    "raised": [-1, 1 << 60],
}


@pytest.mark.parametrize("name", BOUNDS)
def test_a_saved_state_is_checked(name):
    """What comes from a file is within its bounds or is refused; a state without the weights is of
    another network.
    """
    simulator = Simulator(network(Triplet())[0], engine="event")
    simulator.run(0.1)
    state = simulator._engine.snapshot()
    for value in BOUNDS[name]:
        hostile = {key: array.copy() for key, array in state.items()}
        hostile[name][0] = value
        with pytest.raises(DataError, match=f"the saved {name} must lie between"):
            simulator._engine.restore(hostile)
    del state[name]
    with pytest.raises(DataError, match=f"lacks array '{name}'"):
        simulator._engine.restore(state)


def test_descriptions_are_checked():
    with pytest.raises(ParameterError, match=r"EventTrace\.side: must be one of pre, post"):
        EventTrace(side="past", tau=1e-3)
    with pytest.raises(ParameterError, match=r"EventTrace\.tau: must be > 0"):
        EventTrace(side="pre", tau=0.0)
    with pytest.raises(
        ParameterError, match=r"EventRule\.spike: must be the name of a kernel, a function or None"
    ):
        EventRule(spike=3)
    with pytest.raises(ParameterError, match=r"EventRule\.traces 'x': must be an EventTrace"):
        EventRule(spike=never, traces={"x": 10e-3})
    with pytest.raises(ParameterError, match=r"EventRule\.constants 'gain': must be"):
        EventRule(spike=never, constants={"gain": math.nan})


def test_the_plan_names_the_kernels():
    assert "triplet_arrival, triplet_spike" in str(
        Simulator(network(Triplet())[0], engine="event").plan
    )


@dataclass(frozen=True, kw_only=True)
class Careful(Store):
    """Plain numbers where nothing learns; what a rule proposes it carries out in its own way."""

    can = Capabilities(static=True)

    def prepare(self, projection):
        return Ideal().prepare(projection)

    def read(self, projection, scope):
        Ideal().read(projection, scope)

    def program(self, projection, scope, proposals):
        raise NotImplementedError

    def weights(self, projection, memory):
        return Ideal().weights(projection, memory)


@pytest.mark.parametrize(
    ("store", "connectivity", "error", "words"),
    [
        (Careful(), AllToAll(), UnsupportedError, "in Careful, to whose weights the event engine"),
        (
            Procedural(),
            FixedTotal(9),
            UnsupportedError,
            "in Procedural, to whose weights the event",
        ),
        (
            Ideal(bits=4),
            AllToAll(),
            ParameterError,
            r"Ideal.bits: must be None where a rule learns",
        ),
    ],
    ids=["own", "procedural", "bits"],
)
def test_a_store_that_cannot_be_added_to_is_not_passed_over(store, connectivity, error, words):
    """What a rule proposes is for the store to carry out; without a rule all of them run here."""
    for rule in (None, Made(made=EventRule(arrival=never, traces=X))):
        net = Network(seed=1)
        source, target = net.population(SpikeSource(), 4), net.population(LIF(), 3)
        net.connect(source, target, connectivity, weight=1e-3, delay=1e-3, rule=rule, store=store)
        if rule is None:
            Simulator(net, engine="event").run(1e-3)
            continue
        with pytest.raises(error, match=words):
            Simulator(net, engine="event")
