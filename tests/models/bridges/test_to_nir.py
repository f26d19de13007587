"""Networks as graphs of NIR, and back."""

import numpy as np
import pytest

from potentia import Network, Simulator
from potentia.errors import UnsupportedError
from potentia.models import (
    IF,
    LIF,
    CubaLI,
    CubaLIF,
    DiscreteCubaLIF,
    DiscreteLI,
    DiscreteLIF,
    Integral,
    LeakyRate,
    SpikeSource,
)
from potentia.models.bridges import from_nir, from_snntorch, to_nir
from potentia.sim import (
    AllToAll,
    Constant,
    Conv2d,
    FixedProbability,
    Normal,
    SpikeTrain,
    Step,
    SumPool2d,
    Uniform,
)
from potentia.sim.description.serialise import pack_network, same_arrays
from potentia.tests.models.bridges.nir_graphs import outcome, random_graph

DT = 1e-3


def same(one: Network, other: Network) -> bool:
    """Whether two networks are described alike."""
    arrays: tuple[dict, dict] = ({}, {})
    packed = [pack_network(net, part) for net, part in zip((one, other), arrays, strict=True)]
    for part in packed:
        part["populations"].sort(key=lambda population: population["name"])
    return packed[0] == packed[1] and same_arrays(*arrays)


def spiking(model, seed=0, delay=DT, weight=0.3) -> Network:
    """Sources, random synapses onto neurons, and of these onto themselves."""
    net = Network(seed=seed)
    source = net.population(SpikeSource(), 20, name="source")
    cells = net.population(model, 10, name="cells")
    scale = 5e-3 if model.units.get("v") == "V" else weight
    net.connect(
        source,
        cells,
        FixedProbability(0.5),
        weight=Uniform(0, scale),
        delay=delay,
        receptor=model.receptors[0],
    )
    net.connect(
        cells,
        cells,
        AllToAll(autapses=False),
        weight=-scale / 4,
        delay=2 * DT,
        receptor=model.receptors[0],
    )
    net.probe(cells, "spikes")
    return net


def fired(net: Network, **options) -> tuple:
    """What the neurons do when their sources fire at random."""
    rng = np.random.default_rng(8)
    steps, ids = (rng.random((200, 20)) < 0.2).nonzero()
    source = next(part for part in net.populations if part.name == "source")
    net.stimulate(source, SpikeTrain((steps + 1) * DT, ids))
    spikes = Simulator(net, **options).run(0.21).spikes("cells")
    return spikes.times.tolist(), spikes.ids.tolist()


CELLS = [
    LIF(refractory=0.0),
    LIF(tau=np.linspace(5e-3, 20e-3, 10), refractory=0.0, reset=-2e-3),
    IF(),
    CubaLIF(refractory=0.0),
    DiscreteLIF(),
    DiscreteLIF(decay=np.linspace(0, 0.9, 10), resets="value", reset_value=-0.1, inclusive=False),
    DiscreteLIF(decay=1.0, gain=0.3, resets="none"),
    DiscreteLIF(decay=0.7, offset=0.05, reset_at="after"),
    DiscreteCubaLIF(moved_by="old", reset_at="before"),
    DiscreteCubaLIF(moved_by="new", offset=0.02),
]


@pytest.mark.parametrize("spike", ["dirac", "one"])
@pytest.mark.parametrize("delay", [DT, Uniform(DT, 4 * DT)], ids=["one delay", "many"])
@pytest.mark.parametrize("model", CELLS, ids=lambda model: str(type(model).__name__))
def test_a_network_that_went_through_a_file_makes_the_same_spikes(model, delay, spike, tmp_path):
    if not isinstance(delay, float):  # on the grid, as files keep delays as they are
        delay = np.random.default_rng(1).integers(1, 5, 10 * 20) * DT
    net = spiking(model, delay=delay) if np.ndim(delay) == 0 else listed(model, delay)
    path = tmp_path / "net.nir"
    if isinstance(model, CubaLIF) and spike == "one":
        with pytest.raises(UnsupportedError, match="a spike of height one"):
            to_nir(net, path, spike=spike, dt=DT)
        return
    to_nir(net, path, spike=spike, dt=DT)
    again, report = from_nir(path)
    expected = fired(net, dt=DT, dtype="float64")
    assert fired(again, dt=DT, dtype="float64") == expected
    assert len(expected[0]) > 20
    assert {row.question for row in report.rows} >= {"edges", "scheme", "spike", "inputs"}


def listed(model, delays) -> Network:
    net = Network(seed=3)
    source = net.population(SpikeSource(), 20, name="source")
    cells = net.population(model, 10, name="cells")
    scale = 5e-3 if model.units.get("v") == "V" else 0.3
    net.connect(
        source,
        cells,
        AllToAll(),
        weight=Normal(scale / 4, scale / 4),
        delay=delays,
        receptor=model.receptors[0],
    )
    net.probe(cells, "spikes")
    return net


def test_events_come_back_to_the_bit():
    """Impulses, no delay, no grid: weights and thresholds are the same numbers."""
    net = spiking(LIF(refractory=0.0), delay=0.0)
    again, _ = from_nir(to_nir(net, spike="dirac"))
    assert again.populations[1].model.threshold == 15e-3
    expected = fired(net, engine="event")
    assert fired(again, engine="event") == expected
    assert len(expected[0]) > 20


def test_what_was_read_is_written_as_what_it_does():
    """Graphs of everything, read, written and read again, give the same spikes and numbers."""
    rng = np.random.default_rng(5)
    for seed in range(60):
        graph = random_graph(np.random.default_rng(seed), leaks=("LIF", "LI"))
        answers = {
            "scheme": str(rng.choice(["euler", "semi-implicit"])),
            "dt": DT,
            "reset": str(rng.choice(["value", "subtract", "none"])),
            "reset_at": str(rng.choice(["spike", "before", "after"])),
            "spike": "one",
            "edges": "step",
            "inputs": str(rng.choice(["spikes", "numbers"])),
            "start": "zero",
        }
        net, _ = from_nir(graph, **answers)
        written = to_nir(net, spike="one", dt=DT, edges="step")
        again, _ = from_nir(written)
        run = [outcome(one, answers["inputs"] == "numbers") for one in (net, again)]
        assert run[0].keys() == run[1].keys()
        for name, values in run[0].items():
            # r, tau and dt are multiplied anew
            assert run[1][name] == pytest.approx(values, rel=1e-9, abs=1e-12), (seed, name)


@pytest.mark.parametrize("model", [CubaLIF(refractory=0.0), CubaLI()], ids=["CubaLIF", "CubaLI"])
def test_a_current_that_starts_somewhere_comes_back(model):
    """As a bias that rises and a v_leak: the potential is the same at every step."""
    found = []
    net = Network()
    source = net.population(SpikeSource(), 3, name="source")
    cells = net.population(model, 3, name="cells", initial={"g_e": [4e-3, -8e-3, 0.0]})
    receptor = model.receptors[0]
    net.connect(source, cells, AllToAll(), weight=1e-3, delay=DT, receptor=receptor)
    net.stimulate(cells, Constant([5e-3, 12e-3, 0.0]))
    for each in (net, from_nir(to_nir(net, spike="dirac"), dt=DT)[0]):
        cells = next(part for part in each.populations if part.name == "cells")
        if "cells.v" not in {probe.name for probe in each.probes}:
            each.probe(cells, "v")
        result = Simulator(each, dt=DT, dtype="float64").run(30e-3)
        found.append(result.samples("cells", "v").values)
    assert np.abs(found[0]).max() > 5e-3
    assert np.abs(found[1] - found[0]).max() < 1e-16  # a sum of two constants is rounded once more


def test_units_that_send_numbers_come_back():
    net = Network()
    source = net.population(DiscreteLI(decay=0.0), 3, name="in")
    models = [LeakyRate(activation="linear", gain=2.0, offset=0.1, tau=4e-3), Integral()]
    last = source
    for k, model in enumerate(models):
        cells = net.population(model, 3, name=f"cells{k}")
        net.connect(last, cells, AllToAll(), weight=Normal(0.5, 0.2), delay=DT)
        last = cells
    net.stimulate(net.populations[1], Constant(0.3))
    net.probe(last, "v")
    graph = to_nir(net, spike="dirac", dt=DT, edges="step")
    assert [node.type for node in graph.nodes.values()] == [
        "Input",
        "LI",
        "I",
        "Linear",
        "Linear",
        "Output",
    ]
    again, _ = from_nir(graph)
    one, other = (outcome(each, True)["cells1"] for each in (net, again))
    assert other == pytest.approx(one, rel=1e-12)


def images() -> Network:
    """A convolution, a mean and a matrix, each one step later than the one before, with a bias."""
    net = Network(seed=1)
    rng = np.random.default_rng(0)
    source = net.population(SpikeSource(), 2 * 36, name="in")
    conv = Conv2d(rng.normal(0.2, 0.3, (3, 2, 3, 3)), input_shape=(2, 6, 6), padding=1)
    pool = SumPool2d(2, input_shape=(3, 6, 6))
    layers = [net.population(DiscreteLIF(), n, name=f"layer{n}") for n in (108, 27, 4)]
    net.connect(source, layers[0], conv, delay=DT)
    net.connect(layers[0], layers[1], pool, weight=0.25, delay=DT)
    net.connect(layers[1], layers[2], AllToAll(), weight=Normal(0.2, 0.2), delay=DT)
    for k, layer in enumerate(layers, 1):
        net.stimulate(layer, Step([k * DT], [[0.1 * (k != 2)]]), name=f"bias{k}")
    net.probe(layers[2], "spikes")
    return net


def test_layers_of_images_are_written_as_layers():
    graph = to_nir(images(), spike="one", dt=DT, edges="layers")
    kinds = [node.type for node in graph.nodes.values()]
    assert sorted(kinds) == sorted(
        [
            "Input",
            "LIF",
            "LIF",
            "LIF",
            "Conv2d",
            "SumPool2d",
            "Scale",
            "Flatten",
            "Affine",
            "Output",
        ]
    )
    assert graph.nodes["layer108"]["tau"].shape == (3, 6, 6)
    again, report = from_nir(graph)
    assert report.late == {"in": 0, "layer108": 1, "layer27": 2, "layer4": 3}
    assert isinstance(again.projections[0].connectivity, Conv2d)
    one, other = (outcome(net, False)["layer4"] for net in (images(), again))
    assert len(one) > 10
    assert np.array_equal(one, other)


@pytest.mark.validate
def test_nir_reads_what_is_written(tmp_path):
    nir = pytest.importorskip("nir", reason="nir is not installed (extra `validate`)")
    for net, edges in (
        (images(), "layers"),
        (spiking(DiscreteLIF()), "step"),
        (spiking(LIF(refractory=0.0)), "none"),
    ):
        graph = to_nir(net, tmp_path / "x.nir", spike="one", dt=DT, edges=edges)
        theirs = nir.read(tmp_path / "x.nir")
        assert set(theirs.nodes) == set(graph.nodes)
        again, _ = from_nir(theirs)
        assert same(again, from_nir(graph)[0]) or {part.name for part in again.populations} == {
            part.name for part in net.populations
        }


@pytest.mark.parametrize("kind", ["Leaky", "Synaptic"])
@pytest.mark.parametrize("reset", ["subtract", "zero", "none"])
def test_a_net_of_snntorch_goes_through_a_file(kind, reset, tmp_path):
    """Written as layers, read back, it makes the spikes of the live module."""
    torch = pytest.importorskip("torch", reason="torch is not installed (extra `torch`)")
    snntorch = pytest.importorskip("snntorch", reason="snntorch is not installed (extra `torch`)")
    torch.manual_seed(1)
    fields = {"threshold": 0.4, "init_hidden": True, "reset_mechanism": reset, "beta": 0.8}
    fields |= {"alpha": 0.6} if kind == "Synaptic" else {}

    def spike_grad(x):  # its own return single precision
        return (x > 0).to(x.dtype)

    layers = [getattr(snntorch, kind)(**fields, spike_grad=spike_grad) for _ in range(2)]
    linear = torch.nn.Linear(20, 30), torch.nn.Linear(30, 10)
    module = torch.nn.Sequential(linear[0], layers[0], linear[1], layers[1]).double()
    given = (torch.rand(60, 20) < 0.3).double()
    with torch.no_grad():
        theirs = torch.stack([module(step[None])[0] for step in given]).numpy()
    to_nir(from_snntorch(module), tmp_path / "x.nir", spike="one", dt=DT, edges="layers")
    net, report = from_nir(tmp_path / "x.nir")
    steps, ids = given.numpy().nonzero()
    source = next(part for part in net.populations if part.name == "source")
    net.stimulate(source, SpikeTrain((steps + 1) * DT, ids))
    late = report.late["3"]
    spikes = Simulator(net, dt=DT, dtype="float64").run((60 + late) * DT).spikes("3")
    ours = np.zeros((60 + late, 10))
    ours[np.rint(spikes.times / DT).astype(int) - 1, spikes.ids] = 1
    assert theirs.sum() > 20
    assert np.array_equal(ours[late:], theirs)
