"""Delays of several steps go to NIR and come back: what is written, and when units spike."""

import numpy as np
import pytest

from potentia import Network, Simulator
from potentia.errors import UnsupportedError
from potentia.models import IF, LIF, DiscreteLIF, SpikeSource
from potentia.models.bridges import from_nir, to_nir
from potentia.models.bridges.nir_timing import layers_of
from potentia.sim import (
    AllToAll,
    Constant,
    Conv2d,
    FixedProbability,
    Normal,
    OneToOne,
    SpikeTrain,
    SumPool2d,
)
from potentia.tests.models.bridges.nir_graphs import random_graph
from potentia.tests.models.bridges.test_to_nir import DT, outcome

MODELS = {
    "LIF": (LIF(tau=10e-3, threshold=0.5, refractory=0.0), "dirac"),
    "IF": (IF(threshold=0.6, refractory=0.0), "dirac"),
    "DiscreteLIF": (DiscreteLIF(decay=0.8, threshold=0.5, inclusive=False), "one"),
}
HOW = {"cpu": {"dt": DT, "dtype": "float64"}, "event": {"engine": "event"}}
HOW["torch"] = HOW["cpu"] | {"backend": "torch"}


def joined(model, seed, *, images) -> Network:
    """Three layers, synapses that skip one, loops of several populations, delays of any length."""
    rng = np.random.default_rng(seed)
    net = Network(seed=seed)

    def delay(most=6):
        return int(rng.integers(1, most + 1)) * DT

    source = net.population(SpikeSource(), 24, name="in")
    if images:
        kernel = Conv2d(0.4 * rng.normal(0.5, 1, (2, 1, 3, 3)), input_shape=(1, 4, 6), padding=1)
        layers = [net.population(model, n, name=f"layer{n}") for n in (48, 12)]
        net.connect(source, layers[0], kernel, delay=delay())
        pool = SumPool2d(2, input_shape=(2, 4, 6))
        net.connect(*layers, pool, weight=0.4, delay=delay())
    else:
        layers = [net.population(model, 10, name=f"layer{k}") for k in range(2)]
        net.connect(source, layers[0], AllToAll(), weight=Normal(0.2, 0.3), delay=delay())
        net.connect(*layers, OneToOne(), weight=0.9, delay=delay())
    last = net.population(model, 8, name="last")
    n = layers[1].n * last.n
    several = rng.integers(1, 6, n) * DT
    net.connect(layers[1], last, AllToAll(), weight=rng.normal(0.3, 0.3, n), delay=several)
    net.connect(layers[0], last, AllToAll(), weight=Normal(0.1, 0.1), delay=delay())
    net.connect(last, last, AllToAll(), weight=Normal(-0.1, 0.2), delay=delay())
    if rng.random() < 0.5 and not images:
        back = FixedProbability(0.5)
        net.connect(last, layers[0], back, weight=Normal(-0.05, 0.1), delay=delay(12))
    for part in (*layers, last):
        net.probe(part, "spikes")
    return net


def fired(net, how):
    """Steps and units of all spikes, by population, when the sources fire at random."""
    rng = np.random.default_rng(4)
    steps, ids = np.sort(rng.integers(1, 60, 300)), rng.integers(0, 24, 300)
    source = next(part for part in net.populations if part.name == "in")
    net.stimulate(source, SpikeTrain(steps * DT, ids), name="drive")
    result = Simulator(net, **how).run(80 * DT)
    return {
        part.name: np.column_stack(
            [np.rint(result.spikes(part.name).times / DT), result.spikes(part.name).ids]
        ).tolist()
        for part in net.populations
        if part.name != "in"
    }


@pytest.mark.filterwarnings("ignore::potentia.errors.PotentiaWarning")
@pytest.mark.parametrize("edges", ["none", "step", "layers"])
@pytest.mark.parametrize("name", MODELS)
def test_spikes_come_back_at_their_times(name, edges):
    """To the step, whatever a graph leaves out of the delays."""
    model, spike = MODELS[name]
    ways = ["cpu", "torch", *(["event"] if name != "DiscreteLIF" else [])]
    for seed in range(8):
        made = [joined(model, seed, images=seed % 2 == 0) for _ in ways]
        graph = to_nir(made[0], spike=spike, dt=DT, edges=edges)
        again = [from_nir(graph)[0] for _ in ways]
        for how, net, other in zip(ways, made, again, strict=True):
            for part in other.populations:
                if f"{part.name}.spikes" not in {probe.name for probe in other.probes}:
                    other.probe(part, "spikes")
            expected = fired(net, HOW[how])
            assert fired(other, HOW[how]) == expected, (seed, how)
            assert sum(map(len, expected.values())) > 50


def chain(*lags, constant=False):
    """Populations in a row with these delays [steps]."""
    net = Network()
    last = net.population(SpikeSource(), 3, name="in")
    for k, lag in enumerate(lags):
        cells = net.population(LIF(refractory=0.0), 3, name=f"cells{k}")
        net.connect(last, cells, OneToOne(), weight=20e-3, delay=lag * DT)
        last = cells
    if constant:
        net.stimulate(last, Constant(1e-3))
    return net


def delays(graph):
    """How many steps the nodes of a graph wait."""
    return [
        round(float(node["delay"][0]) / DT) for node in graph.nodes.values() if node.type == "Delay"
    ]


@pytest.mark.parametrize(
    ("lags", "edges", "written"),
    [
        ((1, 1), "none", [1, 1]),
        ((1, 3), "none", [1, 3]),
        ((1, 1), "step", []),
        ((1, 3), "step", [3]),
        ((1, 1), "layers", []),
        ((3, 1), "layers", [3]),  # the first layer is not late, the second by a step
        ((1, 3), "layers", [4]),  # the first layer is late by a step, the second is not
    ],
)
def test_what_is_written_of_a_delay(lags, edges, written):
    assert delays(to_nir(chain(*lags), spike="dirac", dt=DT, edges=edges)) == written


def test_delays_off_any_grid_come_back_to_the_bit():
    """On the event engine, spikes at the same times."""
    found = []
    for again in (False, True):
        net = chain(1.37, 2.0000001)
        net.probe(net.populations[2], "spikes")
        net = from_nir(to_nir(net, spike="dirac"))[0] if again else net
        source = next(part for part in net.populations if part.name == "in")
        net.stimulate(source, SpikeTrain([0.3e-3, 2e-3], [0, 2]))
        found.append(Simulator(net, engine="event").run(20e-3).spikes("cells1").times)
    assert found[0] == pytest.approx([0.3e-3 + 3.3700001e-3, 2e-3 + 3.3700001e-3], abs=1e-12)
    np.testing.assert_array_equal(*found)


def test_more_delays_than_nodes_are_written_are_refused():
    net = chain(1)
    many = np.linspace(1e-3, 2e-3, 100)
    source, cells = (net.population(LIF(refractory=0.0), 10, name=name) for name in "ab")
    net.connect(source, cells, AllToAll(), weight=1e-3, delay=many)
    with pytest.raises(UnsupportedError, match=r"at most 64 different delays.*got 100"):
        to_nir(net, spike="dirac")


def test_a_layer_with_a_constant_current_is_not_late():
    """It has been there from the beginning, so the delay is written."""
    graph = to_nir(chain(1, 1, constant=True), spike="dirac", dt=DT, edges="layers")
    assert delays(graph) == [2]
    again, report = from_nir(graph)
    assert report.late == {"in": 0, "cells0": 1, "cells1": 0}
    assert [round(part.delay / DT) for part in again.projections] == [1, 1]


@pytest.mark.parametrize(
    ("lags", "late"),
    [
        ({"ab": 1, "bc": 1}, "012"),
        ({"ab": 1, "bc": 2}, "010"),
        ({"ab": 1, "bc": 1, "ac": 1}, "011"),  # two ways of a single step: the nearer counts
        ({"ab": 1, "bc": 1, "cd": 1, "ad": 2}, "0120"),  # 2 steps cannot make it late by 3
        ({"ab": 1, "bc": 1, "cb": 1}, "012"),
        ({"ab": 3, "bc": 1, "cb": 1}, "000"),  # nothing leads to the circle in single steps
        ({"aa": 1, "ab": 1}, "01"),
    ],
)
def test_how_late_layers_are(lags, late):
    units = "abcd"[: len(late)]
    pairs = {(way[0], way[1]): lag for way, lag in lags.items()}
    assert layers_of(units, pairs, ()) == dict(zip(units, map(int, late), strict=True))


def test_random_graphs_with_delays_come_back():
    """Read as layers, written and read again, they do the same, but for currents of layers behind
    a delay of one step, of which nobody can tell whether they are late.
    """
    compared = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        answers = {"scheme": "euler", "dt": DT, "reset": "subtract", "reset_at": "spike"}
        answers |= {"spike": "one", "edges": "layers", "inputs": "spikes", "start": "zero"}
        net, _ = from_nir(random_graph(rng, leaks=()), **answers)
        try:
            again, _ = from_nir(to_nir(net, spike="one", dt=DT, edges="layers"))
        except UnsupportedError as refusal:
            if "constant' drives" not in str(refusal):
                raise
            continue
        run = [outcome(one, False) for one in (net, again)]
        for name, values in run[0].items():
            # r, tau and dt are multiplied anew
            assert run[1][name] == pytest.approx(values, rel=1e-9, abs=1e-12), (seed, name)
        compared += 1
    assert compared > 50
