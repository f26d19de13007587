"""A network as a torch module: its gradients, and the network that it gives back."""

import copy
import io
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest
import torch

from potentia import Network, Simulator
from potentia.errors import NetworkError, ParameterError, UnsupportedError
from potentia.kernels.torch import lif_layer
from potentia.kernels.torch.surrogate import Spike
from potentia.models import (
    LIF,
    AdaptiveLIF,
    AlphaLIF,
    CobaLIF,
    CubaLIF,
    DiscreteAlphaLIF,
    DiscreteCubaLIF,
    DiscreteLIF,
    LeakyRate,
    RateSource,
    SpikeSource,
)
from potentia.sim import (
    AllToAll,
    ArcTan,
    Constant,
    FastSigmoid,
    FixedProbability,
    Noise,
    Normal,
    Poisson,
    SpikeTrain,
    StraightThrough,
    Surrogate,
    Triangular,
    Uniform,
)
from potentia.sim.tensors import wiring

STEPS, BATCH = 12, 3


def layers(model=None, *, dtype="float64", recurrent=False, delay=1e-3, density=1.0):
    """Spikes into `model` units, and from those into leaky readouts."""
    network = Network(seed=2)
    pixels = network.population(SpikeSource(), 6, name="pixels")
    hidden = network.population(
        LIF(tau=5e-3, threshold=1.0, refractory=0.0) if model is None else model, 5, name="hidden"
    )
    readout = network.population(LIF(tau=4e-3, threshold=1.0, refractory=2e-3), 3, name="readout")
    network.stimulate(pixels, SpikeTrain(), name="image")
    joins = AllToAll() if density == 1.0 else FixedProbability(density)
    receptor = hidden.model.receptors[0]
    network.connect(
        pixels, hidden, joins, weight=Uniform(0.1, 0.9), delay=delay, name="w_in", receptor=receptor
    )
    network.connect(hidden, readout, joins, weight=Normal(0.1, 0.15), delay=delay, name="w_out")
    if recurrent:
        network.connect(
            hidden, hidden, joins, weight=0.2, delay=2e-3, name="w_rec", receptor=receptor
        )
    network.probe(readout, "spikes")
    network.probe(hidden, "spikes")
    network.probe(readout, "v")
    return Simulator(network, dt=1e-3, backend="torch", dtype=dtype)


def spikes(seed=0, share=0.4):
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(STEPS, BATCH, 6, generator=generator) < share).double()


def smooth(module, through_reset=True):
    """Let units send a curve in the place of the step, so that gradients are exact."""
    for units in module._tensors.units.values():
        units.spike = Spike("arctan", 2.0, through_reset=through_reset, smooth=True)


MODELS = {
    "LIF": LIF(tau=5e-3, threshold=1.0, refractory=0.0),
    "LIF that rests": LIF(tau=5e-3, threshold=1.0, refractory=2e-3),
    "LIF per unit": LIF(tau=np.linspace(3e-3, 9e-3, 5), threshold=np.linspace(0.8, 1.2, 5)),
    "AdaptiveLIF": AdaptiveLIF(tau=5e-3, threshold=1.0, increment=0.3, tau_adaptation=9e-3),
    "CubaLIF": CubaLIF(tau=5e-3, tau_excitatory=3e-3, threshold=0.5, refractory=0.0),
    "AlphaLIF": AlphaLIF(tau=5e-3, tau_excitatory=3e-3, threshold=0.5, refractory=0.0),
    "CobaLIF": CobaLIF(
        tau=5e-3, rest=0.0, reset=0.0, threshold=0.5, reversal_excitatory=2.0, refractory=0.0
    ),
    "DiscreteLIF": DiscreteLIF(reset_at="after", inclusive=False),
    "DiscreteLIF to a value": DiscreteLIF(resets="value", reset_at="before"),
    "DiscreteCubaLIF": DiscreteCubaLIF(reset_at="carried", threshold=np.linspace(0.8, 1.2, 5)),
    "DiscreteAlphaLIF": DiscreteAlphaLIF(resets="subtract"),
}


@pytest.mark.parametrize("recurrent", [False, True], ids=["forward", "recurrent"])
@pytest.mark.parametrize("density", [1.0, 0.6])
@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_gradients_are_those_of_finite_differences(model, density, recurrent, monkeypatch):
    from potentia.sim.tensors import wiring

    if density < 1.0:
        monkeypatch.setattr(wiring, "SMALL", 0)
        monkeypatch.setattr(wiring, "DENSE", 2.0)
    delay = Uniform(1e-3, 3e-3) if density < 1.0 else 1e-3
    simulator = layers(model, recurrent=recurrent, density=density, delay=delay)
    names = [one.name for one in simulator.network.projections]
    own = next(field for field in ("tau", "decay", "decay_inhibitory") if hasattr(model, field))
    trained = [*names, f"hidden.{own}", "hidden.threshold", "readout.threshold"]
    module = simulator.module(trained)
    smooth(module)
    parameters = dict(module.named_parameters())
    assert set(parameters) == set(trained)
    for name, value in parameters.items():
        whole = sum(map(weighted, seen(module)))
        gradient = torch.autograd.grad(whole, value)[0]
        generator = torch.Generator().manual_seed(1)
        way = torch.randn(value.shape, generator=generator, dtype=value.dtype)
        way = way * float(value.detach().abs().max())
        # the step: rounding of 1e-16 over 1e-6 leaves 1e-10, its square the error of the difference
        sums = []
        for step in (1e-6, -1e-6):
            with torch.no_grad():
                value.add_(way, alpha=step)
                sums.append(float(sum(map(weighted, seen(module)))))
                value.add_(way, alpha=-step)
        expected = (sums[0] - sums[1]) / 2e-6
        assert float((gradient * way).sum()) == pytest.approx(expected, rel=1e-6, abs=1e-7), name


def seen(module):
    """What the probes see."""
    outputs = module({"image": spikes()})
    return outputs["readout.v"], outputs["readout.spikes"], outputs["hidden.spikes"]


def weighted(values):
    """A sum in which no two numbers cancel by accident."""
    generator = torch.Generator().manual_seed(values.numel())
    return (values * torch.randn(values.shape, generator=generator, dtype=values.dtype)).sum()


@pytest.mark.parametrize("recurrent", [False, True], ids=["forward", "recurrent"])
def test_the_network_that_a_module_gives_back_makes_its_spikes(recurrent):
    simulator = layers(recurrent=recurrent)
    module = simulator.module(["w_in", "w_out", "hidden.tau"])
    optimizer = torch.optim.Adam(module.parameters(), lr=5e-4)
    before = seen(module)
    seen(module)[0].sum().backward()
    optimizer.step()
    after = seen(module)
    assert not torch.equal(before[0], after[0])
    network = module.network()
    for sample in range(BATCH):
        times, ids = np.nonzero(spikes()[:, sample].numpy())
        cpu = Simulator(network, dt=1e-3, backend="cpu", dtype="float64")
        cpu.stimulate("image", SpikeTrain((times + 1) * 1e-3, ids))
        result = cpu.run(STEPS * 1e-3)
        for name, fired in (("readout", after[1]), ("hidden", after[2])):
            steps, units = np.nonzero(fired[:, sample].detach().numpy())
            record = result.spikes(name)
            assert np.array_equal(record.ids, units)
            assert np.allclose(record.times, (steps + 1) * 1e-3, atol=1e-9)
    assert len(result.spikes("hidden").ids)


def test_pieces_change_no_gradient():
    whole, pieces = (layers(recurrent=True).module(["w_in"], checkpoint=k) for k in (None, 5))
    for module in (whole, pieces):
        sum(map(weighted, seen(module))).backward()
    assert torch.allclose(whole.w_in.grad, pieces.w_in.grad, rtol=1e-12)


def test_a_run_in_two_calls_is_one_run():
    module = layers(recurrent=True).module()
    x = spikes()
    whole = module({"image": x})["readout.v"]
    first, state = module({"image": x[:5]}, keep=True)
    second = module({"image": x[5:]}, state=state)
    assert torch.equal(whole, torch.cat([first["readout.v"], second["readout.v"]]))


@pytest.mark.parametrize("stimulus", [Noise(std=0.3), Poisson(rate=300.0, weight=0.4)], ids=str)
def test_stimuli_that_are_not_given_go_on_from_call_to_call(stimulus):
    network = layers(recurrent=True).network.copy()
    network.stimulate(network.populations[1], stimulus, name="other")
    simulator = Simulator(network, dt=1e-3, backend="torch", dtype="float64")
    simulator.run(3e-3)
    module = simulator.module()
    x = spikes()
    whole = module({"image": x})["readout.v"]
    first, state = module({"image": x[:5]}, keep=True)
    second = module({"image": x[5:]}, state=state)
    assert torch.equal(whole, torch.cat([first["readout.v"], second["readout.v"]]))
    assert not torch.equal(whole[:, 0], whole[:, 1])


def test_what_cannot_be_trained_is_refused():
    simulator = layers()
    with pytest.raises(NetworkError, match=r"no projection is called 'w_inn'.*w_in"):
        simulator.module(["w_inn"])
    with pytest.raises(ParameterError, match=r"'tauu' is no parameter of LIF.*tau"):
        simulator.module(["hidden.tauu"])
    with pytest.raises(ParameterError, match=r"LIF\.refractory cannot be trained"):
        simulator.module(["hidden.refractory"])
    with pytest.raises(UnsupportedError, match="backend='torch'"):
        Simulator(simulator.network, dt=1e-3, backend="cpu").module()


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        ({"imag": torch.zeros(2, 1, 6)}, "no input is called 'imag'.*image"),
        ({"image": torch.zeros(2, 1, 5)}, r"shape \(time, batch, 6\).*\(2, 1, 5\)"),
        ({"image": torch.zeros(0, 1, 6)}, r"at least one step.*\(0, 1, 6\)"),
        ({"image": torch.full((2, 1, 6), torch.nan)}, "finite"),
        ({}, "steps"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(inputs, told):
    with pytest.raises(ParameterError, match=told):
        layers().module()(inputs)


def test_a_parameter_of_another_shape_is_refused():
    module = layers().module(["w_in"])
    module.w_in = torch.nn.Parameter(torch.zeros(3))
    with pytest.raises(ParameterError, match="parameter w_in: must keep the shape"):
        module.network()


def test_parameters_that_were_taken_away_are_told():
    """Also those of models, and those without numbers."""
    nowhere = torch.nn.Parameter(torch.zeros(30, device="meta", dtype=torch.float64))
    for change, told in (
        (lambda module: delattr(module, "w_in"), r"w_in: .*\(got 'none'\)"),
        (lambda module: setattr(module, "w_in", None), r"w_in: .*\(got 'none'\)"),
        (lambda module: setattr(module, "w_in", nowhere), "w_in: .*device meta"),
        (lambda module: module.hidden.pop("tau"), r"hidden\.tau: .*\(got 'none'\)"),
    ):
        module = layers().module(["w_in", "hidden.tau"])
        change(module)
        for use in (module.network, lambda module=module: module({"image": spikes()})):
            with pytest.raises(ParameterError, match=f"parameter {told}"):
                use()


def test_a_current_that_never_changes_is_given_once():
    network = Network(seed=1)
    units = network.population(LeakyRate(tau=2e-3, activation="linear"), 4, name="units")
    network.stimulate(units, Constant(0.5), name="x")
    network.probe(units, "r")
    module = Simulator(network, dt=1e-3, backend="torch", dtype="float64").module()
    once = module({"x": torch.ones(1, 2, 4)}, steps=6)["units.r"]
    always = module({"x": torch.ones(6, 2, 4)})["units.r"]
    expected = 1 - np.exp(-np.arange(1, 7) / 2)
    assert torch.equal(once, always)
    assert np.allclose(once[:, 0, 0].numpy(), expected)


@pytest.mark.parametrize("how", ["copy", "save"])
def test_a_copy_of_a_module_goes_its_own_way(how):
    simulator = layers(recurrent=True)
    simulator.run(5e-3)
    module = simulator.module(["w_in", "hidden.tau"], surrogate={"hidden": FastSigmoid(slope=5.0)})
    with torch.no_grad():
        module.w_in.mul_(1.1)
    if how == "copy":
        other = copy.deepcopy(module)
    else:
        file = io.BytesIO()
        torch.save(module, file)
        file.seek(0)
        other = torch.load(file, weights_only=False)
    for one, two in zip(seen(module), seen(other), strict=True):
        assert torch.equal(one, two)
    gradients = [
        torch.autograd.grad(sum(map(weighted, seen(m))), m.w_in)[0] for m in (module, other)
    ]
    assert torch.equal(*gradients)
    with torch.no_grad():
        other.w_in.zero_()
    assert not torch.equal(seen(module)[0], seen(other)[0])


def step_at_all_distances(x, slope):
    """A surrogate of a user's own."""
    return slope * torch.exp(-x.abs())


@dataclass(frozen=True, kw_only=True)
class Own(Surrogate):
    kernel: ClassVar = staticmethod(step_at_all_distances)


SURROGATES = [ArcTan(), FastSigmoid(), Triangular(), StraightThrough(), Own(slope=0.7)]


@pytest.mark.parametrize("through_reset", [False, True], ids=["", "through the reset"])
@pytest.mark.parametrize("surrogate", SURROGATES, ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("name", ["LIF", "LIF that rests", "LIF per unit"])
def test_the_compiled_way_back_is_that_of_single_steps(name, surrogate, through_reset):
    surrogate = replace(surrogate, through_reset=through_reset)
    found = []
    for compiled in (True, False):
        simulator = layers(MODELS[name])
        names = ["w_in", "w_out", "hidden.tau", "hidden.threshold", "hidden.reset"]
        module = simulator.module(names, surrogate=surrogate)
        if not compiled:
            for units in module._tensors.units.values():
                units.whole = None
        sum(map(weighted, seen(module))).backward()
        found.append([one.grad for one in module.parameters()])
    for here, there in zip(*found, strict=True):
        assert torch.allclose(here, there, rtol=1e-9, atol=1e-12 * float(there.abs().max()))
    assert float(found[0][0].abs().max()) > 0


def junk(shape, like):
    """Memory that holds anything."""
    return like.new_full(shape, float("nan"))


@pytest.mark.parametrize("steps", [0, 1, 4])
def test_steps_that_no_loss_depends_on_have_no_gradient(steps, monkeypatch):
    """The compiled way back passes them by, whatever stood in memory."""
    found = []
    for compiled in (True, False):
        module = layers().module(["w_in", "hidden.tau", "hidden.threshold"])
        if compiled:
            monkeypatch.setattr(lif_layer, "fresh", junk)
        else:
            for units in module._tensors.units.values():
                units.whole = None
        seen(module)[1][:steps].sum().backward()
        found.append([one.grad for one in module.parameters()])
    for here, there in zip(*found, strict=True):
        assert torch.allclose(here, there, rtol=1e-9, atol=1e-12)
    assert bool(found[0][0].any()) == (steps > 1)


@pytest.mark.parametrize("density", [1.0, 0.05], ids=["matrix", "list"])
def test_second_derivatives_are_refused(density, monkeypatch):
    """They would be wrong: what is compiled has first derivatives only."""
    monkeypatch.setattr(wiring, "SMALL", 0)
    module = layers(density=density).module(["w_in"])
    total = sum(map(weighted, seen(module))) ** 2
    (first,) = torch.autograd.grad(total, module.w_in, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        (first**2).sum().backward()


@dataclass(frozen=True, kw_only=True)
class Unknown(Surrogate):
    kernel: ClassVar = "sigmoid"


def test_a_surrogate_without_a_curve_is_refused():
    with pytest.raises(ParameterError, match=r"Unknown\.kernel: must be a function of x.*sigmoid"):
        Unknown()


@pytest.mark.parametrize("delay", [1e-3, 3e-3, 20e-3])
def test_numbers_that_never_change_are_multiplied_once_with_the_same_result(delay):
    network = Network(seed=1)
    pixels = network.population(RateSource(), 6, name="pixels")
    hidden = network.population(LIF(tau=5e-3, threshold=1.0, refractory=0.0), 5, name="hidden")
    network.stimulate(pixels, Constant(0.0), name="x")
    network.connect(pixels, hidden, AllToAll(), weight=Uniform(0.1, 0.9), delay=delay, name="w")
    network.probe(hidden, "spikes")
    network.probe(hidden, "v")
    module = Simulator(network, dt=1e-3, backend="torch", dtype="float64").module(["w"])
    generator = torch.Generator().manual_seed(1)
    x = torch.rand(1, BATCH, 6, generator=generator).double()
    found = []
    for given in (x, x.expand(STEPS, -1, -1), x.expand(STEPS, -1, -1).contiguous()):
        outputs = module({"x": given}, steps=STEPS)
        total = weighted(outputs["hidden.v"]) + weighted(outputs["hidden.spikes"])
        found.append((outputs["hidden.v"], torch.autograd.grad(total, module.w)[0]))
    for one in found[:2]:
        for here, there in zip(one, found[2], strict=True):
            assert torch.allclose(here, there, rtol=1e-12, atol=1e-12)
    assert bool(found[0][1].any()) == (delay < STEPS * 1e-3)
