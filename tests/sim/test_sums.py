"""Arrivals summed in whole numbers: right to 2**-42 of the largest weight, and the same in any
order.
"""

from __future__ import annotations

import numpy as np
import pytest

from potentia import Network, Simulator
from potentia.learning import STDP
from potentia.models import IF, LIF, CubaLIF, SpikeSource
from potentia.sim import Constant, Explicit, FixedProbability, Normal, Poisson, SpikeTrain, Uniform

DT = 1e-4  # [s]


def shuffled(order, dtype, deterministic):
    """State and spikes of a network whose synapses are listed in another order."""
    rng = np.random.default_rng(4)
    pre, post = rng.integers(0, 80, (2, 4000))
    weights = rng.normal(0.1e-3, 0.4e-3, 4000)
    order = np.random.default_rng(order).permutation(4000)
    net = Network(seed=1)
    cells = net.population(CubaLIF(), 80, name="cells", initial={"v": Uniform(0.0, 15e-3)})
    net.connect(
        cells,
        cells,
        Explicit(pre[order], post[order]),
        weight=weights[order],
        delay=2e-4,
        receptor="excitatory",
    )
    net.stimulate(cells, Constant(20e-3))
    net.probe(cells, "spikes")
    net.probe(cells, "v", every=DT)
    result = Simulator(net, dt=DT, dtype=dtype, backend="cpu", deterministic=deterministic).run(
        0.05
    )
    assert len(result.spikes("cells")) > 100
    return result.hash, result.trace("cells", "v").tobytes()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_order_of_synapses_does_not_matter(dtype):
    """It does to sums of floats: they differ in their last bits, which those of
    float32 show soon.
    """
    assert len({shuffled(order, dtype, True) for order in range(4)}) == 1
    if dtype == "float32":
        assert len({shuffled(order, dtype, False) for order in range(4)}) > 1


def arrivals(weights, rule=None):
    """What one unit has received from spikes that arrive together, through synapses of these
    weights.
    """
    net = Network()
    source, target = (
        net.population(SpikeSource(), weights.size),
        net.population(IF(threshold=1e9), 1, name="target"),
    )
    units = np.arange(weights.size)
    net.connect(source, target, Explicit(units, 0 * units), weight=weights, delay=DT, rule=rule)
    net.stimulate(source, SpikeTrain(np.full(weights.size, 1e-3), units))
    net.probe(target, "v", every=DT)
    result = Simulator(net, dt=DT, dtype="float64", backend="cpu", deterministic=True).run(1.2e-3)
    return float(result.trace("target", "v")[-1, 0])


@pytest.mark.parametrize("rule", [None, STDP(w_max=2.0, w_min=-2.0)])
@pytest.mark.parametrize("size", [1e-200, 1e-9, 1.0, 3e4])
def test_sums_are_right(rule, size):
    """Each weight is off by at most half a unit, 2**-43 of the largest weight or bound."""
    weights = size * np.random.default_rng(2).uniform(-1.0, 1.0, 50)
    if rule is not None and size > 1:
        pytest.skip("beyond the bounds of the rule")
    bound = 50 * 2.0**-42 * max(np.abs(weights).max(), 2.0 if rule else 0.0)
    assert arrivals(weights, rule) == pytest.approx(weights.sum(), abs=bound)


def test_a_run_goes_on(tmp_path):
    """A snapshot keeps the option; a batch, a cut and the number of threads change nothing."""

    def simulator(threads=None):
        net = Network(seed=3)
        cells = net.population(LIF(), 100, name="cells")
        net.connect(
            cells,
            cells,
            FixedProbability(0.1),
            weight=Normal(0.5e-3, 1e-4),
            delay=Uniform(1e-4, 2e-3),
        )
        net.stimulate(cells, Poisson(rate=500.0, weight=2e-3))
        return Simulator(net, dt=DT, backend="cpu", deterministic=True, threads=threads)

    whole, cut = simulator().run(0.04), simulator()
    cut.run(0.02)
    cut.save(tmp_path / "half.h5")
    resumed = Simulator.load(tmp_path / "half.h5")
    assert any(operator.name == "sum_step" for operator in resumed.plan.operators)
    assert resumed.run(0.02).hash == whole.hash
    assert simulator().run(0.04, batch=2)[0].hash == whole.hash
    assert simulator(threads=2).run(0.04).hash == whole.hash
