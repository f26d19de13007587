"""Construction: million synapses per CPU second, drawn and put in (source, delay) order, on one thread.

Each recipe makes about the same number of synapses; "network" builds a whole simulator, with one weight and delay
or with a weight and a delay drawn for every synapse. The ceiling is the time to write the bare arrays, 8 bytes per
synapse, at random places. Every case is measured after one warm-up; medians of the repeats are reported.
"""

from __future__ import annotations

import resource
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from potentia import Network, Simulator
from potentia.models import LIF
from potentia.sim import (
    AllToAll,
    Connectivity,
    DistanceDependent,
    Explicit,
    FixedInDegree,
    FixedOutDegree,
    FixedProbability,
    FixedTotal,
    Normal,
    SmallWorld,
)
from potentia.sim.synapses import arrange

PEERS: tuple[str, ...] = ()


class Settings(BaseModel):
    """What can be set."""

    model_config = ConfigDict(extra="forbid")

    seed: int = Field(1, ge=0, le=2**64 - 1, description="of every random draw")
    synapses: int = Field(5_000_000, ge=10_000, le=200_000_000, description="of every case, about")
    repeats: int = Field(3, ge=1, le=100, description="of every case")


def run(settings: Settings, peers: Sequence[str]) -> dict[str, Any]:
    """Measure; return the report of a benchmark."""
    rows = [_row(case, build, settings) for case, build in _cases(settings).items()]
    whole = next(row for row in rows if row["case"] == "network, one weight and delay")
    return {
        "bench": "construction",
        "rows": rows,
        "ratios": {},
        "ceiling_fraction": _ceiling(settings) / (whole["cpu_s"] / whole["synapses"]),
    }


def _cases(settings: Settings) -> dict[str, Callable[[], int]]:
    """Functions that build and return the number of synapses."""
    k = 500
    n = round(settings.synapses / k)
    side = round((n / 2) ** (1 / 3)) + 1
    rng = np.random.default_rng(settings.seed)
    listed = Explicit(rng.integers(0, n, n * k), rng.integers(0, n, n * k))
    recipes: dict[str, tuple[Connectivity, int]] = {
        "all to all": (AllToAll(), round(settings.synapses**0.5)),
        "Bernoulli": (FixedProbability(k / n), n),
        "fixed in-degree": (FixedInDegree(k), n),
        "fixed out-degree": (FixedOutDegree(k), n),
        "fixed total": (FixedTotal(n * k), n),
        "small world": (SmallWorld(k, 0.1), n),
        "distance-dependent": (DistanceDependent(shape=(side, side, side), peak=0.5, length=side / 3), side**3),
        "explicit, unsorted": (listed, n),
    }
    cases = {name: _recipe(recipe, units, settings.seed) for name, (recipe, units) in recipes.items()}
    cases["network, one weight and delay"] = _network(k, n, settings.seed, drawn=False)
    cases["network, drawn weights and delays"] = _network(k, n, settings.seed, drawn=True)
    return cases


def _recipe(recipe: Connectivity, n: int, seed: int) -> Callable[[], int]:
    def build() -> int:
        edges = recipe.edges(n, n, seed, recurrent=True)
        return arrange("bench", edges, 1, 1.0, n, n, plastic=False, key=seed, dt=1e-4).n

    return build


def _network(k: int, n: int, seed: int, *, drawn: bool) -> Callable[[], int]:
    def build() -> int:
        net = Network(seed=seed)
        units = net.population(LIF(), n)
        weight, delay = (Normal(1e-4, 1e-5), Normal(1.5e-3, 0.75e-3, low=1e-4)) if drawn else (1e-4, 1.5e-3)
        projection = net.connect(units, units, FixedProbability(k / n), weight=weight, delay=delay)
        return Simulator(net, dt=1e-4).plan.synapses[projection.name].n

    return build


def _row(case: str, build: Callable[[], int], settings: Settings) -> dict[str, Any]:
    build()
    cpu, wall = [], []
    for _ in range(settings.repeats):
        begin, began = time.process_time(), time.perf_counter()
        synapses = build()
        cpu.append(time.process_time() - begin)
        wall.append(time.perf_counter() - began)
    cpu_s = statistics.median(cpu)
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "case": case, "engine": "clock", "cpu_s": cpu_s, "wall_s": statistics.median(wall), "rss_mb": rss,
        "synapses": synapses, "synapses_per_s": synapses / cpu_s,
    }  # fmt: skip


def _ceiling(settings: Settings) -> float:
    """CPU seconds per synapse to write two 32-bit words at random places of fresh arrays."""
    places = np.random.default_rng(settings.seed).permutation(settings.synapses)
    values = np.arange(settings.synapses, dtype=np.uint32)
    times = []
    for _ in range(settings.repeats):
        begin = time.process_time()
        for _ in range(2):
            np.empty_like(values)[places] = values
        times.append(time.process_time() - begin)
    return statistics.median(times) / settings.synapses
