"""Delivery: synaptic events per CPU second, end to end, beside the machine's own limit.

Sources that relay given spikes project to as many LIF neurons that never fire, so that nearly all
time goes into adding weights to the inputs of their targets; the rest (relays, neurons) is counted
too. In every step so many random sources fire that each target receives `load` events. Cases: sizes
and out-degrees, with one weight and delay, and with a weight and a delay drawn for every synapse.
Each row tells the limit of this machine for as many targets: ``x[place] += w`` at random places,
with one weight or with one read for each. The fraction of the bench is the worst of its rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, PositiveInt

from potentia import Network, Simulator
from potentia.models import LIF, SpikeSource
from potentia.sim import FixedOutDegree, Normal, SpikeTrain

from . import _ceiling
from ._case import Case
from ._measure import Measure, Row, built, clocked, take_turns, timed

PEERS: tuple[str, ...] = ()
DT = 1e-4  # [s]
DELAY = Normal(1.5e-3, 0.75e-3, low=DT, high=5e-3)  # [s]: of the microcircuit's excitatory synapses
WEIGHT = 1e-6  # [V]: 20 events per step never lift a target to the threshold
SETTLE = 60  # steps before the clocks start: the longest delay, so that as much arrives as is sent


class Settings(BaseModel):
    """What can be set."""

    model_config = ConfigDict(extra="forbid")

    seed: int = Field(1, ge=0, le=2**64 - 1, description="of every random draw")
    sizes: list[tuple[PositiveInt, PositiveInt]] = Field(
        [(4_000, 80), (10_000, 1_000), (38_600, 2_000), (77_000, 3_876)],
        min_length=1,
        description="neurons and out-degree of a case",
    )
    events: int = Field(100_000_000, ge=1_000, description="synaptic events of one repeat, about")
    load: float = Field(20.0, gt=0, description="events per target and step, about")
    repeats: int = Field(3, ge=1, le=100, description="of every case, taking turns")


def run(settings: Settings, peers: Sequence[str]) -> dict[str, Any]:
    """Measure; return the report of a benchmark.

    The cases of one size take turns, then their memory is freed.
    """
    rows = []
    for n, degree in settings.sizes:
        with ExitStack() as stack:
            cases = {
                f"{n} x {degree}, {name}": stack.enter_context(
                    Case(ready, settings, n=n, degree=degree, drawn=drawn)
                )
                for name, drawn in (("one weight", False), ("drawn weights and delays", True))
            }
            rows += take_turns(cases, settings.repeats)
    for row in rows:
        row["ceiling_per_s"] = 1 / _ceiling.scatter(row["neurons"], drawn=row["drawn"])
        row["fraction"] = row["events_per_s"] / row["ceiling_per_s"]
    fraction = min(row["fraction"] for row in rows)
    return {"bench": "delivery", "rows": rows, "ratios": {}, "ceiling_fraction": fraction}


def ready(settings: Settings, *, n: int, degree: int, drawn: bool) -> Measure:
    """One repeat: so many steps that about `settings.events` are delivered."""
    firing = min(max(round(settings.load * n / degree), 1), n)  # sources per step
    steps = max(round(settings.events / (firing * degree)), 1)
    train = spikes(settings.seed, n, firing, SETTLE + settings.repeats * steps)
    simulator, construction = built(
        lambda: build(settings.seed, train, n, degree, drawn),
        lambda: build(settings.seed, train, n, 1, drawn),
    )
    simulator.run(SETTLE * DT)

    def measure() -> Row:
        _, cpu, wall = clocked(lambda: simulator.run(steps * DT, progress=False))
        row = timed(steps * DT, cpu, wall) | {"neurons": n, "drawn": drawn, **construction}
        return row | {"events_per_s": steps * firing * degree / cpu}

    return measure


def spikes(seed: int, n: int, firing: int, steps: int) -> SpikeTrain:
    """In each of `steps` steps `firing` of `n` units, chosen at random."""
    rng = np.random.default_rng(seed)
    ids = np.concatenate(
        [rng.choice(n, firing, replace=False, shuffle=False) for _ in range(steps)]
    )
    return SpikeTrain(np.repeat(np.arange(1, steps + 1) * DT, firing), ids)


def build(seed: int, train: SpikeTrain, n: int, degree: int, drawn: bool) -> Simulator:
    """Relays that fire as `train` says, and their targets."""
    net = Network(seed=seed)
    sources = net.population(SpikeSource(), n, name="sources")
    targets = net.population(LIF(threshold=1.0), n, name="targets")
    weight, delay = (Normal(WEIGHT, 0.1 * WEIGHT), DELAY) if drawn else (WEIGHT, 1.5e-3)
    net.connect(sources, targets, FixedOutDegree(degree), weight=weight, delay=delay)
    net.stimulate(sources, train)
    return Simulator(net, dt=DT, threads=1)
