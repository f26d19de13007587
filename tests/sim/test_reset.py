"""Reset goes back to the beginning, with what was set and, if asked to, what was learned."""

import numpy as np
import pytest

from potentia import Simulator
from potentia.learning import STDP
from potentia.models import LIF
from potentia.tests.sim.settable import WAYS, every_way, network
from potentia.tests.sim.test_broken_runs import same, state


@every_way
def test_reset_goes_back_to_the_beginning(how):
    simulator = Simulator(network(), **how)
    before, first = state(simulator), simulator.run(30e-3)
    simulator.reset()
    assert simulator.time == 0.0
    assert state(simulator) == before
    same(simulator.run(30e-3), first)
    simulator.set("cells", threshold=12e-3)
    simulator.reset()
    same(simulator.run(20e-3), Simulator(network(cells=LIF(threshold=12e-3)), **how).run(20e-3))


@pytest.mark.parametrize("how", [WAYS[name] for name in WAYS if name != "whole numbers"], ids=str)
def test_reset_keeps_what_was_learned(how):
    """The rest is as in a simulator at the beginning that is given these weights."""
    net = network(rule=STDP(a_plus=1e-4))
    simulator, other = Simulator(net, **how), Simulator(net, **how)
    simulator.run(50e-3)
    learned = simulator.weights("there")
    simulator.reset(keep="weights")
    np.testing.assert_array_equal(simulator.weights("there"), learned)
    other.set("there", weights=learned)
    assert not np.array_equal(learned, Simulator(net, **how).weights("there"))
    same(simulator.run(30e-3), other.run(30e-3))
    simulator.reset(keep="nothing")
    same(simulator.run(30e-3), Simulator(net, **how).run(30e-3))


def test_reset_on_a_gpu_and_setting_there(gpu):
    simulator = Simulator(network(), backend=gpu)
    first = simulator.run(20e-3)
    simulator.reset()
    same(simulator.run(20e-3), first)
    twin = Simulator(network(), backend=gpu)
    twin.run(20e-3)
    for made in (simulator, twin):
        made.set("cells", v=1e-3, threshold=12e-3)
        made.set("there", weights=1e-3)
    np.testing.assert_array_equal(simulator.state("cells", "v"), np.full(60, 1e-3, np.float32))
    same(simulator.run(20e-3), twin.run(20e-3))
