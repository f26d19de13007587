"""Weights on crossbars that are trained on tensors, and the networks that come of it."""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np
import pytest
import torch

from potentia import Network, Simulator
from potentia.errors import UnsupportedError
from potentia.hardware import ADC, DAC, Crossbar, PulsedReRAM, StuckAt, Wires
from potentia.kernels.torch.surrogate import Spike
from potentia.models import LIF, LeakyRate, SpikeSource
from potentia.sim import (
    AllToAll,
    Choice,
    Constant,
    Ideal,
    Normal,
    SpikeTrain,
    Store,
    TensorStore,
    Uniform,
)

from .test_crossbar_tensors import BATCH, DT, GRADED, SIGNS, STEPS, STORES, given, spikes, spiking

TRAINED = {name: store for name, store in STORES.items() if name != "both"}
QUIET = PulsedReRAM(read_noise=0.0)
NOISY = PulsedReRAM(read_noise=0.05)


def weighted(values):
    """A sum in which no two numbers cancel by accident."""
    generator = torch.Generator().manual_seed(values.numel())
    return (values * torch.randn(values.shape, generator=generator, dtype=values.dtype)).sum()


def loss_of(module, x):
    outputs = module({"image": x})
    return weighted(outputs["units.v"]) * 1e3 + weighted(outputs["units.spikes"])


def smooth(module):
    """Let units send a curve in the place of the step, so that gradients are exact."""
    for units in module._tensors.units.values():
        units.spike = Spike("arctan", 2.0, through_reset=True, smooth=True)


def differences(value, sums, generator, step=1e-6):
    """A way through the space of weights, and the difference quotient of `sums` along it.

    The largest weight stays, for it is the range of the devices, which gradients take as given.
    """
    way = torch.randn(value.shape, generator=generator, dtype=value.dtype)
    way = way * float(value.detach().abs().max())
    way[value.detach().abs().argmax()] = 0.0
    found = []
    for sign in (1.0, -1.0):
        with torch.no_grad():
            value.add_(way, alpha=sign * step)
            found.append(float(sums().detach()))
            value.add_(way, alpha=-sign * step)
    return way, (found[0] - found[1]) / (2 * step)


@pytest.mark.parametrize("density", [0.6, 1.0])
@pytest.mark.parametrize("listed", [False, True], ids=["matrices", "lists"])
@pytest.mark.parametrize("device", [QUIET, NOISY], ids=["quiet", "noisy"])
def test_gradients_are_those_of_finite_differences(device, listed, density, monkeypatch):
    """Where nothing rounds: of weights, of what reading them draws, and through both layers."""
    from potentia.hardware.crossbars import blocks

    if listed:
        monkeypatch.setattr(blocks, "SMALL", 0)
        monkeypatch.setattr(blocks, "DENSE", 2.0)
    net = spiking(Crossbar(device, adc=None), density=density)
    module = Simulator(net, dt=DT, backend="torch", dtype="float64").module(["w_in", "w_rec"])
    smooth(module)
    x = spikes()[:8]
    generator = torch.Generator().manual_seed(1)
    for value in module.parameters():
        gradient = torch.autograd.grad(loss_of(module, x), value)[0]
        way, expected = differences(value, partial(loss_of, module, x), generator)
        # the square of the step 1e-6 and rounding of 1e-16 over it
        assert float((gradient * way).sum()) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("parts", "step", "error"),
    [
        ({"adc": ADC(bits=16)}, 1e-3, 0.04),
        ({"adc": None, "wires": Wires(r_word=5.0, r_bit=5.0)}, 1e-5, 0.02),
    ],
    ids=["converters", "wires"],
)
def test_gradients_pass_converters_and_wires_nearly(parts, step, error):
    """Rounding is as good as none over many codes, and wires let most of a cell through.

    A way of a thousandth crosses some 20 codes at each column, so it is off by a few hundredths.
    Behind wires a cell's gradient is its own share of the current, not what it takes from others.
    """
    net = spiking(Crossbar(QUIET, **parts))
    module = Simulator(net, dt=DT, backend="torch", dtype="float64").module(["w_in"])
    smooth(module)
    x, generator = spikes()[:8], torch.Generator().manual_seed(1)
    gradient = torch.autograd.grad(loss_of(module, x), module.w_in)[0]
    sums = partial(loss_of, module, x)
    way, expected = differences(module.w_in, sums, generator, step=step)
    assert float((gradient * way).sum()) == pytest.approx(expected, rel=error)


def driven(store, weight=None):
    """Numbers through a crossbar with drivers."""
    net = Network(seed=5)
    pre = net.population(LeakyRate(tau=3e-3, activation="logistic"), 8, name="pre")
    post = net.population(LeakyRate(tau=4e-3, activation="linear"), 5, name="post")
    net.stimulate(pre, Constant(0.5), name="x")
    weight = Normal(0.0, 1.0) if weight is None else weight
    delay = Uniform(DT, 3 * DT)
    net.connect(pre, post, AllToAll(), weight=weight, delay=delay, store=store, name="w")
    net.probe(post, "r")
    return Simulator(net, dt=DT, backend="torch", dtype="float64")


@pytest.mark.parametrize("device", [QUIET, NOISY], ids=["quiet", "noisy"])
def test_gradients_of_what_numbers_drive(device):
    """Of weights and of the numbers themselves, whose range no gradient needs to know."""
    module = driven(Crossbar(device, adc=None)).module(["w"])
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(6, BATCH, 8, generator=generator, dtype=torch.float64, requires_grad=True)
    gradient, of_x = torch.autograd.grad(weighted(module({"x": x})["post.r"]), (module.w, x))
    way, expected = differences(module.w, lambda: weighted(module({"x": x})["post.r"]), generator)
    assert float((gradient * way).sum()) == pytest.approx(expected, rel=1e-6)
    step = 1e-6 * torch.randn(x.shape, generator=generator, dtype=x.dtype)
    ends = [float(weighted(module({"x": x + sign * step})["post.r"]).detach()) for sign in (1, -1)]
    assert float((of_x * step).sum()) == pytest.approx((ends[0] - ends[1]) / 2, rel=1e-5)


def test_what_is_clipped_has_no_gradient():
    """Neither behind converters of columns nor behind drivers of rows."""
    for store in (
        Crossbar(QUIET, adc=ADC(bits=8, range=1e-9)),
        Crossbar(QUIET, adc=None, dac=DAC(bits=8, range=1e-3)),
    ):
        module = driven(store).module(["w"])
        x = torch.ones(6, BATCH, 8, dtype=torch.float64, requires_grad=True)
        module({"x": x})["post.r"].sum().backward()
        assert not (module.w.grad if store.dac is None else x.grad).any()


def test_cells_that_are_stuck_have_no_gradient():
    device = PulsedReRAM(faults=StuckAt(low=0.5, high=0.0))
    module = driven(Crossbar(device, adc=None)).module(["w"])
    x = torch.ones(9, 1, 8, dtype=torch.float64)
    module({"x": x})["post.r"].sum().backward()
    free = module.w.grad != 0
    assert 0.3 < float(free.double().mean()) < 0.7
    weights = module.w.detach().clone()
    before = module({"x": x})["post.r"].detach()
    with torch.no_grad():
        module.w.copy_(torch.where(free, weights, 0.99 * weights))
    assert torch.equal(before, module({"x": x})["post.r"].detach())


@pytest.mark.parametrize("store", TRAINED.values(), ids=TRAINED)
def test_the_network_that_a_module_gives_back_makes_its_spikes(store):
    """On the cpu, sample by sample, from devices written anew."""
    net = spiking(store, weight=signed(store))
    simulator = Simulator(net, dt=DT, backend="torch", dtype="float64")
    module = simulator.module(["w_in", "w_rec"])
    before = module({"image": spikes()})["units.spikes"]
    # steps of Adam are as long as its rate: two of them switch weights of one magnitude
    optimizer = torch.optim.Adam(module.parameters(), lr=0.4e-3)
    for _ in range(2):
        optimizer.zero_grad()
        loss_of(module, spikes()).backward()
        optimizer.step()
    after = module({"image": spikes()})
    assert not torch.equal(before, after["units.spikes"])
    network = module.network()
    for sample in range(BATCH):
        cpu = Simulator(network, dt=DT, backend="cpu", dtype="float64")
        cpu.stimulate("image", given(spikes(), sample))
        result = cpu.run(STEPS * DT, batch=1, first=sample)[0]
        steps, units = np.nonzero(after["units.spikes"][:, sample].detach().numpy())
        assert np.array_equal(result.spikes("units").ids, units)
        assert np.allclose(result.spikes("units").times, (steps + 1) * DT, atol=1e-9)
    assert len(result.spikes("units").ids)
    if not store.device.graded:
        described = next(one for one in network.projections if one.name == "w_in").weight
        assert np.allclose(np.unique(described), [-1e-3, 0.0, 1e-3], atol=1e-15)


def signed(store):
    """Weights of one magnitude for devices that hold no others."""
    return None if store.device.graded else Choice((-1e-3, 1e-3))


def classes(store, weight):
    """Sixteen pixels to two units, one for each class, whose potentials are never reset."""
    net = Network(seed=11)
    pixels = net.population(SpikeSource(), 16, name="pixels")
    units = net.population(LIF(tau=20e-3, threshold=1.0), 2, name="units")
    net.stimulate(pixels, SpikeTrain(), name="image")
    net.connect(pixels, units, AllToAll(), weight=weight, delay=DT, store=store, name="w")
    net.probe(units, "v")
    return net


def examples(n, seed):
    """Two classes of images, of which each pixel is wrong with a chance of one in five."""
    rng = np.random.default_rng(seed)
    kinds = np.random.default_rng(0).random((2, 16)) < 0.5
    labels = rng.integers(2, size=n)
    images = kinds[labels] ^ (rng.random((n, 16)) < 0.2)
    return torch.from_numpy(np.tile(images.astype(np.float64), (6, 1, 1))), torch.from_numpy(labels)


@pytest.mark.parametrize("device", [GRADED, SIGNS], ids=["graded", "signs"])
def test_what_is_trained_on_tensors_classifies_on_devices(device):
    """Event by step on the cpu, beside the same devices with the weights that it began with."""
    weight = Normal(0.0, 1e-3) if device.graded else Choice((-1e-3, 1e-3))
    simulator = Simulator(
        classes(Crossbar(device, wires=Wires(r_word=2.0, r_bit=2.0)), weight),
        dt=DT,
        backend="torch",
        dtype="float64",
    )
    module = simulator.module(["w"])
    optimizer = torch.optim.Adam(module.parameters(), lr=2e-4)
    x, labels = examples(64, seed=1)
    for epoch in range(40):
        optimizer.zero_grad()
        v = module({"image": x}, first=64 * epoch)["units.v"][-1]
        torch.nn.functional.cross_entropy(v / 2e-3, labels).backward()
        optimizer.step()
    test, wanted = examples(200, seed=2)
    found = []
    for network in (module.network(), simulator.network):
        cpu = Simulator(network, dt=DT, backend="cpu", dtype="float64")
        trains = [given(test, sample) for sample in range(200)]
        results = cpu.run(6 * DT, inputs={"image": trains}, batch=200)
        best = [int(result.trace("units", "v")[-1].argmax()) for result in results]
        found.append(np.mean(np.array(best) == wanted.numpy()))
    # 16 pixels of which a fifth is wrong leave a few in a hundred; chance is one half

    assert found[0] > 0.8
    assert found[1] < found[0] - 0.1


def test_what_cannot_be_trained_is_refused():
    both = Simulator(spiking(STORES["both"]), dt=DT, backend="torch")
    with pytest.raises(
        UnsupportedError, match=r"'w_in' lives in a Crossbar whose pairs.*pairs='one'"
    ):
        both.module(["w_in"])
    nothing = Simulator(spiking(Crossbar(QUIET), weight=0.0), dt=DT, backend="torch")
    with pytest.raises(UnsupportedError, match="weights of 'w_in' are all 0"):
        nothing.module(["w_in"])


@dataclass(frozen=True, kw_only=True)
class Halved(Store):
    """A user's own store, which brings half of each weight."""

    tells: bool = True

    def prepare(self, projection):
        given = np.broadcast_to(projection.synapses.weights, (projection.synapses.n,))
        weights = projection.signal("weights", "store", "float", given.shape, 0.5 * given)
        return {"weights": weights}

    def read(self, projection, scope):
        waking = projection.build.waking(projection.names["receiving"])
        own = {**projection.listed(), **scope, **waking, "pending": projection.pending()}
        projection.operator(projection.phase, "deliver_step", own)

    def program(self, projection, scope, proposals):
        raise NotImplementedError

    def weights(self, projection, memory):
        return memory[f"{projection.name}.weights"].astype(np.float64)

    def tensors(self, projection, memory):
        return HalvedTensors(projection, memory) if self.tells else None


class HalvedTensors(TensorStore):
    trains: ClassVar = True

    def __init__(self, projection, memory):
        self.synapses = projection.synapses
        self.halves = memory[f"{projection.name}.weights"]
        segment = torch.from_numpy(self.synapses.segments().astype(np.int64))
        self.source = segment // self.synapses.lags.size
        self.lag = torch.from_numpy(self.synapses.lags)[segment % self.synapses.lags.size]

    def begin(self):
        return 2 * self.halves.astype(np.float64) if self.trains else None

    def ready(self, trained, like):
        return torch.from_numpy(self.halves).to(like) if trained is None else 0.5 * trained

    def arriving(self, ready, sent, depth, moment):
        time = torch.arange(sent.shape[0] - depth)[:, None]
        reached = sent[depth + time - self.lag, :, self.source] * ready[:, None]  # (time, n, batch)
        targets = torch.from_numpy(self.synapses.targets.astype(np.int64))
        rows = reached.new_zeros(len(time), self.synapses.n_post, sent.shape[1])
        return rows.index_add(1, targets, reached).transpose(1, 2)


def test_a_store_of_ones_own_says_how_it_is_read(monkeypatch):
    x = spikes()
    own = Simulator(spiking(Halved(), weight=2e-3), dt=DT, backend="torch", dtype="float64")
    plain = Simulator(spiking(Ideal(), weight=1e-3), dt=DT, backend="torch", dtype="float64")
    found, expected = (one.module(["w_in"]) for one in (own, plain))
    assert torch.allclose(found.w_in, 2 * expected.w_in)
    seen, wanted = (one({"image": x})["units.v"] for one in (found, expected))
    assert torch.allclose(seen, wanted, atol=1e-15)
    seen.sum().backward()
    wanted.sum().backward()
    assert torch.allclose(found.w_in.grad, 0.5 * expected.w_in.grad)
    for simulator in (own, Simulator(own.network, dt=DT, backend="cpu", dtype="float64")):
        simulator.stimulate("image", given(x))
        assert np.allclose(simulator.run(STEPS * DT).trace("units", "v"), seen.detach()[:, 0])
    assert len(found.network().projections) == 2
    monkeypatch.setattr(HalvedTensors, "trains", False)
    with pytest.raises(UnsupportedError, match="weights of 'w_in' live in Halved, which does not"):
        own.module(["w_in"])
    with pytest.raises(UnsupportedError, match="'torch' does not run Halved of w_in"):
        Simulator(spiking(Halved(tells=False), weight=2e-3), dt=DT, backend="torch")
