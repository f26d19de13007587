"""Networks as modules of snnTorch, and there and back."""

from __future__ import annotations

import re

import numpy as np
import pytest

torch = pytest.importorskip("torch")
snn = pytest.importorskip("snntorch")

from torch import nn  # noqa: E402

from potentia import Network, Simulator  # noqa: E402
from potentia.errors import NetworkError, PotentiaError  # noqa: E402
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
    FixedProbability,
    Normal,
    SpikeTrain,
    Step,
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
