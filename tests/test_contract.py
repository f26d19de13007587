"""The example by which the Python interface is promised, name for name."""

import numpy as np

from potentia import Network, Simulator
from potentia.hardware import BreakdownReRAM, Crossbar
from potentia.learning import STDP
from potentia.models import LIF
from potentia.sim import Constant, FixedProbability


def test_the_promised_example(tmp_path):
    net = Network(seed=1)
    exc = net.population(LIF(tau=20e-3, threshold=15e-3), 3200, name="exc")
    inh = net.population(LIF(), 800, name="inh")
    net.connect(
        exc,
        inh,
        FixedProbability(0.02),
        weight=1.6e-3,
        delay=1.5e-3,
        store=Crossbar(BreakdownReRAM()),
        rule=STDP(),
    )
    net.stimulate(exc, Constant(18e-3))
    net.probe(exc, "spikes")
    net.probe(exc, "v")
    sim = Simulator(net, dt=1e-4, backend="cpu", engine="clock")
    result = sim.run(0.05)
    spikes = result.spikes("exc")
    assert len(spikes.times) == len(spikes.ids) > 0
    assert np.all(np.diff(spikes.times) >= 0)
    assert spikes.times.dtype == np.float64
    assert spikes.ids.dtype == np.int64
    assert result.trace("exc", "v").shape == (500, 3200)
    assert result.times.shape == (500,)

    sim.save(tmp_path / "half.h5")
    again = Simulator.load(tmp_path / "half.h5")
    assert again.run(0.05).hash == sim.run(0.05).hash

    result.save(tmp_path / "demo")
    assert len(result.hash) == 32
    result.plot()
    assert "exc" in str(net)
    assert "lif_step" in str(sim.plan)
