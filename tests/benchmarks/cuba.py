"""CUBA (Brette et al. 2007, doi:10.1007/s10827-007-0038-6): CPU seconds per biological second on
one thread.

The network of `potentia run balanced-network`, spikes recorded, beside Brian2 in its fastest mode
(C++ standalone) if asked for. The ceiling is the time that the same arithmetic takes in two bare
loops on this machine: a linear update of three variables per neuron and step, and one addition at a
random place per synaptic event.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from potentia import Network
from potentia.experiments import balanced_network

from ._peers import Race, compare

PEERS = ("brian2",)
Settings = Race
EQUATIONS = """
dv/dt = (ge + gi - (v - El)) / taum : volt (unless refractory)
dge/dt = -ge / taue : volt
dgi/dt = -gi / taui : volt
"""


def run(settings: Race, peers: Sequence[str]) -> dict[str, Any]:
    """Measure; return the report of a benchmark."""
    return compare(__name__, settings, peers, kind="cuba")


def network(settings: Race) -> Network:
    """The network, with spikes recorded and nothing else."""
    net = balanced_network.network(
        balanced_network.Settings(seed=settings.seed, neurons=settings.neurons)
    )
    net.probes = [probe for probe in net.probes if probe.what == "spikes"]
    return net


def brian2_group(b: Any, settings: Race) -> tuple[Any, dict[str, Any]]:
    """The neurons of Brian2's own example CUBA, and its weights at this size, with the same mean
    input.
    """
    scale = 4000 / settings.neurons
    names = {
        "taum": 20 * b.ms,
        "taue": 5 * b.ms,
        "taui": 10 * b.ms,
        "Vt": -50 * b.mV,
        "Vr": -60 * b.mV,
        "El": -49 * b.mV,
        "we": scale * 60 * 0.27 / 10 * b.mV,
        "wi": scale * -20 * 4.5 / 10 * b.mV,
        "n_exc": round(0.8 * settings.neurons),
    }
    group = b.NeuronGroup(
        settings.neurons,
        EQUATIONS,
        threshold="v > Vt",
        reset="v = Vr",
        refractory=5 * b.ms,
        method="exact",
        namespace=names,
        name="group",
    )
    group.v = "Vr + rand() * (Vt - Vr)"
    return group, names


def brian2_parts(b: Any, settings: Race) -> list[Any]:
    """The network of Brian2's own example CUBA."""
    group, names = brian2_group(b, settings)
    excite = b.Synapses(group, group, on_pre="ge += we", namespace=names, name="excite")
    inhibit = b.Synapses(group, group, on_pre="gi += wi", namespace=names, name="inhibit")
    excite.connect("i < n_exc", p=0.02)
    inhibit.connect("i >= n_exc", p=0.02)
    return [group, excite, inhibit, b.SpikeMonitor(group, name="monitor")]
