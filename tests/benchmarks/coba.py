"""COBA (Brette et al. 2007, doi:10.1007/s10827-007-0038-6, benchmark 1): CPU seconds per biological
second.

Vogels and Abbott (2005), doi:10.1523/JNEUROSCI.3508-05.2005: 4000 neurons with conductances that
decay exponentially, 2 % of all connections, weights of 6 and 67 nS on a leak of 10 nS. A constant
drive of 11 mV, which alone would lift a neuron 1 mV above its threshold, keeps the network firing
at about 20 Hz for as long as one likes. One thread, spikes recorded, beside Brian2 in its fastest
mode (C++ standalone) if asked for. The ceiling is the time of the same arithmetic in two bare
loops: one step of three variables per neuron, the exponential by its series to second order, and
one addition at a random place per synaptic event.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from potentia import Network
from potentia.models import CobaLIF
from potentia.sim import Constant, FixedProbability, Normal

from ._peers import DT, Race, compare

PEERS = ("brian2",)
Settings = Race
DRIVE = 11e-3  # [V]
EXCITATORY, INHIBITORY = 0.6, 6.7  # weights [leak conductance]
PROBABILITY = 0.02  # of a connection
EQUATIONS = """
dv/dt = (ge * (Ee - v) + gi * (Ei - v) + El - v + drive) / taum : volt (unless refractory)
dge/dt = -ge / taue : 1
dgi/dt = -gi / taui : 1
"""


def run(settings: Race, peers: Sequence[str]) -> dict[str, Any]:
    """Measure; return the report of a benchmark."""
    return compare(__name__, settings, peers, kind="coba")


def network(settings: Race) -> Network:
    """The network, started at random near its working point."""
    net = Network(seed=settings.seed)
    start = {"v": Normal(-65e-3, 5e-3), "g_e": Normal(4.0, 1.5), "g_i": Normal(20.0, 12.0)}
    n_exc = round(0.8 * settings.neurons)
    exc = net.population(CobaLIF(), n_exc, name="exc", initial=start)
    inh = net.population(CobaLIF(), settings.neurons - n_exc, name="inh", initial=start)
    scale = 4000 / settings.neurons  # the same mean input at any size
    for source, weight, receptor in (
        (exc, EXCITATORY, "excitatory"),
        (inh, INHIBITORY, "inhibitory"),
    ):
        for target in (exc, inh):
            connectivity = FixedProbability(PROBABILITY)
            net.connect(
                source, target, connectivity, weight=weight * scale, delay=DT, receptor=receptor
            )
    for population in (exc, inh):
        net.stimulate(population, Constant(DRIVE))
        net.probe(population, "spikes")
    return net


def brian2_parts(b: Any, settings: Race) -> list[Any]:
    """The same network in Brian2."""
    scale = 4000 / settings.neurons
    names = {
        "taum": 20 * b.ms,
        "taue": 5 * b.ms,
        "taui": 10 * b.ms,
        "El": -60 * b.mV,
        "Ee": 0 * b.mV,
        "Ei": -80 * b.mV,
        "drive": DRIVE * b.volt,
        "we": scale * EXCITATORY,
        "wi": scale * INHIBITORY,
        "n_exc": round(0.8 * settings.neurons),
    }
    group = b.NeuronGroup(
        settings.neurons,
        EQUATIONS,
        threshold="v > -50*mV",
        reset="v = -60*mV",
        refractory=5 * b.ms,
        method="exponential_euler",
        namespace=names,
        name="group",
    )
    group.v, group.ge, group.gi = (
        "-65*mV + randn() * 5*mV",
        "randn() * 1.5 + 4",
        "randn() * 12 + 20",
    )
    excite = b.Synapses(
        group, group, on_pre="ge += we", namespace=names, delay=DT * b.second, name="excite"
    )
    inhibit = b.Synapses(
        group, group, on_pre="gi += wi", namespace=names, delay=DT * b.second, name="inhibit"
    )
    excite.connect("i < n_exc", p=PROBABILITY)
    inhibit.connect("i >= n_exc", p=PROBABILITY)
    return [group, excite, inhibit, b.SpikeMonitor(group, name="monitor")]
