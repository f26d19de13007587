"""Small networks, results, files and modules from which public calls begin."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from potentia import Network, Result, Simulator
from potentia.experiments import load
from potentia.models import LIF, CubaLIF, SpikeSource
from potentia.models.bridges import NirGraph, NirNode
from potentia.sim import AllToAll, SpikeTrain


def network() -> Network:
    """A small network with a part of every kind."""
    net = Network(seed=1)
    cells = net.population(LIF(), 3, name="cells")
    net.connect(cells, cells, AllToAll(), weight=1e-3, name="synapses")
    net.stimulate(cells, SpikeTrain([1e-3], [0], 20e-3), name="drive")
    for what in ("spikes", "counts", "rate", "v"):
        net.probe(cells, what)
    net.probe(net.projections[0], "weights", every=1e-3)
    return net


def exact_network() -> Network:
    """A small network that has exact gradients."""
    net = Network(seed=1)
    cells = net.population(CubaLIF(), 3, name="cells")
    net.connect(cells, cells, AllToAll(), weight=20e-3, name="synapses")
    net.stimulate(cells, SpikeTrain([1e-3], [0], 60e-3), name="drive")
    return net


@functools.cache
def ran() -> tuple[Simulator, Result]:
    simulator = Simulator(network(), dt=1e-3)
    return simulator, simulator.run(5e-3)


def result() -> Result:
    return ran()[1]


def fresh(name: str) -> str:
    """A place for a file in a folder of its own."""
    return str(Path(tempfile.mkdtemp(dir=".")) / name)


def saved() -> str:
    path = fresh("snapshot")
    Simulator(network(), dt=1e-3).save(path)
    return path


def recorded() -> str:
    return str(result().save(fresh("result.h5")))


def batch() -> str:
    return str(Simulator(network(), dt=1e-3).run(5e-3, batch=2).save(fresh("batch.h5")))


def graph() -> NirGraph:
    """A graph of NIR with an input, a matrix and a neuron."""
    cells = {"tau": [0.01] * 2, "r": [1.0] * 2, "v_leak": [0.0] * 2, "v_threshold": [1.0] * 2}
    nodes = {
        "in": NirNode("Input", {"shape": [3]}),
        "w": NirNode("Linear", {"weight": np.ones((2, 3))}),
        "cells": NirNode("LIF", cells),
        "out": NirNode("Output", {"shape": [2]}),
    }
    return NirGraph(nodes, [("in", "w"), ("w", "cells"), ("cells", "out")])


def plain_network() -> Network:
    """A network that NIR can say."""
    net = Network(seed=1)
    source = net.population(SpikeSource(), 2, name="source")
    cells = net.population(LIF(refractory=0.0), 3, name="cells")
    net.connect(source, cells, AllToAll(), weight=1e-3)
    return net


def snntorch_module() -> torch.nn.Module:
    """A small net of snnTorch."""
    import snntorch

    return torch.nn.Sequential(torch.nn.Linear(3, 2), snntorch.Leaky(beta=0.9))


def settings() -> Any:
    return load("balanced-network").settings
