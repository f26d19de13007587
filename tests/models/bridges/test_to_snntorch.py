"""Networks as modules of snnTorch, and there and back."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

torch = pytest.importorskip("torch")
snn = pytest.importorskip("snntorch")

from torch import nn  # noqa: E402

from potentia import Network, Simulator  # noqa: E402
from potentia.errors import CapacityError, NetworkError, PotentiaError  # noqa: E402
from potentia.hardware import BreakdownReRAM, Crossbar  # noqa: E402
from potentia.models import (  # noqa: E402
    LIF,
    DiscreteAlphaLIF,
    DiscreteCubaLIF,
    DiscreteLIF,
    SpikeSource,
)
from potentia.models.bridges import from_snntorch, run_steps, to_snntorch  # noqa: E402
from potentia.sim import (  # noqa: E402
    AllToAll,
    Constant,
    Conv2d,
    FixedProbability,
    FixedTotal,
    Ideal,
    Normal,
    OneToOne,
    SpikeTrain,
    Step,
    SumPool2d,
    Uniform,
)
from potentia.tests.models.bridges.snntorch_nets import (  # noqa: E402
    KINDS,
    exact_spikes,
    image_net,
    random_input,
    random_net,
    spikes_of,
)

DT = 1e-3
EXACT = {"dtype": "float64", "spike_grad": exact_spikes}


@pytest.mark.parametrize("kind", KINDS)
def test_there_and_back(kind):
    """The same layers under the same names, the same numbers in them, and the same spikes."""
    for seed in range(8):
        net = random_net(kind, seed, grid=True)
        again = to_snntorch(from_snntorch(net), **EXACT)
        x = random_input(net, seed)
        expected, found = spikes_of(net, x), spikes_of(again, x)
        for name, spikes in expected.items():
            np.testing.assert_array_equal(found[name], spikes, err_msg=f"{kind} {seed} {name}")
        for name, layer in net.named_children():
            assert type(again.get_submodule(name)) is type(layer)
            if isinstance(layer, nn.Linear) and kind not in ("RLeaky", "RSynaptic"):
                for own, values in layer.state_dict().items():
                    assert torch.equal(again.get_submodule(name).state_dict()[own], values)


def test_images_there_and_back():
    """Convolutions and poolings stay such; a mean and the convolution behind it become dense."""
    net = image_net(first=True)
    again = to_snntorch(from_snntorch(net, input_shape=(2, 8, 8)), **EXACT)
    kinds = [type(layer).__name__ for layer in again]
    assert kinds == [
        *("Conv2d", "Leaky", "Flatten", "Linear", "Leaky"),
        *("Unflatten", "MaxPool2d", "Flatten", "Linear", "Leaky"),
    ]
    x = (torch.rand((30, 2, 2, 8, 8), dtype=torch.float64) < 0.3).double()
    expected, found = spikes_of(net, x), spikes_of(again, x)
    for name in ("lif1", "lif2", "lif3"):
        np.testing.assert_array_equal(found[name], expected[name], err_msg=name)


def row(model, *, n=12, recurrent=None, arriving=None, store=None, delay=DT, again=DT, bias=None):
    """Inputs onto one population."""
    net = Network(seed=3)
    source = net.population(SpikeSource(), 9, name="source")
    net.stimulate(source, SpikeTrain(), name="input")
    cells = net.population(model, n, name="cells")
    joins = FixedProbability(0.5) if arriving is None else arriving
    weight = 0.5 if store is not None else Normal(0.2, 0.5)
    net.connect(source, cells, joins, weight=weight, delay=delay, store=store)
    if recurrent is not None:
        net.connect(cells, cells, recurrent, weight=Uniform(-0.3, 0.3), delay=again)
    net.stimulate(cells, Step([DT], [0.05]) if bias is None else bias)
    net.probe(cells, "spikes")
    return net


STRICT = {"inclusive": False}
ROWS = {
    "sparse": lambda: row(DiscreteLIF(reset_at="after", **STRICT)),
    "drawn": lambda: row(DiscreteLIF(reset_at="carried", threshold=Uniform(0.5, 1.5), **STRICT)),
    "value": lambda: row(DiscreteLIF(resets="value", reset_at="spike", **STRICT)),
    "value, late": lambda: row(DiscreteLIF(resets="value", reset_at="after", **STRICT)),
    "value, recurrent": lambda: row(
        DiscreteLIF(resets="value", reset_at="before", **STRICT), recurrent=FixedProbability(0.3)
    ),
    "recurrent": lambda: row(
        DiscreteCubaLIF(reset_at="after", **STRICT), recurrent=AllToAll(autapses=False)
    ),
    "alpha": lambda: row(DiscreteAlphaLIF(resets="subtract", threshold=0.5, **STRICT)),
    "none": lambda: row(DiscreteLIF(resets="none", **STRICT)),
}


@pytest.mark.parametrize("case", ROWS)
def test_networks_of_ones_own(case):
    """Connectivity of any kind as dense layers, a current as biases; the same spikes."""
    net = ROWS[case]()
    x = (torch.rand((60, 2, 9), generator=torch.Generator().manual_seed(1)) < 0.3).double()
    found = run_steps(Simulator(net, dt=DT, dtype="float64"), x)["cells"]
    expected = spikes_of(to_snntorch(net, **EXACT), x)["cells"]
    assert found.sum() > 50
    np.testing.assert_array_equal(found, expected > 0)


def image_row(connectivity, model=None, *, weight=None, store=None, again=None, bias=None):
    """An image onto one population, which may have synapses onto itself."""
    net = Network(seed=5)
    source = net.population(SpikeSource(), math.prod(connectivity.input_shape), name="source")
    net.stimulate(source, SpikeTrain(), name="input")
    n = math.prod(connectivity.output_shape)
    model = model or DiscreteLIF(reset_at="after", threshold=np.linspace(0.5, 1.5, n), **STRICT)
    cells = net.population(model, n, name="cells")
    net.connect(source, cells, connectivity, weight=weight, delay=DT, store=store)
    if again is not None:
        own, factor = again
        net.connect(cells, cells, own, weight=factor, delay=DT)
    if bias is not None:
        net.stimulate(cells, Step([DT], bias(n)[None]))
    net.probe(cells, "spikes")
    return net


def kernel(*shape):
    return np.random.default_rng(7).normal(0.2, 0.7, shape)


IMAGE = {"input_shape": (2, 5, 4)}
ANY = DiscreteLIF(decay=0.0, threshold=0.5, resets="none")
ROUNDED = Ideal(bits=3)
# what a network is made of, and the layers that stand for it
IMAGES = {
    "convolution": (lambda: image_row(Conv2d(kernel(3, 2, 2, 3), **IMAGE)), ["Conv2d"]),
    "rounded": (
        lambda: image_row(Conv2d(kernel(3, 2, 2, 3), **IMAGE), store=ROUNDED),
        ["Flatten", "Linear"],
    ),
    "uneven currents": (
        lambda: image_row(Conv2d(kernel(3, 2, 2, 3), **IMAGE), bias=lambda n: np.linspace(0, 1, n)),
        ["Flatten", "Linear"],
    ),
    "even currents": (
        lambda: image_row(Conv2d(kernel(3, 2, 2, 3), **IMAGE), bias=lambda n: np.full(n, 0.1)),
        ["Conv2d"],
    ),
    "sum": (lambda: image_row(SumPool2d(2, **IMAGE)), ["AvgPool2d"]),
    "any weight": (lambda: image_row(SumPool2d(2, **IMAGE), weight=0.3), ["Flatten", "Linear"]),
    "below 0": (lambda: image_row(SumPool2d(2, **IMAGE), weight=-0.5), ["Flatten", "Linear"]),
    "by name": (
        lambda: image_row(SumPool2d(3, stride=1, padding="same", **IMAGE), weight=0.5),
        ["AvgPool2d"],
    ),
    "wide zeros": (lambda: image_row(SumPool2d(2, padding=2, **IMAGE)), ["Flatten", "Linear"]),
    "any": (lambda: image_row(SumPool2d(2, **IMAGE), ANY), ["MaxPool2d"]),
    "on itself": (
        lambda: image_row(
            Conv2d(kernel(3, 2, 2, 3), **IMAGE),
            again=(Conv2d(-kernel(3, 3, 3, 1), input_shape=(3, 4, 2), padding=(1, 0)), 0.3),
        ),
        ["Conv2d"],
    ),
    "even kernels on itself": (
        lambda: image_row(
            Conv2d(kernel(3, 2, 2, 3), **IMAGE),
            again=(Conv2d(-kernel(3, 3, 2, 1), input_shape=(3, 4, 2), padding="same"), 0.3),
        ),
        ["Conv2d", "Flatten"],
    ),
    "drawn on itself": (
        lambda: image_row(Conv2d(kernel(3, 2, 2, 3), **IMAGE), again=(OneToOne(), Normal(0, 0.4))),
        ["Conv2d"],
    ),
}


@pytest.mark.parametrize("case", IMAGES)
def test_images_of_ones_own(case):
    """Layers of torch where it has such, else dense ones; the same spikes."""
    make, layers = IMAGES[case]
    net = make()
    shape = net.projections[0].connectivity.input_shape
    x = (torch.rand((40, 2, *shape), generator=torch.Generator().manual_seed(1)) < 0.3).double()
    found = run_steps(Simulator(net, dt=DT, dtype="float64"), x)["cells"]
    module = to_snntorch(net, **EXACT)
    assert [type(layer).__name__ for layer in module][: len(layers)] == layers
    with torch.no_grad():
        expected = np.stack([module(step).flatten(1).numpy() > 0 for step in x])
    assert found.sum() > 20 or case == "below 0"
    np.testing.assert_array_equal(found, expected)


def test_one_weight_per_unit():
    """Unit to unit with a weight each, and twice 1 for each, which needs no layer."""
    net = row(DiscreteLIF(reset_at="after", **STRICT))
    before = net.populations[-1]
    for weight in (np.linspace(0.5, 2, 12), np.ones(12)):
        after = net.population(DiscreteLIF(reset_at="after", **STRICT), 12)
        net.connect(before, after, OneToOne(), weight=weight, delay=DT)
        net.probe(after, "spikes")
        before = after
    x = (torch.rand((60, 2, 9), generator=torch.Generator().manual_seed(1)) < 0.3).double()
    module = to_snntorch(net, **EXACT)
    kinds = [type(layer).__name__ for layer in module]
    assert kinds == ["Linear", "Leaky", "Linear", "Leaky", "Leaky"]
    found = run_steps(Simulator(net, dt=DT, dtype="float64"), x)[before.name]
    assert found.any()
    with torch.no_grad():
        expected = np.stack([module(step).numpy() > 0 for step in x])
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("name", ["forward", "training", "weight", "f_c", "T_destination", "a b"])
def test_any_name_of_a_population_is_taken(name):
    net = Network()
    source = net.population(SpikeSource(), 3, name="source")
    cells = net.population(DiscreteLIF(reset_at="after", **STRICT), 3, name=name)
    net.connect(source, cells, AllToAll(), weight=1.0, delay=DT, name="f c")
    module = to_snntorch(net)
    assert [type(layer).__name__ for layer in module] == ["Linear", "Leaky"]
    assert module(torch.ones(1, 3)).shape == (1, 3)


def test_a_matrix_that_is_too_large_is_refused():
    net = Network()
    source = net.population(SpikeSource(), 20_000, name="source")
    cells = net.population(DiscreteLIF(reset_at="after", **STRICT), 20_000, name="cells")
    net.connect(source, cells, FixedTotal(10), weight=1.0, delay=DT)
    with pytest.raises(CapacityError, match="would become a matrix of 20,000 x 20,000; at most"):
        to_snntorch(net)


def test_a_module_that_trains():
    """In float32 with snnTorch's own surrogate, gradients reach every weight."""
    module = to_snntorch(row(DiscreteLIF(reset_at="after", **STRICT)))
    total = sum(module(x).sum() for x in (torch.rand((20, 4, 9)) < 0.5).float())
    total.backward()
    weight = module[0].weight
    assert weight.dtype == torch.float32
    assert weight.grad.abs().sum() > 0


REFUSED = {
    "another model": (lambda: row(LIF()), "no equal of a model other than DiscreteLIF.*'cells'"),
    "inclusive": (lambda: row(DiscreteLIF()), "no equal of units that fire at threshold"),
    "reset": (
        lambda: row(DiscreteLIF(reset_at="spike", **STRICT)),
        "no equal of resets='subtract' with reset_at='spike'",
    ),
    "offset": (
        lambda: row(DiscreteLIF(reset_at="after", offset=0.1, **STRICT)),
        "no equal of a current into v alone",
    ),
    "value": (
        lambda: row(DiscreteLIF(resets="value", reset_value=0.1, **STRICT)),
        "no equal of a reset to another value than 0",
    ),
    "gains": (
        lambda: row(DiscreteLIF(reset_at="after", gain=np.full(12, 2.0), **STRICT)),
        "no equal of a gain per unit",
    ),
    "currents": (
        lambda: row(DiscreteCubaLIF(reset_at="after", moved_by="old", **STRICT)),
        "no equal of currents that act a step later",
    ),
    "delay": (
        lambda: row(DiscreteLIF(reset_at="after", **STRICT), delay=2 * DT),
        r"every delay must be one step, dt = 0.001 s \(got 0.002 s",
    ),
    "delays": (
        lambda: row(DiscreteLIF(reset_at="after", **STRICT), delay=np.repeat([DT, 3 * DT], 120)),
        r"every delay must be one step, dt = 0.001 s \(got array",
    ),
    "a law of delays": (
        lambda: row(DiscreteLIF(reset_at="after", **STRICT), delay=Uniform(DT, 3 * DT)),
        r"every delay must be one step, dt = 0.001 s \(got Uniform",
    ),
    "a long way back": (
        lambda: row(DiscreteLIF(reset_at="after", **STRICT), recurrent=AllToAll(), again=2 * DT),
        r"every delay must be one step, dt = 0.001 s \(got 0.002 s of 'cells->cells'",
    ),
    "current": (
        lambda: row(DiscreteLIF(reset_at="after", **STRICT), bias=Constant(0.1)),
        r"'cells.input' must be Step\(\[0.001\], ...\).*Constant",
    ),
    "store": (
        lambda: row(
            DiscreteLIF(reset_at="after", **STRICT),
            store=Crossbar(BreakdownReRAM()),
            arriving=AllToAll(),
        ),
        "no equal of a store such as Crossbar",
    ),
    "nothing": (Network, "must be a row of populations.*got 0 populations"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case):
    make, told = REFUSED[case]
    with pytest.raises(PotentiaError) as caught:
        to_snntorch(make())
    message = str(caught.value)
    assert re.search(told, message), message
    assert message.startswith("to_snntorch.network: ")


@pytest.mark.parametrize("again", [2 * DT, Uniform(DT, 3 * DT)], ids=["two steps", "a law"])
def test_steps_are_run_of_single_steps_alone(again):
    net = row(DiscreteLIF(reset_at="after", **STRICT), recurrent=AllToAll(), again=again)
    told = (
        r"run_steps.network: must have one delay for all synapses, a step, .* s of 'cells->cells'"
    )
    with pytest.raises(NetworkError, match=told):
        run_steps(Simulator(net, dt=DT), np.zeros((5, 9)))


def test_no_delay_is_taken_for_a_step_because_both_are_short():
    net = row(DiscreteLIF(reset_at="after", **STRICT), delay=5e-9)
    with pytest.raises(NetworkError, match="every delay must be one step, dt = 1e-09 s"):
        to_snntorch(net, dt=1e-9)


def test_two_ways_are_no_row():
    net = row(DiscreteLIF(reset_at="after", **STRICT))
    more = net.population(DiscreteLIF(reset_at="after", **STRICT), 3)
    net.connect(net.populations[0], more, AllToAll(), weight=1.0, delay=DT)
    with pytest.raises(PotentiaError, match="must be a row of populations"):
        to_snntorch(net)
