"""In which order a module calls its layers, and what no row of layers tells."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
snn = pytest.importorskip("snntorch")

from torch import nn  # noqa: E402

from potentia import Simulator  # noqa: E402
from potentia.errors import ParameterError  # noqa: E402
from potentia.models.bridges import from_snntorch, run_steps  # noqa: E402

DT = 1e-3


def step(x):
    """Spikes in the dtype of x; snnTorch's own are float32."""
    return (x > 0).to(x.dtype)


class Calls(nn.Module):
    """Two linear layers of eight, two of neurons, called as `how` says."""

    def __init__(self, how):
        super().__init__()
        self.a, self.b = nn.Linear(8, 8), nn.Linear(8, 8)
        self.l, self.m = (
            snn.Leaky(0.9, threshold=0.4, init_hidden=True, spike_grad=step) for _ in range(2)
        )
        self.how = how

    def forward(self, x):
        return self.how(self, x)


@pytest.mark.parametrize("told", ["chain", "sample"])
def test_a_layer_without_state_that_is_called_twice(told):
    """Its weights count at both places."""
    torch.manual_seed(3)
    net = Calls(lambda own, x: own.m(own.a(own.l(own.a(x))))).double()
    x = (torch.rand(30, 2, 8) < 0.4).double()
    chain = nn.Sequential(net.a, net.l, net.a, net.m)
    made = from_snntorch(chain) if told == "chain" else from_snntorch(net, sample=x[0])
    with torch.no_grad():
        expected = torch.stack([net(step) for step in x]).numpy() > 0
    found = run_steps(Simulator(made, dt=DT), x)["3" if told == "chain" else "m"]
    np.testing.assert_array_equal(found, expected)
    assert expected.sum() > 50


def test_neurons_that_are_called_twice():
    """Two calls in a step move one state, which is no row of populations."""
    lif = snn.Leaky(0.9, init_hidden=True)
    linear = nn.Linear(8, 8)
    with pytest.raises(ParameterError, match="must call the neurons '1' once in a step"):
        from_snntorch(nn.Sequential(linear, lif, linear, lif))
    net = Calls(lambda own, x: own.l(own.b(own.l(own.a(x)))))
    with pytest.raises(ParameterError, match="must call the neurons 'l' once in a step"):
        from_snntorch(net, sample=torch.zeros(2, 8))


def test_a_change_in_place_between_layers():
    """A sum into the tensor that a layer returned is seen, and so is another order of its numbers."""

    def summed(own, x):
        current = own.a(x)
        current += x
        return own.m(own.b(own.l(current)))

    def turned(own, x):
        return own.m(own.b(own.l(own.a(x)).T))

    for how in (summed, turned):
        with pytest.raises(ParameterError, match="as it is; what happens in between"):
            from_snntorch(Calls(how), sample=torch.ones(8, 8))


def test_a_sequential_with_a_forward_of_its_own():
    """What it does besides calling its parts is not known."""

    class Inverted(nn.Sequential):
        def forward(self, x):
            return super().forward(1 - x)

    net = Inverted(nn.Linear(8, 8), snn.Leaky(0.9, init_hidden=True))
    with pytest.raises(ParameterError, match="layers: must list the layers of Inverted"):
        from_snntorch(net)
