"""Against Brian2 2.9.0: a feed-forward network spike for spike; CUBA and COBA within its own spread
over seeds.

Alignment: Brian2 labels a spike with the beginning of its step, so its times are one dt earlier
than ours; a neuron that fires in its step t integrates again in step t + refractory / dt, one step
earlier than ours. A Brian2 delay of d steps (at least one) is ours of d steps. See
docs/architecture.md.
"""

from types import SimpleNamespace

import numpy as np
import pytest

from potentia import Network, Simulator
from potentia.models import CobaLIF, CubaLIF, SpikeSource
from potentia.sim import Constant, Explicit, FixedProbability, Normal, SpikeTrain, Uniform

brian2 = pytest.importorskip("brian2", reason="brian2 is not installed (extra `validate`)")
pytestmark = [pytest.mark.validate, pytest.mark.filterwarnings("ignore")]

DT = 1e-4
CURRENTS = """
dv/dt = (ge + gi - v + 11*mV)/(20*ms) : volt (unless refractory)
dge/dt = -ge/(5*ms) : volt
dgi/dt = -gi/(10*ms) : volt
"""
CONDUCTANCES = """
dv/dt = (ge*(Ee - v) + gi*(Ei - v) - (v - El))/(20*ms) : volt (unless refractory)
dge/dt = -ge/(5*ms) : 1
dgi/dt = -gi/(10*ms) : 1
"""


@pytest.fixture(autouse=True)
def numpy_target():
    brian2.prefs.codegen.target = "numpy"
    brian2.start_scope()
    brian2.defaultclock.dt = DT * brian2.second


def feed_forward(rng: np.random.Generator) -> SimpleNamespace:
    """60 Poisson sources -> 40 neurons -> 20 neurons, random weights and delays."""
    sizes, layers = (60, 40, 20), []
    for n_pre, n_post, weight in ((60, 40, 3e-3), (40, 20, 6e-3)):
        sources, targets = np.nonzero(rng.random((n_pre, n_post)) < 0.3)
        weights = rng.normal(weight, weight, sources.size)
        layers.append((sources, targets, weights, rng.integers(1, 60, sources.size)))
    steps, ids = np.nonzero(rng.random((3000, sizes[0])) < 60.0 * DT)
    return SimpleNamespace(sizes=sizes, layers=layers, steps=steps, ids=ids)


def ours(spec: SimpleNamespace) -> list[tuple[np.ndarray, np.ndarray]]:
    net = Network()
    model = CubaLIF(refractory=5e-3 - DT)
    populations = [net.population(SpikeSource(), spec.sizes[0])]
    populations += [net.population(model, n) for n in spec.sizes[1:]]
    net.stimulate(populations[0], SpikeTrain((spec.steps + 1) * DT, spec.ids))
    for level, (sources, targets, weights, lags) in enumerate(spec.layers):
        for receptor, chosen in (("excitatory", weights > 0), ("inhibitory", weights <= 0)):
            net.connect(
                populations[level],
                populations[level + 1],
                Explicit(sources[chosen], targets[chosen]),
                weight=weights[chosen],
                delay=lags[chosen] * DT,
                receptor=receptor,
            )
    for population in populations[1:]:
        net.stimulate(population, Constant(11e-3))
        net.probe(population, "spikes")
    result = Simulator(net, dt=DT, dtype="float64").run(0.3)
    spikes = [result.spikes(population.name) for population in populations[1:]]
    return [(np.rint(train.times / DT).astype(int) - 1, train.ids) for train in spikes]


def theirs(spec: SimpleNamespace) -> list[tuple[np.ndarray, np.ndarray]]:
    second = brian2.second
    groups = [brian2.SpikeGeneratorGroup(spec.sizes[0], spec.ids, spec.steps * DT * second)]
    groups += [
        brian2.NeuronGroup(
            n, CURRENTS, threshold="v > 10*mV", reset="v = 0*mV", refractory="5*ms", method="exact"
        )
        for n in spec.sizes[1:]
    ]
    parts = [*groups]
    for level, (sources, targets, weights, lags) in enumerate(spec.layers):
        for variable, chosen in (("ge", weights > 0), ("gi", weights <= 0)):
            synapses = brian2.Synapses(
                groups[level], groups[level + 1], "w : volt", on_pre=f"{variable}_post += w"
            )
            synapses.connect(i=sources[chosen], j=targets[chosen])
            synapses.w = weights[chosen] * brian2.volt
            synapses.delay = lags[chosen] * DT * second
            parts.append(synapses)
    monitors = [brian2.SpikeMonitor(group) for group in groups[1:]]
    brian2.Network(*parts, *monitors).run(0.3 * second)
    return [(np.rint(np.asarray(m.t) / DT).astype(int), np.asarray(m.i)) for m in monitors]


@pytest.mark.parametrize("seed", [1, 2])
def test_feed_forward_network_spike_for_spike(seed):
    """Both integrate exactly in double precision, so every spike falls into the same step."""
    spec = feed_forward(np.random.default_rng(seed))
    for (our_steps, our_ids), (their_steps, their_ids) in zip(
        ours(spec), theirs(spec), strict=True
    ):
        assert our_steps.size > 200
        order = np.lexsort((their_ids, their_steps))
        assert np.array_equal(our_steps, their_steps[order])
        assert np.array_equal(our_ids, their_ids[order])


def our_statistics(seed: int, kind: str) -> np.ndarray:
    """Rate, CV of ISI and correlation of one seconds's activity of the benchmark network."""
    net = Network(seed=seed)
    if kind == "cuba":
        model, initial = CubaLIF(refractory=5e-3 - DT), {"v": Uniform(0.0, 10e-3)}
        excitation, inhibition = 1.62e-3, -9e-3
    else:
        model = CobaLIF(refractory=5e-3 - DT)
        initial = {"v": Normal(-65e-3, 5e-3), "g_e": Normal(4.0, 1.5), "g_i": Normal(20.0, 12.0)}
        excitation, inhibition = 0.6, 6.7
    exc = net.population(model, 3200, initial=initial)
    inh = net.population(model, 800, initial=initial)
    for target in (exc, inh):
        net.connect(exc, target, FixedProbability(0.02), weight=excitation, delay=DT)
        net.connect(
            inh, target, FixedProbability(0.02), weight=inhibition, delay=DT, receptor="inhibitory"
        )
        net.probe(target, "spikes")
        if kind == "cuba":
            net.stimulate(target, Constant(11e-3))
    simulator = Simulator(net, dt=DT)
    simulator.run(0.2)
    result = simulator.run(1.0)
    spikes = [result.spikes(population.name) for population in (exc, inh)]
    times = np.concatenate([train.times - 0.2 for train in spikes])
    return statistics(times, np.concatenate([spikes[0].ids, spikes[1].ids + 3200]))


def their_statistics(seed: int, kind: str) -> np.ndarray:
    mV = brian2.mV
    brian2.seed(seed)
    names = {"El": -60 * mV, "Ee": 0 * mV, "Ei": -80 * mV}
    if kind == "cuba":
        group = brian2.NeuronGroup(
            4000,
            CURRENTS,
            threshold="v > 10*mV",
            reset="v = 0*mV",
            refractory="5*ms",
            method="exact",
        )
        group.v = "rand()*10*mV"
        excitation, inhibition = "ge += 1.62*mV", "gi -= 9*mV"
    else:
        group = brian2.NeuronGroup(
            4000,
            CONDUCTANCES,
            threshold="v > -50*mV",
            reset="v = -60*mV",
            refractory="5*ms",
            method="exponential_euler",
            namespace=names,
        )
        group.v, group.ge, group.gi = (
            "-60*mV + (randn()*5 - 5)*mV",
            "randn()*1.5 + 4",
            "randn()*12 + 20",
        )
        excitation, inhibition = "ge += 0.6", "gi += 6.7"
    synapses = []
    for condition, effect in (("i < 3200", excitation), ("i >= 3200", inhibition)):
        synapses.append(brian2.Synapses(group, group, on_pre=effect, delay=DT * brian2.second))
        synapses[-1].connect(condition, p=0.02)
    network = brian2.Network(group, *synapses)
    network.run(0.2 * brian2.second)
    monitor = brian2.SpikeMonitor(group)
    network.add(monitor)
    network.run(1.0 * brian2.second)
    return statistics(np.asarray(monitor.t) - 0.2, np.asarray(monitor.i))


def statistics(times: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Mean rate [Hz], mean CV of inter-spike intervals, mean pairwise correlation of 5 ms counts of
    400 neurons.
    """
    order = np.lexsort((times, ids))
    trains = np.split(times[order], np.cumsum(np.bincount(ids, minlength=4000))[:-1])
    intervals = [np.diff(train) for train in trains if train.size > 3]
    cv = np.mean([gaps.std() / gaps.mean() for gaps in intervals])
    counts = np.array([np.histogram(train, 200, (0.0, 1.0))[0] for train in trains[::10]])
    matrix = np.corrcoef(counts[counts.sum(axis=1) > 0])
    return np.array([ids.size / 4000, cv, matrix[np.triu_indices_from(matrix, 1)].mean()])


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["cuba", "coba"])
def test_benchmark_network_has_the_statistics_of_brian2(kind):
    """Means over seeds differ by less than three standard errors of the difference, from the spread
    over seeds.
    """
    brian = np.array([their_statistics(seed, kind) for seed in range(4)])
    potentia = np.array([our_statistics(seed, kind) for seed in range(8)])
    error = np.sqrt(sum(sample.var(axis=0, ddof=1) / len(sample) for sample in (brian, potentia)))
    assert np.all(np.abs(potentia.mean(axis=0) - brian.mean(axis=0)) < 3.0 * error)
