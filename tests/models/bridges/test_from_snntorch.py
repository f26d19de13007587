"""Modules of snnTorch as networks: the same spikes, step by step; and what is refused."""

from __future__ import annotations

import re
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch")
snn = pytest.importorskip("snntorch")

from torch import nn  # noqa: E402

from potentia import Network, Simulator  # noqa: E402
from potentia.errors import DependencyError, NetworkError, ParameterError  # noqa: E402
from potentia.models import LIF  # noqa: E402
from potentia.models.bridges import from_snntorch, run_steps, to_snntorch  # noqa: E402
from potentia.tests.models.bridges.snntorch_nets import (  # noqa: E402
    KINDS,
    exact_spikes,
    image_net,
    random_input,
    random_net,
    spikes_of,
)

DT = 1e-3
NETS = {"short": 8, "long": 50}
DTYPES = {"float64": torch.float64, "float32": torch.float32}


def compare(net, x, *, dtype="float64", **options):
    """Raise unless a module and the network made of it fire alike; return the number of spikes."""
    simulated = options.pop("simulated", {})
    expected = spikes_of(net, x)
    simulator = Simulator(from_snntorch(net, dt=DT, **options), dt=DT, dtype=dtype, **simulated)
    found = run_steps(simulator, x)
    assert found.keys() >= expected.keys()
    for name, spikes in expected.items():
        np.testing.assert_array_equal(found[name], spikes != 0, err_msg=name)
    return sum(int((spikes != 0).sum()) for spikes in expected.values())


@pytest.mark.parametrize(
    ("dtype", "grid"), [("float64", False), ("float64", True), ("float32", True)]
)
@pytest.mark.parametrize("kind", KINDS)
def test_random_nets(kind, dtype, grid, request):
    """Every spike of random nets; with weights on a grid of 2**-8 sums are exact in float32 too.

    In float64 sums in another order differ by 1e-16, and none of these nets hangs on that.
    """
    total = 0
    for seed in range(NETS[request.config.getoption("--fuzz-size")]):
        net = random_net(kind, seed, dtype=DTYPES[dtype], grid=grid)
        total += compare(net, random_input(net, seed, dtype=DTYPES[dtype]), dtype=dtype)
    assert total > 1000


@pytest.mark.parametrize("kind", ["RLeaky", "Synaptic", "Alpha"])
def test_other_ways_to_run(kind, gpu):
    """The reference, the gpu's kernels on the host, tensors and two threads."""
    net = random_net(kind, 2, grid=True)
    x = random_input(net, 2)
    for simulated in (
        {"backend": "reference"},
        {"backend": gpu},
        {"backend": "torch"},
        {"threads": 2},
    ):
        assert compare(net, x, simulated=simulated) > 0


@pytest.mark.parametrize("kind", KINDS)
def test_numbers_as_inputs(kind):
    """Any numbers reach the first layer as they are."""
    net = random_net(kind, 4)
    x = torch.randn((40, 2, net[0].in_features), dtype=torch.float64)
    assert compare(net, x, inputs="numbers") > 0


@pytest.mark.parametrize("inputs", ["spikes", "numbers"])
@pytest.mark.parametrize("bias", [True, False])
def test_images(inputs, bias):
    """Convolution, pooling of spikes, mean and convolution as one, and a dense readout."""
    net = image_net(bias)
    x = torch.rand((30, 2, 2, 8, 8), dtype=torch.float64)
    x = (x < 0.3).double() if inputs == "spikes" else x
    assert compare(net, x, inputs=inputs, input_shape=(2, 8, 8)) > 300
    network = from_snntorch(net, input_shape=(2, 8, 8))
    assert [part.name for part in network.populations] == [
        "source",
        "lif1",
        "lif2",
        "largest",
        "lif3",
    ]
    assert [part.n for part in network.populations] == [128, 256, 54, 24, 5]


def test_layers_that_are_per_channel():
    """A beta and a threshold (C, 1, 1) hold for all pixels of a channel."""
    torch.manual_seed(3)
    rate = torch.tensor([0.2, 0.9], dtype=torch.float64)[:, None, None]
    layer = snn.Leaky(rate, threshold=0.5 + rate, init_hidden=True, spike_grad=exact_spikes)
    net = nn.Sequential(nn.Conv2d(1, 2, 2), layer).double()
    x = (torch.rand((30, 1, 1, 4, 4)) < 0.5).double()
    assert compare(net, x, input_shape=(1, 4, 4)) > 10
    model = from_snntorch(net, input_shape=(1, 4, 4)).populations[1].model
    np.testing.assert_array_equal(model.decay, np.repeat([0.2, 0.9], 9))


def test_recurrent_convolution():
    torch.manual_seed(4)
    options = {"conv2d_channels": 2, "kernel_size": 3, "init_hidden": True}
    layer = snn.RLeaky(0.8, threshold=0.5, spike_grad=exact_spikes, **options)
    net = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), layer).double()
    x = (torch.rand((30, 2, 1, 4, 4)) < 0.5).double()
    assert compare(net, x, input_shape=(1, 4, 4)) > 30


def test_graded_spikes():
    """A spike that counts 2.5 reaches the next layer, through a pooling too, as 2.5."""
    torch.manual_seed(5)
    options = {"init_hidden": True, "spike_grad": exact_spikes, "threshold": 0.4}
    for between in ([], [nn.MaxPool2d(2)], [nn.AvgPool2d(2)]):
        net = nn.Sequential(
            nn.Conv2d(1, 2, 1),
            snn.Leaky(0.7, graded_spikes_factor=2.5, reset_delay=False, **options),
            *between,
            nn.Flatten(),
            nn.Linear(32 if not between else 8, 6),
            snn.Leaky(0.9, **options),
        ).double()
        x = (torch.rand((30, 1, 1, 4, 4)) < 0.5).double()
        assert compare(net, x, input_shape=(1, 4, 4)) > 30


def test_layers_without_weights_between_them():
    """Neurons right behind the input, and behind neurons."""
    options = {"init_hidden": True, "spike_grad": exact_spikes}
    net = nn.Sequential(snn.Leaky(0.9, **options), snn.Synaptic(0.5, 0.9, threshold=2.0, **options))
    x = (torch.rand((40, 2, 5)) < 0.5).double()
    assert compare(net, x, input_shape=5) > 50


class Net(nn.Module):
    """As the tutorials write them: time inside, states handed on, layers in another order."""

    def __init__(self, between=lambda spikes: spikes):
        super().__init__()
        self.between = between
        self.lif2, self.lif1 = snn.Leaky(0.8), snn.Leaky(0.9)
        self.fc1, self.fc2 = nn.Linear(12, 9), nn.Linear(9, 4)

    def forward(self, x):
        mem1, mem2 = self.lif1.init_leaky(), self.lif2.init_leaky()
        first, second = [], []
        for step in x:
            spikes, mem1 = self.lif1(self.fc1(step.flatten(1)), mem1)
            first.append(spikes)
            spikes, mem2 = self.lif2(self.fc2(self.between(spikes)), mem2)
            second.append(spikes)
        return torch.stack(first), torch.stack(second)


@pytest.mark.parametrize("told", ["sample", "names", "modules"])
def test_modules_of_the_usual_shape(told):
    """Layers in the order of a call that is watched, or as they are listed; the module stays as it
    was.
    """
    torch.manual_seed(6)
    net = Net()
    with torch.no_grad():
        for layer in (net.fc1, net.fc2):
            layer.weight.mul_(256 * 3).round_().div_(256)
            layer.bias.mul_(256).round_().div_(256)
    x = (torch.rand((40, 2, 3, 4)) < 0.5).float()
    named = ["fc1", "lif1", "fc2", "lif2"]
    options = {
        "sample": {"sample": x},
        "names": {"layers": named},
        "modules": {"layers": [getattr(net, name) for name in named]},
    }[told]
    before = net.lif1.mem.clone()
    network = from_snntorch(net, dt=DT, **options)
    assert net.training
    assert torch.equal(net.lif1.mem, before)
    found = run_steps(Simulator(network, dt=DT), x)
    with torch.no_grad():
        expected = net(x)
    for name, spikes in zip(("lif1", "lif2"), expected, strict=True):
        assert spikes.sum() > 30
        np.testing.assert_array_equal(found[name], spikes.numpy() > 0)


def test_a_run_of_single_steps():
    """Spikes of the k-th population behind the input come k steps late; a second run is the same,
    also of booleans.
    """
    net = random_net("Leaky", 7)
    x = random_input(net, 7, samples=1)
    simulator = Simulator(from_snntorch(net), dt=DT, dtype="float64")
    first, again = run_steps(simulator, x), run_steps(simulator, x.bool())
    simulator.stimulate("input", simulator.network.inputs[0].stimulus)
    assert simulator.time == 0.0
    for name in first:
        np.testing.assert_array_equal(first[name], again[name])


def test_trained_on_tensors():
    """A module of torch makes the same spikes, is trained, and is a module of snnTorch again."""
    net = random_net("Leaky", 5, grid=True)
    x = random_input(net, 5)
    simulator = Simulator(from_snntorch(net, dt=DT), dt=DT, backend="torch", dtype="float64")
    lag = len(simulator.network.populations) - 1
    module = simulator.module(["fc1", "fc2"])
    longer = torch.cat([x, torch.zeros((lag, *x.shape[1:]))])
    spikes = module({"input": longer})[f"lif{lag}.spikes"]
    expected = spikes_of(net, x)[f"lif{lag}"]
    np.testing.assert_array_equal(spikes[lag:].detach().numpy(), expected)
    spikes.sum().backward()
    with torch.no_grad():
        for parameter in module.parameters():
            assert parameter.grad.abs().sum() > 0
            parameter.sub_(torch.sign(parameter.grad) / 2)
    trained = module.network()
    found = run_steps(Simulator(trained, dt=DT, dtype="float64"), x)
    again = spikes_of(to_snntorch(trained, dtype="float64", spike_grad=exact_spikes), x)
    assert (found[f"lif{lag}"] != expected).any()
    for name, fired in again.items():
        np.testing.assert_array_equal(found[name], fired > 0)


def sequential(*layers):
    return nn.Sequential(*layers, snn.Leaky(0.9, init_hidden=True))


def named(**layers):
    net = nn.Sequential()
    for name, layer in layers.items():
        net.add_module(name, layer)
    return net


def leaky(**options):
    return snn.Leaky(0.9, init_hidden=True, **options)


@pytest.mark.parametrize("name", ["source", "input", "l/if", "b" * 300, "a_b"])
def test_any_name_of_a_layer_is_taken(name):
    """Names that ours have, that files cannot hold or that two layers have are changed."""
    net = nn.Sequential()
    for own, layer in (
        (name, nn.Linear(3, 3)),
        ("inner", named(a=named(b=leaky()))),
        (f"{name}_bias", nn.Linear(3, 3)),
        (f"{name}2", leaky()),
        (f"{name}2_bias", leaky()),
    ):
        net.add_module(own, layer)
    network = from_snntorch(net)
    assert len(network.populations) == 4
    assert next(part.name for part in network.inputs) == "input"
    x = torch.ones(30, 2, 3)
    found = run_steps(Simulator(network, dt=DT), x)
    for layer in (net[1][0][0], net[3], net[4]):
        layer.reset_mem()
    with torch.no_grad():
        expected = torch.stack([net(step) for step in x])
    np.testing.assert_array_equal(found[network.populations[-1].name], expected > 0)


def test_a_sequential_among_the_layers_that_are_listed():
    torch.manual_seed(2)
    net = nn.ModuleDict({"first": named(fc=nn.Linear(3, 3), lif=leaky()), "last": leaky()})
    network = from_snntorch(net, layers=["first", "last"])
    assert [part.name for part in network.populations] == ["source", "first_lif", "last"]


def _broken(layer, field="weight"):
    with torch.no_grad():
        getattr(layer, field).view(-1)[0] = float("nan")
    return layer


REFUSED = {
    "parts": (
        lambda: from_snntorch(nn.Sequential(nn.ModuleList([nn.Linear(3, 3), leaky()]), leaky())),
        r"'0' is of a type that is not known.*layers=\[..., 0.0, 0.1, ...\] \(got 'ModuleList'\)",
    ),
    "neurons listed twice": (
        lambda: from_snntorch(sequential(nn.Linear(3, 3)), layers=["0", "1", "0", "1"]),
        "must call the neurons '1' once in a step",
    ),
    "weights that are not finite": (
        lambda: from_snntorch(sequential(_broken(nn.Linear(3, 3)))),
        "'0' cannot be taken over: Linear.weight: must be finite everywhere.*nan at index",
    ),
    "biases that are not finite": (
        lambda: from_snntorch(
            sequential(_broken(nn.Conv2d(1, 3, 3), "bias")), input_shape=(1, 5, 5)
        ),
        "'0' cannot be taken over: Conv2d.bias: must be finite everywhere",
    ),
    "complex weights": (
        lambda: from_snntorch(sequential(nn.Linear(3, 3, dtype=torch.complex64))),
        "'0' cannot be taken over: tensor.dtype: must be real numbers",
    ),
    "no weights": (
        lambda: from_snntorch(sequential(nn.Linear(3, 3, device="meta"))),
        "'0' cannot be taken over: tensor.dtype: must be real numbers in memory.*meta",
    ),
    "a shape that cannot be": (
        lambda: from_snntorch(sequential(nn.Unflatten(1, (2, 2))), input_shape=5),
        r"'0' cannot be called with shape \(5,\) behind the batch",
    ),
    "dimensions that are none": (
        lambda: from_snntorch(sequential(nn.Flatten(5)), input_shape=5),
        r"'0' cannot be called with shape \(5,\) behind the batch",
    ),
    "a kernel too large": (
        lambda: from_snntorch(sequential(nn.Conv2d(1, 3, 9)), input_shape=(1, 5, 5)),
        "'0' cannot be taken over: Conv2d.output_shape: the kernel must fit",
    ),
    "a spike that fails": (
        lambda: from_snntorch(
            nn.Sequential(snn.Leaky(0.9, spike_grad=lambda x: x.no)), input_shape=3
        ),
        "spike_grad of '0' must be a function of a tensor, which ends in",
    ),
    "no module": (lambda: from_snntorch(LIF()), "module: must be a torch.nn.Module.*LIF"),
    "unknown layer": (
        lambda: from_snntorch(sequential(nn.Linear(3, 3), nn.BatchNorm1d(3))),
        r"'1' is of a type that is not known, which are Leaky, RLeaky.*Linear.*\(got 'BatchNorm1d'\)",
    ),
    "unknown neurons": (
        lambda: from_snntorch(nn.Sequential(nn.Linear(3, 3), snn.SLSTM(3, 3))),
        "'1' is of a type that is not known.*'SLSTM'",
    ),
    "neurons of one's own": (
        lambda: from_snntorch(nn.Sequential(nn.Linear(3, 3), Leaky(0.9))),
        "'1' is of a type that is not known.*'Leaky'",
    ),
    "unknown order": (
        lambda: from_snntorch(Net()),
        "layers: must list the layers of Net in the order.*sample=",
    ),
    "something in between": (
        lambda: from_snntorch(Net(between=lambda spikes: 2 * spikes), sample=torch.ones(2, 1, 12)),
        "must hand what 'lif1' returns to 'fc2' as it is",
    ),
    "a sample of another shape": (
        lambda: from_snntorch(Net(), sample=torch.ones(2, 1, 5)),
        "sample: must be a tensor that the module can be called with",
    ),
    "no such layer": (
        lambda: from_snntorch(Net(), layers=["fc1", "lif_1"]),
        "layers: must be one of .*did you mean 'lif1'",
    ),
    "largest of currents": (
        lambda: from_snntorch(
            sequential(nn.Conv2d(1, 2, 3), nn.MaxPool2d(2)), input_shape=(1, 8, 8)
        ),
        "'1' must come right behind neurons.*AvgPool2d",
    ),
    "largest of numbers": (
        lambda: from_snntorch(sequential(nn.MaxPool2d(2)), input_shape=(1, 8, 8), inputs="numbers"),
        "'0' must come right behind neurons",
    ),
    "no neurons at the end": (
        lambda: from_snntorch(nn.Sequential(nn.Linear(3, 3))),
        "the last layer must be neurons, which '0' is not",
    ),
    "unknown shape": (
        lambda: from_snntorch(sequential(nn.Conv2d(1, 2, 3))),
        r"input_shape: must be given where the first layer is Conv2d",
    ),
    "wrong shape": (
        lambda: from_snntorch(sequential(nn.Conv2d(1, 2, 3)), input_shape=(2, 8, 8)),
        r"'0' takes an image \(1, H, W\)",
    ),
    "not flat": (
        lambda: from_snntorch(
            sequential(nn.Conv2d(1, 2, 3), nn.Linear(8, 3)), input_shape=(1, 4, 4)
        ),
        "'1' takes 8 features; put a Flatten in front",
    ),
    "inhibition": (
        lambda: from_snntorch(
            nn.Sequential(nn.Linear(3, 3), snn.Leaky(0.9, inhibition=True, init_hidden=True))
        ),
        "'1' must be without inhibition",
    ),
    "another spike": (
        lambda: from_snntorch(
            nn.Sequential(nn.Linear(3, 3), snn.Leaky(0.9, spike_grad=torch.sigmoid))
        ),
        "spike_grad of '1' must be 1 above threshold and 0 below",
    ),
    "threshold": (
        lambda: from_snntorch(nn.Sequential(nn.Linear(3, 3), snn.Leaky(0.9, threshold=-1.0))),
        "threshold of '1' must be > 0",
    ),
    "betas of another layer": (
        lambda: from_snntorch(nn.Sequential(nn.Linear(3, 3), snn.Leaky(torch.ones(4)))),
        r"beta of '1' must fit its layer, of shape \(3,\)",
    ),
    "reset changed": (lambda: from_snntorch(_reset_changed()), "reset_mechanism of '1' must be"),
    "inputs": (
        lambda: from_snntorch(sequential(nn.Linear(3, 3)), inputs="spike"),
        "inputs: must be one of spikes, numbers.*did you mean",
    ),
    "dt": (lambda: from_snntorch(sequential(nn.Linear(3, 3)), dt=0.0), "dt: must be > 0 s"),
}


class Leaky(snn.Leaky):
    """A user's class by the name of one of snnTorch's."""


def _reset_changed():
    net = nn.Sequential(nn.Linear(3, 3), snn.Leaky(0.9))
    net[1].reset_mechanism = "none"
    return net


@pytest.mark.filterwarnings("ignore:Inhibition")
@pytest.mark.parametrize("case", REFUSED)
def test_refused(case):
    make, told = REFUSED[case]
    with pytest.raises(ParameterError) as caught:
        make()
    message = str(caught.value)
    assert re.search(told, message), message
    assert message.startswith("from_snntorch.")
    assert "\n" not in message


def test_bad_runs():
    simulator = Simulator(from_snntorch(random_net("Leaky", 1)), dt=DT)
    n = simulator.network.populations[0].n
    for x, told in (
        (np.full((5, n), 0.5), "x: must be 0 or 1 for inputs that spike.*0.5"),
        (np.zeros((5, n + 1)), f"x: must have shape .* {n} numbers"),
        (np.zeros(n), "x: must have shape"),
    ):
        with pytest.raises(ParameterError, match=told):
            run_steps(simulator, x)
    with pytest.raises(ParameterError, match=r"simulator: must have dt=0\.001"):
        run_steps(Simulator(from_snntorch(random_net("Leaky", 1)), dt=5e-4), np.zeros((5, n)))
    net = Network()
    net.population(LIF(), 3)
    with pytest.raises(NetworkError, match=r"run_steps\.network: must be a row of populations"):
        run_steps(Simulator(net), np.zeros((5, n)))


@pytest.mark.parametrize(
    ("missing", "name"), [("torch", "PyTorch"), ("snntorch", "snnTorch")], ids=["torch", "snntorch"]
)
def test_without_the_package(missing, name, monkeypatch):
    """One sentence where a package is not installed."""
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(
        DependencyError, match=f"from_snntorch: needs {name}, which is not installed"
    ):
        from_snntorch(None)
