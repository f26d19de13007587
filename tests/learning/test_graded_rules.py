"""Rules on projections from units that send numbers: a delta rule, Oja's and one of spikes, against
plain loops; stores, threads, batches, files.
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
import pytest

from potentia import Network, Simulator
from potentia.errors import NetworkError, ParameterError, UnsupportedError
from potentia.hardware import ADC, DAC, Crossbar, PulsedReRAM, Tile
from potentia.learning import STDP
from potentia.models import LIF, LeakyRate, SpikeSource
from potentia.sim import AllToAll, Constant, FixedProbability, OneToOne, TimedArray
from potentia.sim.description.rule import Rule
from potentia.sim.operators.operator import Phase

DT, STEPS, N_PRE, N_POST = 1e-3, 60, 6, 4
TAU = 5e-3  # [s]
LAGS = (1, 3)


def delta_step(
    step, error, arriving, rate, begin_post, end_post, first_post, synapse_post, segment_post,
    synapse, change, proposed,
):  # fmt: skip
    """Propose rate * error of the target * what arrives, for every synapse."""
    room = proposed[0]
    for j in range(begin_post, end_post):
        for q in range(first_post[j], first_post[j + 1]):
            synapse[room] = synapse_post[q]
            change[room] = rate * error[j] * arriving[segment_post[q]]
            room += 1
    proposed[0] = room
    return 0


@final
@dataclass(frozen=True, kw_only=True)
class Delta(Rule):
    """dw = rate * error * x: Widrow and Hoff (1960)."""

    rate: float = 0.05
    most: float = 2.0

    watches: ClassVar[tuple[str, ...]] = ("numbers",)
    modulators: ClassVar[tuple[str, ...]] = ("error",)
    shares: ClassVar[bool] = True

    def bounds(self, weights):
        return -self.most, self.most

    def learn(self, projection, proposals):
        scope = {**projection.arriving(), **projection.reverse(), **proposals.scope}
        projection.operator(Phase.LEARN, delta_step, {**scope, "rate": self.rate})


def oja_step(
    arriving, r_post, r_pre, rate, begin_post, end_post, first_post, synapse_post, segment_post,
    weights,
):  # fmt: skip
    """Change the weights themselves; the state of both sides is that after this step."""
    for j in range(begin_post, end_post):
        y = r_post[j]
        for q in range(first_post[j], first_post[j + 1]):
            s = synapse_post[q]
            weights[s] += rate * y * (arriving[segment_post[q]] + 0 * r_pre[0] - y * weights[s])
    return end_post - begin_post


@final
@dataclass(frozen=True, kw_only=True)
class Oja(Rule):
    """dw = rate * y (x - y w): Oja (1982), doi:10.1007/BF00275687."""

    rate: float = 0.05

    watches: ClassVar[tuple[str, ...]] = ("numbers",)
    direct: ClassVar[bool] = True
    shares: ClassVar[bool] = True

    def learn(self, projection, proposals):
        scope = {**projection.arriving(), **projection.reverse(), **proposals.scope}
        projection.operator(Phase.LEARN, oja_step, {**scope, "rate": self.rate})


def taught(rule=None, store=None, *, n_post=N_POST, connectivity=None, weight=None, post=None):
    """Sources that follow inputs of their own, targets, and teachers that send errors to them."""
    net, rng = Network(seed=4), np.random.default_rng(4)
    model = LeakyRate(tau=TAU, activation="linear")
    pre = net.population(model, N_PRE, name="pre", initial={"r": rng.normal(size=N_PRE)})
    post = net.population(post or model, n_post, name="post")
    teacher = net.population(model, n_post, name="teacher")
    n = N_PRE * n_post
    weight = rng.normal(0, 0.3, n) if weight is None else weight
    delay = DT if connectivity else DT * rng.choice(LAGS, n)
    rule = Delta() if rule is None else rule
    net.connect(
        pre, post, connectivity or AllToAll(), weight=weight, delay=delay, rule=rule, store=store,
        name="learned",
    )  # fmt: skip
    if "error" in net.projections[0].rule.modulators:
        net.connect(teacher, post, OneToOne(), weight=1.0, delay=2 * DT, receptor="error")
    net.stimulate(pre, TimedArray(rng.normal(size=(40, N_PRE)), 7 * DT), name="input")
    net.stimulate(teacher, TimedArray(rng.normal(size=(40, n_post)), 5 * DT), name="lesson")
    for part in (pre, post, teacher):
        net.probe(part, "spikes" if part.model is LIF else "r", **({"every": DT}))
    return net


def plain(net, result, change, *, low=-np.inf, high=np.inf):
    """The targets' rates (steps, n_post) and the weights at the end, synapse by synapse, from what
    sources and teachers sent.
    """
    found = Simulator(net, dt=DT, dtype="float64").synapses("learned")
    lags = np.rint(found.delays / DT).astype(int)
    start = np.asarray(net.populations[0].initial["r"])
    sent = np.vstack([np.tile(start, (max(LAGS), 1)), result.trace("pre", "r")])
    errors = np.vstack([np.zeros((2, len(net.populations[1]))), result.trace("teacher", "r")])
    w, decay = found.weights.copy(), np.exp(-DT / TAU)
    r, rates = np.zeros(len(net.populations[1])), []
    for step in range(len(sent) - max(LAGS)):
        x = sent[step + max(LAGS) - lags, found.sources]
        drive = np.zeros(r.size)
        np.add.at(drive, found.targets, w * x)
        r = drive + (r - drive) * decay
        w = np.clip(w + change(w, x, r[found.targets], errors[step][found.targets]), low, high)
        rates.append(r)
    return np.array(rates), w


LAWS = {
    "delta": (Delta(), lambda w, x, y, error: 0.05 * error * x, 2.0),
    "bounded": (Delta(rate=0.5, most=0.9), lambda w, x, y, error: 0.5 * error * x, 0.9),
    "oja": (Oja(), lambda w, x, y, error: 0.05 * y * (x - y * w), np.inf),
}


@pytest.mark.parametrize("options", [{}, {"deterministic": True}], ids=str)
@pytest.mark.parametrize("case", LAWS)
def test_the_definition(case, processor, options):
    """Rates and weights are those of a plain loop over steps, to some hundred roundings."""
    rule, change, most = LAWS[case]
    net = taught(rule)
    simulator = Simulator(net, dt=DT, backend=processor, dtype="float64", **options)
    result = simulator.run(STEPS * DT)
    rates, weights = plain(net, result, change, low=-most, high=most)
    np.testing.assert_allclose(result.trace("post", "r"), rates, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(simulator.weights("learned"), weights, rtol=1e-10, atol=1e-12)
    before = Simulator(net, dt=DT, dtype="float64").weights("learned")
    assert np.abs(weights - before).min() > 1e-6
    if case == "bounded":
        assert (np.abs(weights) == 0.9).any()


@pytest.mark.parametrize("tile", [None, Tile(rows=5, columns=3)])
def test_on_a_crossbar(processor, tile):
    """Pulses round each change at random to multiples of a step of one in 2**40 of the range; of
    positive weights, as a change across 0 is cut short there.
    """
    cell = PulsedReRAM(g_min=1e-6, levels=2**40, nonlinearity_up=0.0, nonlinearity_down=0.0,
                       cycle_noise=0.0, write_error=0.0)  # fmt: skip
    start = np.linspace(0.8, 1.2, N_PRE * N_POST)
    net = taught(Delta(rate=0.01), Crossbar(cell, adc=None, tile=tile), weight=start)
    simulator = Simulator(net, dt=DT, backend=processor, dtype="float64")
    result = simulator.run(STEPS * DT)
    change = LAWS["delta"][1]
    rates, weights = plain(net, result, lambda *seen: change(*seen) / 5, low=-2.0, high=2.0)
    np.testing.assert_allclose(simulator.weights("learned"), weights, rtol=0, atol=1e-8)
    np.testing.assert_allclose(result.trace("post", "r"), rates, rtol=0, atol=1e-7)
    assert weights.min() > 0
    assert np.abs(weights - start).max() > 0.05
    assert result.tallies["learned.pulses"] > 1000


def outcomes(tmp_path, *, n_post, threads, dtype="float32", **how):
    """Records and weights of a run in two halves, the second one also from a file."""
    made = []
    simulator = Simulator(taught(n_post=n_post, **how), dt=DT, threads=threads, dtype=dtype)
    first = simulator.run(0.02).trace("post", "r").tobytes()
    simulator.save(tmp_path / "half")
    for other in (simulator, Simulator.load(tmp_path / "half", threads=3 - threads)):
        last = other.run(0.02).trace("post", "r").tobytes()
        made.append((first, last, other.weights("learned").tobytes()))
    whole = Simulator(taught(n_post=n_post, **how), dt=DT, threads=threads, dtype=dtype)
    rates = whole.run(0.04).trace("post", "r")
    made.append((rates[:20].tobytes(), rates[20:].tobytes(), whole.weights("learned").tobytes()))
    return made, simulator


@pytest.mark.parametrize("rule", [Delta(), Oja()], ids=["proposes", "direct"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_any_number_of_threads_and_cuts(rule, dtype, tmp_path):
    """The same bits, also where a run goes on from a file with another number of threads."""
    found = []
    for threads in (1, 2):
        made, simulator = outcomes(
            tmp_path, n_post=3000, threads=threads, dtype=dtype, rule=rule,
            connectivity=FixedProbability(0.5), weight=0.1,
        )  # fmt: skip
        found += made
        own = [part for part in simulator.plan.operators if part.name in ("delta_step", "oja_step")]
        assert {part.thread for part in own} == ({None} if threads == 1 else {0, 1})
    assert len(set(found)) == 1
    assert simulator.weights("learned").std() > 1e-3


def test_a_noisy_crossbar_changes_no_bit(tmp_path):
    """Converters, read noise and random pulses: cuts, files and threads."""
    cell = PulsedReRAM(read_noise=0.02)
    store = Crossbar(cell, adc=ADC(bits=7), dac=DAC(bits=6))
    found = []
    for threads in (1, 2):
        found += outcomes(tmp_path, n_post=N_POST, threads=threads, store=store)[0]
    assert len(set(found)) == 1


@pytest.mark.parametrize("learn", ["sum", "mean", "each"])
def test_batches(learn):
    """Samples learn as runs of their own do; their changes are added, or are dropped."""
    rng = np.random.default_rng(1)
    lessons = [TimedArray(rng.normal(size=(40, N_POST)), 5 * DT) for _ in range(3)]
    simulator = Simulator(taught(), dt=DT, dtype="float64")
    before, alone, rates = simulator.weights("learned"), [], []
    for lesson in lessons:
        own = Simulator(taught(), dt=DT, dtype="float64")
        own.stimulate("lesson", lesson)
        rates.append(own.run(0.03).trace("post", "r"))
        alone.append(own.weights("learned") - before)
    batch = simulator.run(0.03, inputs={"lesson": lessons}, batch=3, learn=learn)
    for sample, expected in zip(batch, rates, strict=True):
        np.testing.assert_array_equal(sample.trace("post", "r"), expected)
    changes = {"sum": np.sum(alone, axis=0), "mean": np.mean(alone, axis=0), "each": 0.0}[learn]
    np.testing.assert_allclose(simulator.weights("learned"), before + changes, rtol=1e-12)
    assert np.abs(alone[0] - alone[1]).max() > 1e-3


def hebb_step(arriving, begin_post, end_post, first_post, synapse_post, segment_post, synapse,
              change, proposed):  # fmt: skip
    for j in range(begin_post, end_post):
        for q in range(first_post[j], first_post[j + 1]):
            if arriving[segment_post[q]] != 0:
                synapse[proposed[0]] = synapse_post[q]
                change[proposed[0]] = -1e-3 * arriving[segment_post[q]]
                proposed[0] += 1
    return 0


@dataclass(frozen=True, kw_only=True)
class Sinking(Rule):
    """Weights sink by what arrives, whatever the target does."""

    watches: ClassVar[tuple[str, ...]] = ("numbers", "spikes")

    def learn(self, projection, proposals):
        scope = {**projection.arriving(), **projection.reverse(), **proposals.scope}
        projection.operator(Phase.LEARN, hebb_step, scope)


def test_weights_move_while_all_units_rest(processor):
    """No state changes for a second and weights sink all the same, in every step."""
    net = Network(seed=1)
    source = net.population(LeakyRate(activation="linear"), 2, name="s", initial={"r": 1.0})
    target = net.population(LeakyRate(activation="rectified"), 3, name="t")
    net.stimulate(source, Constant(1.0))
    net.connect(source, target, AllToAll(), weight=-1.0, delay=DT, rule=Sinking(), name="learned")
    simulator = Simulator(net, dt=DT, backend=processor, dtype="float64")
    simulator.run(1.0)
    np.testing.assert_allclose(simulator.weights("learned"), -2.0, rtol=1e-12)
    np.testing.assert_array_equal(simulator.state("t", "r"), 0.0)


@pytest.mark.parametrize("threads", [1, 2])
def test_several_rules_of_numbers(processor, threads):
    """What two rules propose adds up."""
    net = taught((Delta(), Sinking()))
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


def burst_step(arriving, fired_post, count_post, first_post, synapse_post, segment_post, synapse,
               change, proposed, trace_post):  # fmt: skip
    """A target fires: its synapses rise by what arrives."""
    for k in range(count_post[0]):
        j = fired_post[k]
        for q in range(first_post[j], first_post[j + 1]):
            synapse[proposed[0]] = synapse_post[q]
            change[proposed[0]] = 0.1 * arriving[segment_post[q]] * (trace_post[j] > 0)
            proposed[0] += 1
    return count_post[0]


@dataclass(frozen=True, kw_only=True)
class Burst(Rule):
    watches: ClassVar[tuple[str, ...]] = ("numbers",)
    shares: ClassVar[bool] = True

    def learn(self, projection, proposals):
        scope = {**projection.arriving(), **projection.reverse(), **proposals.scope}
        scope |= projection.trace("post", 10e-3).named("post")
        projection.operator(Phase.LEARN, burst_step, scope)


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


def test_learned_weights_can_be_set_probed_pickled_and_kept():
    net = taught()
    net.probe(net.projections[0], "weights", every=10 * DT)
    simulator = Simulator(net, dt=DT, dtype="float64")
    simulator.set("learned", weights=0.25)
    result = simulator.run(20 * DT)
    assert (result.trace("learned", "weights")[0] != 0.25).any()
    again = pickle.loads(pickle.dumps(simulator))
    np.testing.assert_array_equal(again.weights("learned"), simulator.weights("learned"))
    simulator.reset(keep="weights")
    np.testing.assert_array_equal(again.weights("learned"), simulator.weights("learned"))
    with pytest.raises(ParameterError, match=r"set weights: must be <= 2"):
        simulator.set("learned", weights=3.0)


@pytest.mark.parametrize("connectivity", [FixedProbability(0.0), FixedProbability(1.0)])
@pytest.mark.parametrize("rule", [Delta(), Oja()])
def test_none_and_one(connectivity, rule, processor):
    """No synapse at all, and a single one between two units."""
    net = Network(seed=1)
    source, target = (net.population(LeakyRate(), 1, name=name) for name in "st")
    net.stimulate(source, Constant(1.0))
    net.connect(source, target, connectivity, weight=0.5, delay=DT, rule=rule, name="learned")
    simulator = Simulator(net, dt=DT, backend=processor)
    simulator.run(0.05)
    changed = np.abs(simulator.weights("learned") - 0.5) > 1e-3
    assert changed.all() == (isinstance(rule, Oja) or not changed.size)


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
        lambda: one(Sinking(), SpikeSource()),
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


@pytest.mark.parametrize("store", [None, Crossbar(PulsedReRAM())], ids=["ideal", "crossbar"])
def test_an_interrupted_run_leaves_the_weights_as_they_were(store):
    simulator = Simulator(taught(store=store), dt=DT, chunk=5)
    simulator.run(0.01)
    before = simulator.weights("learned")
    left = iter(range(2))

    def tick(steps):
        if next(left, None) is None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulator._session.single(0.04, tick, None)
    np.testing.assert_array_equal(simulator.weights("learned"), before)
    assert simulator.time == pytest.approx(0.01)
    again = Simulator(taught(store=store), dt=DT)
    again.run(0.01)
    expected = again.run(0.04).trace("post", "r")
    np.testing.assert_array_equal(simulator.run(0.04).trace("post", "r"), expected)
    assert (simulator.weights("learned") != before).any()
