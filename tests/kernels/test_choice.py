"""What "auto" chooses: the cpu for all that is small, and wherever the gpu cannot
run everything.
"""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from potentia import Network, Simulator
from potentia.hardware import BreakdownReRAM, Crossbar
from potentia.kernels.gpu import choice, devices
from potentia.models import LIF
from potentia.sim import AllToAll, Constant, FixedProbability

DT = 1e-4  # [s]


def test_sizes():
    """CUBA-size networks stay on the cpu; a million units, or 300 million synapses, need a card."""
    assert not choice.pays(neurons=4000, synapses=320_000, kernels=5, dt=DT)
    assert not choice.pays(neurons=10_000, synapses=2_000_000, kernels=5, dt=DT)
    assert choice.pays(neurons=1_000_000, synapses=100_000_000, kernels=5, dt=DT)
    assert choice.pays(neurons=77_000, synapses=300_000_000, kernels=5, dt=DT)
    # a step of many different parts
    assert not choice.pays(neurons=10_000, synapses=10_000_000, kernels=12, dt=DT)


def network(store=None):
    net = Network(seed=2)
    cells = net.population(LIF(), 60, name="cells")
    extra = {} if store is None else {"store": store}
    net.connect(
        cells,
        cells,
        AllToAll() if store else FixedProbability(0.2),
        weight=0.3e-3,
        delay=2e-4,
        **extra,
    )
    net.stimulate(cells, Constant(np.linspace(14e-3, 22e-3, 60)))
    return net


@pytest.fixture
def eager(monkeypatch):
    """Every network counts as large."""
    monkeypatch.setattr(choice, "pays", lambda **sizes: True)
    return monkeypatch


@pytest.mark.skipif(shutil.which("g++") is None, reason="g++ is not installed")
def test_a_large_network_moves_to_the_gpu(eager):
    eager.setenv(devices.SWITCH, "host")
    moved = Simulator(network(), dt=DT, dtype="float64")
    assert moved.plan.backend.name == "gpu"
    assert (
        moved.run(0.03).hash
        == Simulator(network(), dt=DT, dtype="float64", backend="cpu").run(0.03).hash
    )


def test_what_the_gpu_cannot_run_stays(eager):
    eager.setenv(devices.SWITCH, "host")
    assert Simulator(network(Crossbar(BreakdownReRAM())), dt=DT).plan.backend.name == "cpu"


def test_without_a_card_nothing_moves(eager):
    eager.setattr(choice, "available", lambda: False)
    assert Simulator(network(), dt=DT).plan.backend.name == "cpu"
