"""Graphs of NIR step by step: ours against a stepper written from the specification."""

import itertools

import numpy as np
import pytest

from potentia import Simulator
from potentia.models.bridges import from_nir
from potentia.sim import SpikeTrain, TimedArray
from potentia.tests.models.bridges.nir_graphs import (
    DT,
    SPIKING,
    UNITS,
    Stepper,
    chances,
    random_graph,
)

STEPS = 60
STEPPED = ("scheme", "reset", "reset_at", "spike", "edges", "start")


def compare(graph, answers, given, **options):
    """Our spikes and numbers are those of the stepper, later by what the report says."""
    numbers = answers["inputs"] == "numbers"
    stepper = Stepper(graph, **{key: answers[key] for key in STEPPED})
    stepper.spiking = not numbers
    expected = stepper.run(given)
    net, report = from_nir(graph, dt=DT, **answers)
    by_name = {population.name: population for population in net.populations}
    taken = {probe.name for probe in net.probes}
    for population in net.populations:
        what = population.model.sends or "spikes"
        if f"{population.name}.{what}" not in taken:
            net.probe(population, what)
    source = by_name[report.populations["in"]]
    if numbers:
        net.stimulate(source, TimedArray(given, DT))
    else:
        steps, ids = given.nonzero()
        net.stimulate(source, SpikeTrain((steps + 1) * DT, ids))
    late = max(report.late.values(), default=0)
    result = Simulator(net, dt=DT, dtype="float64", **options).run((STEPS + late) * DT)
    fired = 0
    for name in stepper.units:
        ours = report.populations[name]
        shift = report.late.get(ours, 0)
        if graph.nodes[name].type in SPIKING or (name == "in" and not numbers):
            spikes = result.spikes(ours)
            got = np.zeros_like(expected[name])
            steps = np.rint(spikes.times / DT).astype(int) - 1 - shift
            kept = (steps >= 0) & (steps < STEPS)
            got[steps[kept], spikes.ids[kept]] = 1
            assert np.array_equal(got, expected[name]), name
            fired += int(got.sum()) * (name != "in")
        else:
            values = result.samples(ours, by_name[ours].model.sends).values[shift : shift + STEPS]
            scale = np.abs(expected[name]).max(initial=1.0)
            assert np.abs(values - expected[name]).max() <= 1e-11 * scale, (
                name
            )  # sums are reordered
    return fired


WAYS = list(
    itertools.product(
        ("euler", "semi-implicit"), ("value", "subtract", "none"), ("spike", "before", "after")
    )
)


@pytest.mark.parametrize(("scheme", "reset", "reset_at"), WAYS)
def test_random_graphs_step_as_the_specification_says(scheme, reset, reset_at):
    fired = 0
    for seed in range(6):
        rng = np.random.default_rng([seed, len(scheme), len(reset), len(reset_at)])
        layers = bool(rng.random() < 0.6)
        # with "layers" no neuron that is late may move before its time
        graph = random_graph(rng, leaks=("LIF", "LI") if layers else UNITS)
        numbers = bool(rng.random() < 0.5)
        given = chances(rng, STEPS, graph.nodes["in"]["shape"][0], numbers)
        answers = {
            "scheme": scheme,
            "reset": reset,
            "reset_at": reset_at,
            "spike": "one",
            "edges": "layers" if layers else "step",
            "start": "zero" if layers else str(rng.choice(["zero", "leak"])),
            "inputs": "numbers" if numbers else "spikes",
        }
        fired += compare(graph, answers, given)
    assert fired > 100


@pytest.mark.parametrize(
    "options",
    [{"backend": "reference"}, {"threads": 2}, {"backend": "torch"}],
    ids=lambda options: str(next(iter(options.values()))),
)
@pytest.mark.filterwarnings("ignore:The given NumPy array is not writable")
def test_every_backend_makes_the_steps(options):
    if options.get("backend") == "torch":
        pytest.importorskip("torch", reason="torch is not installed (extra `torch`)")
    fired = 0
    for seed in range(6):
        rng = np.random.default_rng([9, seed])
        graph, numbers = random_graph(rng, leaks=("LIF", "LI")), seed % 2 == 0
        given = chances(rng, STEPS, graph.nodes["in"]["shape"][0], numbers)
        answers = {
            "scheme": "semi-implicit" if seed % 3 else "euler",
            "reset": "subtract",
            "reset_at": "after",
            "spike": "one",
            "edges": "layers",
            "inputs": "numbers" if numbers else "spikes",
            "start": "zero",
        }
        fired += compare(graph, answers, given, **options)
    assert fired > 50
