"""Idle: what a silent network costs beside an active one, and a million neurons that hardly ever
fire.

Silent networks are where denormal numbers show: potentials and currents that decay towards zero
cost many times more once they leave the normal range, unless something stops them. CUBA (Brette et
al. 2007, doi:10.1007/s10827-007-0038-6) without its drive, and the same with 77,169 neurons of 80
inputs each that was active for 0.1 s: watched while its values decay, and later. Ratios are silent
/ active. The last case is a million LIF neurons without synapses, each of which fires at the times
of a Poisson train. Its limit is one bare update of every neuron per step; a simulator that skips
what is idle can beat it.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from potentia import Network, Simulator
from potentia.experiments import balanced_network
from potentia.models import LIF
from potentia.sim import Poisson, Step

from . import _ceiling
from ._case import Case
from ._measure import Measure, Row, simulated, take_turns

PEERS: tuple[str, ...] = ()
DT = 1e-4  # [s]
INPUTS = 80  # synapses per neuron
ACTIVE = 0.1  # [s]: how long the large silent network is driven
MILLION = "sparse"


class Settings(BaseModel):
    """What can be set."""

    model_config = ConfigDict(extra="forbid")

    seed: int = Field(1, ge=0, le=2**64 - 1, description="of every random draw")
    neurons: int = Field(4000, ge=100, le=1_000_000, description="of the small network")
    large: int = Field(77_169, ge=100, le=10_000_000, description="neurons of the large network")
    sparse: int = Field(
        1_000_000, ge=100, le=100_000_000, description="neurons that hardly ever fire"
    )
    rate: float = Field(0.01, ge=0, description="of each of these [Hz]")
    duration: float = Field(0.5, ge=0.01, description="simulated time of one repeat [s]")
    settle: float = Field(0.2, ge=1e-3, description="simulated before the clocks start [s]")
    later: float = Field(
        3.0, ge=0, description="simulated before the large network is watched again [s]"
    )
    repeats: int = Field(3, ge=1, le=100, description="of every case, taking turns")


def run(settings: Settings, peers: Sequence[str]) -> dict[str, Any]:
    """Measure; return the report of a benchmark."""
    small, large = settings.neurons, settings.large
    chosen: dict[str, dict[str, Any]] = {
        "CUBA, active": {"neurons": small, "drive": "on"},
        "CUBA, silent": {"neurons": small, "drive": "off"},
        "large, active": {"neurons": large, "drive": "on"},
        "large, decaying": {"neurons": large, "drive": "brief"},
        "large, long silent": {"neurons": large, "drive": "brief", "later": settings.later},
    }
    with ExitStack() as stack:
        cases: dict[str, Measure] = {
            name: stack.enter_context(Case(ready, settings, **options))
            for name, options in chosen.items()
        }
        cases[MILLION] = stack.enter_context(Case(ready_sparse, settings))
        rows = take_turns(cases, settings.repeats)
    cost = {row["case"]: row["cpu_s"] for row in rows}
    bare = _ceiling.update(settings.sparse, "lif") * settings.sparse / DT
    return {
        "bench": "idle",
        "rows": rows,
        "ratios": {
            "CUBA, silent/active": cost["CUBA, silent"] / cost["CUBA, active"],
            "large, decaying/active": cost["large, decaying"] / cost["large, active"],
            "large, long silent/active": cost["large, long silent"] / cost["large, active"],
        },
        "ceiling_fraction": bare / cost[MILLION],
    }


def network(seed: int, neurons: int, drive: str) -> Network:
    """CUBA at any size with the same inputs per neuron, spikes recorded; drive "on", "off" or
    "brief".
    """
    probability = min(INPUTS / neurons, 1.0)
    chosen = balanced_network.Settings(seed=seed, neurons=neurons, probability=probability)
    net = balanced_network.network(chosen)
    net.probes = [probe for probe in net.probes if probe.what == "spikes"]
    if drive != "on":
        net.inputs = []
    if drive == "brief":
        for population in net.populations:
            net.stimulate(population, Step([0.0, ACTIVE], [balanced_network.LEAK, 0.0]))
    return net


def ready(settings: Settings, *, neurons: int, drive: str, later: float = 0.0) -> Measure:
    """One repeat: a fresh network, its beginning, then the span that is timed."""

    def measure() -> Row:
        simulator = Simulator(network(settings.seed, neurons, drive), dt=DT, threads=1)
        simulator.run(
            (ACTIVE if drive == "brief" else 0.0) + settings.settle + later, progress=False
        )
        return _per_step(simulated(simulator, settings.duration))

    return measure


def ready_sparse(settings: Settings) -> Measure:
    """One repeat: a population without synapses, each unit lifted above its
    threshold now and then.
    """
    net = Network(seed=settings.seed)
    units = net.population(LIF(), settings.sparse, name="units")
    net.stimulate(units, Poisson(rate=settings.rate, weight=20e-3))
    net.probe(units, "spikes")
    simulator = Simulator(net, dt=DT, threads=1)
    simulator.run(settings.settle, progress=False)
    return lambda: _per_step(simulated(simulator, settings.duration))


def _per_step(row: Row) -> Row:
    return row | {"ms_per_step": row["cpu_s"] * DT * 1e3}
