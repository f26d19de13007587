"""A pass of a module that Ctrl-C ends, forwards or back, leaves the module as it was."""

import numpy as np
import pytest
import torch

from potentia import Network, Simulator
from potentia.hardware import ADC, Crossbar, PulsedReRAM, Wires
from potentia.learning import STDP
from potentia.models import LIF, SpikeSource
from potentia.sim import AllToAll, Conv2d, Normal, SpikeTrain
from potentia.tests.sim.test_broken_runs import Interrupt


def module():
    """A convolution, a crossbar behind wires, and synapses that learn; three things are trained."""
    net = Network(seed=1)
    image = net.population(SpikeSource(), 36, name="image")
    inner = net.population(LIF(threshold=5e-3, refractory=0.0), 25, name="inner")
    outer = net.population(LIF(threshold=5e-3, refractory=0.0), 6, name="outer")
    net.stimulate(image, SpikeTrain(), name="x")
    kernel = 3e-3 * np.random.default_rng(0).normal(1, 1, (1, 1, 2, 2))
    net.connect(image, inner, Conv2d(kernel, input_shape=(1, 6, 6)), name="kernel")
    store = Crossbar(PulsedReRAM(), adc=ADC(bits=6), wires=Wires(r_word=1.0, r_bit=1.0))
    net.connect(inner, outer, AllToAll(), weight=Normal(1e-3, 2e-3), store=store, name="cells")
    rule = STDP(w_min=-1.0, w_max=1.0)
    net.connect(outer, outer, AllToAll(), weight=Normal(0.0, 1e-3), rule=rule, name="learned")
    net.probe(outer, "spikes")
    net.probe(outer, "v")
    return Simulator(net, dt=1e-3, backend="torch").module(["kernel", "cells", "outer.threshold"])


def passed(made):
    """What a pass returns, and the gradients of its sum."""
    x = torch.rand(15, 2, 36, generator=torch.Generator().manual_seed(1)) < 0.3
    made.zero_grad()
    seen = made({"x": x.float()})
    (seen["outer.spikes"].sum() + seen["outer.v"].sum()).backward()
    found = [*seen.values(), *(one.grad for one in made.parameters())]
    return [one.detach().clone() for one in found]


def step(made, share):
    """What an optimizer might do to the parameters."""
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.mul_(share)


@pytest.mark.parametrize("share", [1.0, 1.01], ids=["as before", "with other parameters"])
def test_the_next_pass_is_as_if_it_had_never_been(share):
    """Also where the pass was the first with its parameters, so that devices were written anew."""
    other = module()
    step(other, share)
    expected = passed(other)
    assert all(one.any() for one in expected)
    made = module()
    kept = {name: value.clone() for name, value in made.state_dict().items()}
    passed(made)
    step(made, share)
    with Interrupt() as count:
        passed(made)
    interrupted = 0
    for place in np.linspace(1, 0.95 * count.passed, 25).astype(int):
        made.load_state_dict(kept)
        passed(made)
        step(made, share)
        try:
            with Interrupt(place):
                passed(made)
        except KeyboardInterrupt:
            interrupted += 1
        assert all(map(torch.equal, passed(made), expected))
    assert interrupted > 20
