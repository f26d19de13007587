"""NIR's neurons without a grid: their spikes and potentials against closed forms."""

import math

import numpy as np
import pytest
from scipy.optimize import brentq

from potentia import Simulator
from potentia.models.bridges import NirGraph, NirNode, from_nir
from potentia.sim import SpikeTrain, TimedArray

DT = 1e-4
EVENTS = {
    "scheme": "exact",
    "reset": "value",
    "spike": "dirac",
    "edges": "none",
    "inputs": "spikes",
}
STEPS = EVENTS | {"edges": "step", "dt": DT}  # for the clock engine
LIF = {"tau": [5e-3], "r": [2.0], "v_leak": [0.3], "v_threshold": [1.0], "v_reset": [-0.2]}
CUBA = {
    "tau_syn": [4e-3],
    "tau_mem": [9e-3],
    "r": [2.0],
    "v_leak": [0.0],
    "w_in": [1.5],
    "v_threshold": [1e9],
}


def driven(kind, fields, weight=None, bias=None):
    """An Input, a matrix and one neuron that is shown."""
    nodes = {"in": NirNode("Input", {"shape": [1]}), "cell": NirNode(kind, fields)}
    matrix = {"weight": [[0.0 if weight is None else weight]]}
    nodes["w"] = (
        NirNode("Affine", {**matrix, "bias": [bias]}) if bias else NirNode("Linear", matrix)
    )
    nodes["out"] = NirNode("Output", {"shape": [1]})
    return NirGraph(nodes, [("in", "w"), ("w", "cell"), ("cell", "out")])


@pytest.mark.parametrize("engine", ["event", "clock"])
def test_a_driven_lif_fires_when_its_closed_form_says(engine):
    """v relaxes from v_reset to v_leak + R b, so the period is tau ln((d - reset) / (d - 1))."""
    answers = EVENTS | ({"start": "zero"} if engine == "event" else {"start": "zero", "dt": DT})
    net, _ = from_nir(driven("LIF", LIF, bias=0.7), **answers)
    simulator = Simulator(
        net, engine=engine, **({"dt": DT, "dtype": "float64"} if engine == "clock" else {})
    )
    times = simulator.run(0.1).spikes("cell").times
    goal, tau = 0.3 + 2.0 * 0.7, 5e-3
    first = tau * math.log(goal / (goal - 1))
    period = tau * math.log((goal + 0.2) / (goal - 1))
    expected = first + period * np.arange(times.size)
    assert times.size == int((0.1 - first) / period) + 1
    if engine == "event":
        # times are kept in femtoseconds
        assert np.abs(times - expected).max() < 1e-12
    else:
        # each spike is moved to the end of its step, and the next period begins there
        assert (np.diff(times) >= period - 1e-12).all()
        assert (np.diff(times) <= period + DT).all()


def test_the_potential_of_a_cuba_lif_is_its_closed_form():
    """Impulses of w_in W / tau_syn into the current; v is a difference of exponentials."""
    weight, at = 0.4, np.array([1e-3, 2.5e-3, 7e-3])
    net, _ = from_nir(driven("CubaLIF", CUBA, weight), **STEPS)
    cell = net.populations[1]
    net.stimulate(net.populations[0], SpikeTrain(at, [0, 0, 0]))
    net.probe(cell, "v")
    result = Simulator(net, dt=DT, dtype="float64").run(20e-3)
    v = result.samples("cell", "v")
    syn, mem, jump = 4e-3, 9e-3, 2.0 * 1.5 * weight / 4e-3
    arrived = at + DT  # the clock engine makes an edge one step
    since = np.maximum(v.times[:, None] - arrived, 0)
    kernel = jump * syn / (syn - mem) * (np.exp(-since / syn) - np.exp(-since / mem))
    # rounding of some hundred steps
    assert np.abs(v.values[:, 0] - kernel.sum(axis=1)).max() < 1e-12


@pytest.mark.parametrize("weight", [3e-3, 5e-3, 20e-3])
def test_a_cuba_lif_fires_when_its_closed_form_reaches_the_threshold(weight):
    fields = CUBA | {"v_threshold": [0.5], "v_reset": [-100.0]}
    syn, mem, jump = 4e-3, 9e-3, 2.0 * 1.5 * weight / 4e-3

    def potential(since):
        return jump * syn / (syn - mem) * (np.exp(-since / syn) - np.exp(-since / mem))

    peak = math.log(mem / syn) * syn * mem / (mem - syn)
    crossing = brentq(lambda since: potential(since) - 0.5, 0.0, peak, xtol=1e-16)
    for answers, options in (
        (EVENTS, {"engine": "event"}),
        (STEPS, {"dt": DT, "dtype": "float64"}),
    ):
        net, _ = from_nir(driven("CubaLIF", fields, weight), **answers)
        net.stimulate(net.populations[0], SpikeTrain([1e-3], [0]))
        (time,) = Simulator(net, **options).run(0.05).spikes("cell").times
        if options.get("engine") == "event":
            assert time == pytest.approx(1e-3 + crossing, abs=1e-12)
        else:  # an edge takes one step, and a spike is seen at the end of its step
            assert 0 <= time - (1e-3 + DT + crossing) < DT


@pytest.mark.parametrize("edges", ["step", "layers"])
def test_a_constant_through_a_current_begins_at_zero(edges):
    """I rises to w_in b with tau_syn, so v follows with both time constants; late if it is late."""
    answers = STEPS | {"edges": edges}
    net, report = from_nir(driven("CubaLIF", CUBA, bias=0.5), **answers)
    net.probe(net.populations[1], "v")
    v = Simulator(net, dt=DT, dtype="float64").run(30e-3).samples("cell", "v")
    assert report.late.get("cell", 0) == (edges == "layers")
    since = np.maximum(v.times - report.late.get("cell", 0) * DT, 0)
    syn, mem, goal = 4e-3, 9e-3, 2.0 * 1.5 * 0.5
    fading = (mem * np.exp(-since / mem) - syn * np.exp(-since / syn)) / (mem - syn)
    assert np.abs(v.values[:, 0] - goal * (1 - fading)).max() < 1e-12


@pytest.mark.parametrize("kind", ["I", "LI", "CubaLI"])
def test_a_graded_neuron_answers_an_impulse_in_closed_form(kind):
    fields = {
        "I": {"r": [2.0]},
        "LI": {key: LIF[key] for key in ("tau", "r")} | {"v_leak": [0.0]},
        "CubaLI": {key: value for key, value in CUBA.items() if key != "v_threshold"},
    }[kind]
    net, report = from_nir(driven(kind, fields, 0.4), **STEPS)
    net.stimulate(net.populations[0], SpikeTrain([1e-3], [0]))
    what = net.populations[1].model.sends
    samples = Simulator(net, dt=DT, dtype="float64").run(10e-3).samples(report.outputs["out"], what)
    since = samples.times - (1e-3 + DT)
    arrived = since > -DT / 2
    since = np.maximum(since, 0)
    expected = {
        "I": 2.0 * 0.4 * np.ones_like(since),
        "LI": 2.0 * 0.4 / 5e-3 * np.exp(-since / 5e-3),
        "CubaLI": 2.0 * 1.5 * 0.4 / (4e-3 - 9e-3) * (np.exp(-since / 4e-3) - np.exp(-since / 9e-3)),
    }[kind]
    assert np.abs(samples.values[:, 0] - expected * arrived).max() < 1e-12 * expected.max() * 100


@pytest.mark.parametrize("kind", ["IF", "LIF"])
def test_a_spike_of_height_one_has_the_area_of_a_step(kind):
    """On the grid a spike of 1 is the number 1 for a step: v is the same at every step."""
    fields = {key: LIF[key] for key in ("tau", "r")} if kind == "LIF" else {"r": [300.0]}
    fields |= {"v_threshold": [0.8]} | ({"v_leak": [0.0]} if kind == "LIF" else {})
    rng = np.random.default_rng(5)
    rows = (rng.random((300, 1)) < 0.5) * 1.0
    found = {}
    for inputs in ("spikes", "numbers"):
        answers = STEPS | {"spike": "one", "inputs": inputs}
        net, _ = from_nir(driven(kind, fields, 4.0), **answers)
        steps, ids = rows.nonzero()
        train = SpikeTrain((steps + 1) * DT, ids)
        net.stimulate(net.populations[0], train if inputs == "spikes" else TimedArray(rows, DT))
        found[inputs] = Simulator(net, dt=DT, dtype="float64").run(30e-3).spikes("cell").times
    assert found["spikes"].size > 5
    assert np.array_equal(found["spikes"], found["numbers"])


def test_a_potential_at_threshold_does_not_fire():
    """NIR fires above the threshold, our models at it; in double precision both agree."""
    fields = {"r": [1.0], "v_threshold": [0.75]}
    counts = {}
    for weight in (0.75, np.nextafter(0.75, 1)):
        net, report = from_nir(driven("IF", fields, weight), **EVENTS)
        net.stimulate(net.populations[0], SpikeTrain([1e-3], [0]))
        counts[weight] = Simulator(net, engine="event").run(5e-3).spikes("cell").times.size
    assert list(counts.values()) == [0, 1]
    assert any(row.question == "threshold" for row in report.rows)
