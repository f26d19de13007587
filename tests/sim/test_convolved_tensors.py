"""Convolutions on tensors: the cpu's spikes, and one parameter for the kernel."""

import numpy as np
import pytest
import torch

from potentia import Network, Simulator
from potentia.errors import UnsupportedError
from potentia.models import LIF, SpikeSource
from potentia.sim import Conv1d, Conv2d, Explicit, Poisson, SpikeTrain, StraightThrough, SumPool2d
from potentia.tests.sim.test_convolved_networks import SLIDING, alike, draw, image

DT = 1e-3


@pytest.mark.filterwarnings("ignore::potentia.errors.PotentiaWarning")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("graded", [False, True], ids=["spikes", "numbers"])
@pytest.mark.parametrize("name", SLIDING)
def test_runs_are_those_of_the_cpu(name, graded, dtype):
    """All bits are those of a list on tensors, and spikes in double precision those of the cpu."""
    nets = [image(SLIDING[name](), listed=listed, graded=graded) for listed in (False, True)]
    pair = [Simulator(net, dt=DT, dtype=dtype, backend="torch") for net in nets]
    cpu = Simulator(nets[0], dt=DT, dtype=dtype)
    for seconds in (15e-3, 8e-3):
        here, there = (sim.run(seconds) for sim in pair)
        alike(here, there)
        assert dtype == "float32" or here.hash == cpu.run(seconds).hash
    for one, other in zip(*(sim.run(5e-3, batch=2) for sim in pair), strict=True):
        alike(one, other)


def recurrent(*, listed=False):
    """Pixels that reach their neighbours, and a layer behind them."""
    net = Network(seed=2)
    cells = net.population(LIF(threshold=5e-3, refractory=0.0), 2 * 30, name="cells")
    out = net.population(LIF(threshold=4e-3, refractory=0.0), 3 * 16, name="out")
    net.stimulate(cells, SpikeTrain(), name="pixels")
    around = Conv2d(2e-3 * draw(2, 2, 3, 3), input_shape=(2, 5, 6), padding=1)
    onwards = Conv2d(3e-3 * draw(3, 2, 2, 3, seed=1), input_shape=(2, 5, 6))
    for post, kernel, delay in ((cells, around, 2e-3), (out, onwards, 1e-3)):
        edges = kernel.convolution.edges()
        given = kernel, None
        if listed:
            given = Explicit(edges.sources, edges.targets), edges.weights
        net.connect(cells, post, given[0], weight=given[1], delay=delay, name=f"to_{post.name}")
    for part in (cells, out):
        net.probe(part, "spikes")
        net.probe(part, "v", every=DT)
    return net


def module(net, train, **how):
    return Simulator(net, dt=DT, backend="torch", dtype="float64").module(train, **how)


def pixels(steps, batch=2, n=60):
    generator = torch.Generator().manual_seed(3)
    return 4e-3 * torch.rand(steps, batch, n, generator=generator, dtype=torch.float64)


def test_modules_compute_what_a_list_does():
    """Spikes, and the gradient of a kernel as the sum of those of its synapses."""
    names = ["to_cells", "to_out"]
    made = [module(recurrent(listed=listed), names) for listed in (False, True)]
    seen = [one({"pixels": pixels(25)}) for one in made]
    for name in seen[0]:
        torch.testing.assert_close(seen[0][name], seen[1][name], rtol=0, atol=1e-13)
    assert seen[0]["out.spikes"].sum() > 5
    for one in seen:
        (one["out.v"] ** 2).sum().backward()
    for name, part in zip(names, recurrent().projections, strict=True):
        own = part.connectivity.convolution
        each = getattr(made[1], name).grad.numpy()
        entry = np.arange(own.kernel.size, dtype=float).reshape(own.kernel.shape)
        numbered = Conv2d(entry, input_shape=own.input_shape, padding=part.connectivity.padding)
        belongs = numbered.convolution.edges().weights.astype(int)
        summed = np.bincount(belongs, each, own.kernel.size).reshape(own.kernel.shape)
        kernel = getattr(made[0], name).grad.numpy()
        np.testing.assert_allclose(kernel, summed, rtol=0, atol=1e-12 * np.abs(summed).max())


def test_what_never_changes_is_multiplied_once():
    held = pixels(1).expand(20, -1, -1)
    made = module(recurrent(), [])
    for name, rows in made({"pixels": held}).items():
        torch.testing.assert_close(rows, made({"pixels": held.clone()})[name], rtol=0, atol=1e-13)


KERNELS = {
    "uneven zeros": Conv2d(draw(2, 2, 2, 4), input_shape=(2, 4, 5), padding="same"),
    "groups": Conv2d(draw(4, 1, 2, 2), input_shape=(2, 5, 5), stride=2, dilation=2, groups=2),
    "sequence": Conv1d(draw(2, 1, 3), input_shape=(1, 7), stride=2, padding=1),
}


@pytest.mark.parametrize("name", KERNELS)
def test_gradients(name):
    """Those of finite differences, below threshold, where nothing fires."""
    own = KERNELS[name]
    net = Network(seed=1)
    pre = net.population(SpikeSource(), own.convolution.n_pre, name="pre")
    post = net.population(LIF(threshold=1e3), own.convolution.n_post, name="post")
    net.stimulate(pre, SpikeTrain(), name="drive")
    net.connect(pre, post, own, weight=0.5, delay=2e-3, name="sliding")
    net.probe(post, "v", every=DT)
    made = module(net, ["sliding"], surrogate=StraightThrough())
    assert made.sliding.shape == own.kernel.shape
    np.testing.assert_allclose(made.sliding.detach().numpy(), 0.5 * own.kernel, rtol=1e-15)
    x = (torch.rand(6, 2, pre.n, generator=torch.Generator().manual_seed(1)) < 0.5).double()

    def through(kernel):
        with torch.no_grad():
            made.sliding.copy_(kernel.detach())
        return made({"drive": x})["post.v"][-1]

    kernel = made.sliding.detach().clone()
    weights = torch.linspace(0.5, 1.5, post.n, dtype=torch.float64)
    through(kernel).mul(weights).sum().backward()
    found = made.sliding.grad.clone()
    for place in np.ndindex(*kernel.shape):
        moved = []
        for step in (1e-3, -1e-3):  # the potential is linear in the weights: any step is exact
            other = kernel.clone()
            other[place] += step
            moved.append(float((through(other) * weights).sum().detach()))
        slope = (moved[0] - moved[1]) / 2e-3
        assert abs(slope - float(found[place])) < 1e-9 * max(1.0, abs(slope))


def test_a_trained_kernel_goes_back_to_a_network():
    """Its run by steps and by events makes the spikes of the module."""
    made = module(recurrent(), ["to_out"])
    with torch.no_grad():
        made.to_out.mul_(1.3)
    trained = made.network()
    part = next(one for one in trained.projections if one.name == "to_out")
    assert isinstance(part.connectivity, Conv2d)
    assert part.convolution is not None
    np.testing.assert_array_equal(part.connectivity.kernel, made.to_out.detach().numpy())
    steps, ids = np.repeat(np.arange(20), 3), np.random.default_rng(1).integers(0, 60, 60)
    x = torch.zeros(25, 1, 60, dtype=torch.float64)
    np.add.at(x.numpy(), (steps, 0, ids), 6e-3)
    seen = made({"pixels": x})["out.spikes"][:, 0].detach().numpy()
    assert seen.sum() > 5
    for how in ({"dt": DT, "dtype": "float64"}, {"engine": "event"}):
        simulator = Simulator(trained, **how)
        simulator.stimulate("pixels", SpikeTrain((steps + 1) * DT, ids, 6e-3))
        spikes = simulator.run(25e-3 + DT / 2 if "engine" in how else 25e-3).spikes("out")
        counted = np.zeros_like(seen)
        np.add.at(counted, (np.rint(spikes.times / DT).astype(int) - 1, spikes.ids), 1)
        np.testing.assert_array_equal(counted, seen)


def test_a_pooling_has_no_weights_to_train():
    net = Network(seed=1)
    pre, post = (net.population(LIF(), n, name=name) for n, name in ((16, "pre"), (4, "post")))
    net.stimulate(pre, Poisson(rate=10.0, weight=1e-3))
    net.connect(pre, post, SumPool2d(2, input_shape=(1, 4, 4)), weight=1e-3, name="pool")
    net.probe(post, "spikes")
    simulator = Simulator(net, dt=DT, backend="torch")
    with pytest.raises(
        UnsupportedError, match=r"'pool' has one weight for all .* use a Conv2d with"
    ):
        simulator.module(["pool"])
    assert not list(simulator.module([]).parameters())
