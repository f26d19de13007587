"""Modules where features meet: states and batches, parameters that are replaced, odd precisions."""

import copy

import pytest
import torch

from potentia import Network, Simulator
from potentia.errors import ParameterError
from potentia.models import LIF, CubaLIF, SpikeSource
from potentia.sim import AllToAll, SpikeTrain, Uniform


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
