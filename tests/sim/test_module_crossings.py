"""Modules where features meet: states and batches, parameters that are replaced, odd precisions."""

import copy
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
import torch

from potentia import Network, Simulator
from potentia.errors import ParameterError, UnsupportedError
from potentia.models import LIF, CubaLIF, SpikeSource
from potentia.sim import (
    AllToAll,
    Constant,
    FixedProbability,
    NeuronModel,
    Noise,
    Poisson,
    SpikeTrain,
    Uniform,
)


def layer(model=None, n=4, *, dtype="float64", train=("w",)):
    network = Network(seed=3)
    pixels = network.population(SpikeSource(), 5, name="pixels")
    model = LIF(tau=5e-3, threshold=1.0, refractory=0.0) if model is None else model
    units = network.population(model, n, name="units")
    network.stimulate(pixels, SpikeTrain(), name="image")
    receptor = model.receptors[0]
    weight = Uniform(0.1, 0.9)
    network.connect(pixels, units, AllToAll(), weight=weight, name="w", receptor=receptor)
    network.probe(units, "spikes")
    network.probe(units, "v")
    return Simulator(network, dt=1e-3, backend="torch", dtype=dtype).module(list(train))


def images(batch=2, steps=10):
    generator = torch.Generator().manual_seed(1)
    return {"image": (torch.rand(steps, batch, 5, generator=generator) < 0.4).double()}


def test_a_state_of_another_batch_is_refused_and_one_of_a_single_sample_fits_all():
    module = layer()
    _, state = module(images(2), keep=True)
    rule = r"state: must be of one sample, or of as many as the inputs have \(4\) \(got 2\)"
    with pytest.raises(ParameterError, match=rule):
        module(images(4), state=state)
    _, state = module(images(1), keep=True)
    both = module(images(2), state=state)["units.v"]
    alone = module({"image": images(2)["image"][:, 1:]}, state=state)["units.v"]
    assert torch.equal(both[:, 1:], alone)


def test_a_state_goes_on_without_inputs_in_all_samples():
    module = layer()
    _, state = module(images(3), keep=True)
    silent = {"image": torch.zeros(4, 3, 5)}
    alone = module(steps=4, state=state)["units.v"]
    assert alone.shape == (4, 3, 4)
    assert torch.equal(alone, module(silent, state=state)["units.v"])


@pytest.mark.parametrize("other", [{"n": 7}, {"model": CubaLIF()}, {"dtype": "float32"}])
def test_a_state_of_another_network_is_refused(other):
    _, state = layer(**other)(images(), keep=True)
    with pytest.raises(ParameterError, match="state: must be that of an earlier call of a module"):
        layer()(images(), state=state)


@pytest.mark.parametrize("train", [["w"], ["units.tau"], []])
@pytest.mark.parametrize("precision", ["float16", "bfloat16", "float32"])
def test_another_precision_is_refused(precision, train):
    module = layer(train=train).to(getattr(torch, precision))
    with pytest.raises(ParameterError, match=f"precision: must stay .*float64.*got '{precision}'"):
        module(images())
    assert module.double()(images())["units.v"].dtype == torch.float64


@pytest.mark.parametrize("name", ["w", "units.tau"])
def test_a_parameter_that_takes_the_place_of_another_acts(name):
    module = layer(train=[name])
    values = dict(module.named_parameters())[name].detach() * 0.5
    expected = copy.deepcopy(module)
    with torch.no_grad():
        dict(expected.named_parameters())[name].copy_(values)
    expected = expected(images())["units.v"]
    assert not torch.equal(module(images())["units.v"], expected)
    called = torch.func.functional_call(module, {name: values}, (images(),))["units.v"]
    assert torch.equal(called, expected)
    if name == "w":
        module.w = torch.nn.Parameter(values)
    else:
        module.units["tau"] = torch.nn.Parameter(values)
    seen = module(images())["units.v"]
    assert torch.equal(seen, expected)
    seen.sum().backward()
    assert dict(module.named_parameters())[name].grad.any()


def test_a_parametrised_weight_acts():
    module = layer()
    torch.nn.utils.parametrize.register_parametrization(module, "w", torch.nn.ReLU())
    with torch.no_grad():
        module.parametrizations.w.original.neg_()
    assert not module(images())["units.v"].any()
    assert not Simulator(module.network(), dt=1e-3).weights("w").any()


def test_a_parameter_of_another_shape_is_refused_in_a_call():
    module = layer()
    module.w.data = torch.zeros(7, dtype=torch.float64)
    with pytest.raises(ParameterError, match=r"parameter w: must keep the shape \(20,\).*\(7,\)"):
        module(images())


def test_a_detached_state_ends_the_way_back():
    module = layer()
    with torch.no_grad():
        module.w.mul_(0.1)  # no unit fires, and none forgets what came before
    _, state = module(images(), keep=True)
    assert state.populations["units"]["v"].requires_grad
    short = state.detach()
    assert not short.populations["units"]["v"].requires_grad
    values = [module(images(), state=one)["units.v"] for one in (state, short)]
    assert torch.equal(*values)
    ways = [torch.autograd.grad(one.sum(), module.w)[0] for one in values]
    assert not torch.equal(*ways)


@pytest.mark.parametrize("name", ["forward", "training", "network", "parameters"])
def test_a_population_may_not_bear_the_name_of_what_a_module_has(name):
    network = Network(seed=1)
    units = network.population(LIF(tau=5e-3, threshold=1.0), 2, name=name)
    network.probe(units, "spikes")
    simulator = Simulator(network, dt=1e-3, backend="torch")
    rule = f"train: must not be the name of something that a torch.nn.Module has.*got '{name}'"
    with pytest.raises(ParameterError, match=rule):
        simulator.module([f"{name}.tau"])


def own_step(v, jump, drive, fired, threshold):
    return 0


@pytest.mark.parametrize(
    ("step", "told"),
    [
        (lambda v, nothing: (v, {"v": v}), "argument of tensors.*'nothing'"),
        (lambda v: v, "must return what fired and a dict of the new state"),
        (lambda v: None, "must return what fired and a dict of the new state.*NoneType"),
        (lambda v: (v[:, :1], {"v": v}), r"what fired must have shape \(2, 4\).*\(2, 1\)"),
        (lambda v: (v, {"w": v}), "the new state may hold v.*'w'"),
        (lambda v: (v, {"v": v[:, :1]}), r"'v' must have shape \(2, 4\).*\(2, 1\)"),
    ],
)
def test_a_step_on_tensors_of_ones_own_that_does_not_fit_is_refused(step, told):
    @dataclass(frozen=True, kw_only=True)
    class Own(NeuronModel):
        kernel = staticmethod(own_step)
        tensors = staticmethod(step)
        state: ClassVar = {"v": "float"}
        receptors: ClassVar = ("jump",)

        def constants(self, dt):
            return {"threshold": 1.0}

    with pytest.raises(ParameterError, match=rf"Own\.tensors: .*{told}"):
        layer(Own())(images())


@pytest.mark.parametrize("spikes", [0.0, 1.0])
def test_a_unit_that_sends_numbers_may_not_spike_besides(spikes):
    @dataclass(frozen=True, kw_only=True)
    class Both(NeuronModel):
        kernel = staticmethod(own_step)
        tensors = staticmethod(lambda v, jump: (torch.full_like(v, spikes), {"v": v + jump + 1}))
        state: ClassVar = {"v": "float"}
        receptors: ClassVar = ("jump",)
        sends: ClassVar = "v"

        def constants(self, dt):
            return {"threshold": 1.0}

    if not spikes:
        layer(Both())(images())
        return
    with pytest.raises(
        UnsupportedError, match=r"Both\.tensors: what fired must be 0.*got 8 spikes"
    ):
        layer(Both())(images())


def test_inputs_that_disagree_are_told_with_what():
    module = layer()
    with pytest.raises(ParameterError, match=r"as many steps as are asked for \(5\) \(got 10\)"):
        module(images(), steps=5)
    network = module._plan.network
    network.stimulate(network.populations[1], Constant(0.2), name="constant")
    module = Simulator(network, dt=1e-3, backend="torch").module()
    with pytest.raises(ParameterError, match=r"as many samples as the others \(2\) \(got 1\)"):
        module(images() | {"constant": torch.zeros(1, 1, 4)})


MODELS = {
    "LIF": LIF(tau=Uniform(3e-3, 9e-3), threshold=1.0, refractory=2e-3),
    "CubaLIF": CubaLIF(tau=5e-3, tau_excitatory=3e-3, threshold=0.5),
}


def crossing(model):
    """Several inputs at one place, delays longer than the span, no synapses, single units."""
    network = Network(seed=3)
    pixels = network.population(SpikeSource(), 5, name="pixels")
    units = network.population(model, 4, name="units", initial={"v": Uniform(0.0, 0.5)})
    single = network.population(LIF(tau=5e-3, threshold=1.0), 1, name="single")
    network.stimulate(pixels, Poisson(rate=100.0), name="random")
    network.stimulate(pixels, SpikeTrain(np.array([2e-3, 5e-3, 17e-3]), np.array([1, 2, 4])))
    network.stimulate(units, Noise(mean=0.3, std=0.4), name="noise")
    network.stimulate(units, Constant(np.linspace(0.0, 1.0, 4)), name="constant")
    network.connect(pixels, units, AllToAll(), weight=Uniform(0.1, 0.9), name="w")
    network.connect(pixels, units, FixedProbability(0.0), weight=1.0, name="none")
    network.connect(pixels, units, FixedProbability(0.5), weight=0.3, delay=40e-3, name="late")
    delay = Uniform(1e-3, 5e-3)
    network.connect(units, units, AllToAll(), weight=-0.1, delay=delay, name="recurrent")
    network.connect(units, single, AllToAll(), weight=0.5, name="out")
    network.probe(units, "spikes")
    network.probe(single, "v")
    network.probe(units, "v", every=3e-3, ids=[3, 1])
    network.probe(single, "counts", every=4e-3)
    network.probe(pixels, "counts", every=7e-3, ids=[4, 0])
    network.probe(pixels, "rate", every=3e-3, ids=[2, 1])
    network.probe(units, "rate", every=5e-3)
    return network


@pytest.mark.parametrize("pieces", [(20,), (1, 2, 6, 11)], ids=["whole", "pieces"])
@pytest.mark.parametrize("before", [0, 13])
@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
@pytest.mark.filterwarnings("ignore:Simulator.run. 1 spike of")
def test_a_module_sees_what_a_run_on_the_cpu_records(model, before, pieces):
    network = crossing(model)
    simulators = [
        Simulator(network, dt=1e-3, backend=name, dtype="float64") for name in ("cpu", "torch")
    ]
    for one in simulators if before else ():
        one.run(before * 1e-3)
    module = simulators[1].module([one.name for one in network.projections])
    record, again = (one.run(20e-3) for one in simulators)
    state, parts = None, []
    for steps in pieces:
        seen, state = module(steps=steps, state=state, keep=True)
        parts.append(seen)
    for probe in network.probes:
        seen = torch.cat([part[probe.name] for part in parts])[:, 0].detach().numpy()
        name = probe.target.name
        for own in (record, again):
            if probe.what == "spikes":
                steps, ids = np.nonzero(seen)
                assert np.array_equal(ids, own.spikes(name).ids)
                assert np.allclose((steps + 1 + before) * 1e-3, own.spikes(name).times)
                continue
            values = own.samples(name, probe.what).values
            assert seen.shape == values.shape
            # the sums of matrix products round in another order
            assert np.allclose(seen, values, atol=1e-12)
    assert len(record.spikes("units").ids)


def test_counts_in_pieces_are_those_of_the_batch_and_have_gradients():
    network = layer()._plan.network
    network.probe(network.populations[1], "counts", every=4e-3)
    module = Simulator(network, dt=1e-3, backend="torch", dtype="float64").module(["w"])
    x = images(3)["image"]
    whole = module({"image": x})["units.counts"]
    first, state = module({"image": x[:3]}, keep=True)
    second = module({"image": x[3:]}, state=state)["units.counts"]
    assert first["units.counts"].shape == (0, 3, 4)
    assert torch.equal(whole, second)
    gradients = [torch.autograd.grad(one.sum(), module.w)[0] for one in (whole, second)]
    assert torch.allclose(*gradients, rtol=1e-12)


def test_noise_that_is_not_given_differs_between_samples_and_is_reproducible():
    network = layer()._plan.network
    network.stimulate(network.populations[1], Noise(std=0.5), name="noise")
    network.stimulate(network.populations[1], Constant(0.2), name="constant")
    module = Simulator(network, dt=1e-3, backend="torch", dtype="float64").module()
    image = {"image": torch.zeros(6, 3, 5)}
    v = module(image)["units.v"]
    assert torch.equal(v, module(image)["units.v"])
    assert not torch.equal(v[:, 0], v[:, 1])
    later = module({"image": torch.zeros(6, 2, 5)}, first=1)["units.v"]
    assert torch.equal(later, v[:, 1:])
    # a batch of the cpu draws the same
    samples = Simulator(network, dt=1e-3, backend="cpu", dtype="float64").run(6e-3, batch=3)
    for k, one in enumerate(samples):
        assert np.allclose(one.trace("units", "v"), v[:, k].numpy(), atol=1e-12)
    given = image | {"noise": torch.zeros(6, 3, 4), "constant": torch.zeros(1, 3, 4)}
    assert not module(given)["units.v"].any()
    held = module(image | {"constant": torch.full((1, 3, 4), 0.2)})["units.v"]
    assert torch.allclose(held, v, rtol=1e-12)
