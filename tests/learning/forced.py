"""Two layers whose spikes are forced, joined by a projection that learns."""

from __future__ import annotations

import numpy as np

from potentia import Network, Simulator
from potentia.learning import STDP
from potentia.models import LIF, SpikeSource
from potentia.sim import (
    AllToAll,
    FixedProbability,
    Poisson,
    SpikeTrain,
    Uniform,
)

DT, DURATION, N_PRE, N_POST, INITIAL = 1e-3, 0.3, 6, 4, 5e-3
BOUNDS = {"w_min": -1.0, "w_max": 1.0}  # never reached
FAST = STDP(tau_plus=7e-3, tau_minus=9e-3, a_plus=2e-4, a_minus=1e-4, **BOUNDS)
SLOW = STDP(tau_plus=25e-3, tau_minus=40e-3, a_plus=5e-5, a_minus=8e-5, **BOUNDS)


def trains():
    rng = np.random.default_rng(3)
    steps = round(DURATION / DT)
    return tuple(np.nonzero(rng.random((steps, n)) < 0.07) for n in (N_PRE, N_POST))


LAGS = np.random.default_rng(4).integers(1, 9, N_PRE * N_POST)


def forced(rule, *, store=None, weight=INITIAL):
    """Both sides fire as told: the targets by strong input, unmoved by the synapses."""
    (pre, i), (post, j) = trains()
    net = Network(seed=2)
    source = net.population(SpikeSource(), N_PRE, name="source")
    target = net.population(LIF(threshold=10.0, refractory=0.0), N_POST, name="target")
    net.connect(
        source,
        target,
        AllToAll(),
        weight=weight,
        delay=LAGS * DT,
        rule=rule,
        store=store,
        name="in",
    )
    net.stimulate(source, SpikeTrain((pre + 1) * DT, i), name="train")
    net.stimulate(target, SpikeTrain((post + 1) * DT, j, weight=100.0))
    net.probe(target, "spikes")
    return net


def learned(net, **options):
    """The weights after a run (n_pre, n_post)."""
    options = {"dt": DT, "dtype": "float64", **options}
    cuts = options.pop("cuts", 1)
    simulator = Simulator(net, **{name: value for name, value in options.items() if value})
    for _ in range(cuts):
        simulator.run(DURATION / cuts)
    part = simulator.synapses("in")
    matrix = np.zeros((part.n_pre, part.n_post))
    matrix[part.sources, part.targets] = part.weights
    return matrix


def large(rule):
    """More targets than one thread takes, all driven by noise."""
    net = Network(seed=4)
    source, cells = net.population(SpikeSource(), 40, name="source"), net.population(LIF(), 4000)
    delay = Uniform(1e-3, 4e-3)
    net.connect(
        source, cells, FixedProbability(0.1), weight=2e-3, delay=delay, rule=rule, name="in"
    )
    net.stimulate(source, Poisson(rate=80.0), name="train")
    net.stimulate(cells, Poisson(rate=300.0, weight=4e-3))
    net.probe(cells, "spikes")
    return net


NARROW = {"w_min": 0.0, "w_max": 4e-3}
BOTH = STDP(**NARROW), STDP(tau_plus=5e-3, tau_minus=60e-3, a_plus=1e-5, **NARROW)
