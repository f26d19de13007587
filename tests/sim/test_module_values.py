"""Parameters that no network could have, and states that are no numbers, end a pass of a module."""

import math

import numpy as np
import pytest
import torch

from potentia import Network, Simulator
from potentia.errors import DivergenceError, ParameterError
from potentia.hardware import Crossbar, PulsedReRAM
from potentia.models import LIF, DiscreteLIF, SpikeSource
from potentia.sim import AllToAll, Conv2d, Ideal, Normal, SpikeTrain

DT = 1e-3
X = (torch.rand(20, 3, 16, generator=torch.Generator().manual_seed(1)) < 0.3).float()
CELLS = LIF(tau=10e-3, threshold=np.full(9, 15e-3), refractory=0.0)


def module(train, *, model=CELLS, joins=None, weight=None, store=None):
    """Sources onto nine units."""
    net = Network(seed=1)
    source = net.population(SpikeSource(), 16, name="source")
    cells = net.population(model, 9, name="cells")
    net.stimulate(source, SpikeTrain(), name="x")
    joins = AllToAll() if joins is None else joins
    net.connect(source, cells, joins, weight=weight, store=store or Ideal(), name="w")
    net.probe(cells, "spikes")
    return Simulator(net, dt=DT, backend="torch").module(train)


def some(**how):
    return module(["w"], weight=Normal(2e-3, 3e-3), **how)


def convolved():
    kernel = np.random.default_rng(1).normal(2e-3, 3e-3, (1, 1, 2, 2))
    return module(["w"], joins=Conv2d(kernel, input_shape=(1, 4, 4)))


def crossed():
    return some(store=Crossbar(PulsedReRAM()))


def field(name):
    return lambda: module([f"cells.{name}"], weight=Normal(2e-3, 3e-3))


CASES = {
    "NaN": (some, 5, math.nan, r"w: must be finite everywhere \(got 'nan at index 5'"),
    "infinite": (some, 0, -math.inf, r"w: must be finite everywhere \(got '-inf at"),
    "kernel": (convolved, 2, math.nan, r"w: must be finite everywhere \(got 'nan at"),
    "crossbar": (crossed, 7, math.nan, r"w: must be finite everywhere \(got 'nan at"),
    "NaN threshold": (field("threshold"), 3, math.nan, r"cells\.threshold: must be finite"),
    "threshold below the reset": (
        field("threshold"),
        3,
        -1e-3,
        r"cells\.threshold: LIF\.reset: must be < .*-0\.001.* keep it there, such as by clamping",
    ),
    "no time": (field("tau"), ..., 0.0, r"cells\.tau: LIF\.tau: must be > 0 s \(got 0\.0\); keep"),
    "backwards": (field("tau"), ..., -1e-3, r"cells\.tau: LIF\.tau: must be > 0 s"),
    "shorter than a step": (
        field("tau"),
        ...,
        0.5e-3,
        r"cells\.tau: Simulator\.dt: must be at most tau = 0\.0005 s of population 'cells'",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_parameters_that_no_network_could_have_are_refused(case):
    """In the next pass, as by `network`; with their old values the module goes on."""
    make, place, value, told = CASES[case]
    made = make()
    expected = made({"x": X})["cells.spikes"]
    (parameter,) = made.parameters()
    kept = parameter.detach().clone()
    with torch.no_grad():
        parameter.view(-1)[place] = value
    with pytest.raises(ParameterError, match=rf"NetworkModule\.parameter {told}") as refusal:
        made({"x": X})
    assert "\n" not in str(refusal.value)
    with pytest.raises(ParameterError):
        made.network()
    with torch.no_grad():
        parameter.copy_(kept)
    assert torch.equal(made({"x": X})["cells.spikes"], expected)


def test_weights_whose_sum_overflows_are_finite():
    made = some()
    with torch.no_grad():
        made.w.fill_(-3e38)  # each is a number, their sum is none
    with pytest.raises(DivergenceError, match=r"cells\.v of unit 0 is -inf by 0\.02 s: an input"):
        made({"x": X})
    assert made({"x": torch.zeros_like(X)})["cells.spikes"].sum() == 0


def test_a_state_that_diverges_is_named():
    """A potential that is no number would never fire, and pass for silence."""
    made = module(["w"], weight=1.0, model=DiscreteLIF(decay=1.0, resets="none"))
    with torch.no_grad():
        made.w.view(16, 9)[:, 4] = 1e38
    told = r"cells\.v of unit 4 is inf by 0\.02 s: an input or a weight is too large, a parameter of DiscreteLIF"
    with pytest.raises(DivergenceError, match=told):
        made({"x": X})


def test_a_network_is_told_of_parameters_in_any_real_precision():
    rounded = some().bfloat16()
    (told,) = (part.weight for part in rounded.network().projections)
    assert np.array_equal(told, rounded.state_dict()["w"].double().numpy())
    turned = some()
    turned.w = torch.nn.Parameter(turned.w.detach() * (1 + 1j))
    with pytest.raises(ParameterError, match=r"parameter w: must be an array of real numbers"):
        turned.network()
