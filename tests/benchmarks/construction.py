"""Construction: million synapses per CPU second, drawn and put in (source, delay) order, on one
thread.

Each recipe makes about the same number of synapses; "network" builds a whole simulator, with one
weight and delay or with a weight and a delay drawn for every synapse. The ceiling is the time to
write the bare arrays, 8 bytes per synapse, at random places. Every case is measured after one
warm-up. cpu_s and wall_s are of one construction.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
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
    ScaleFree,
    SmallWorld,
)
from potentia.sim.plan.draw_synapses import arrange

from ._case import Case
from ._measure import Measure, Row, clocked, peak_mb, take_turns

PEERS: tuple[str, ...] = ()
Build = Callable[[], int]


class Settings(BaseModel):
    """What can be set."""

    model_config = ConfigDict(extra="forbid")

    seed: int = Field(1, ge=0, le=2**64 - 1, description="of every random draw")
    synapses: int = Field(5_000_000, ge=10_000, le=200_000_000, description="of every case, about")
    repeats: int = Field(3, ge=1, le=100, description="of every case")


def run(settings: Settings, peers: Sequence[str]) -> dict[str, Any]:
    """Measure; return the report of a benchmark."""
    with ExitStack() as stack:
        cases = {
            name: stack.enter_context(Case(ready, settings, case=name)) for name in _cases(settings)
        }
        rows = take_turns(cases, settings.repeats)
    whole = next(row for row in rows if row["case"] == "network, one weight and delay")
    return {
        "bench": "construction",
        "rows": rows,
        "ratios": {},
        "ceiling_fraction": _ceiling(settings) / (whole["cpu_s"] / whole["synapses"]),
    }


def ready(settings: Settings, *, case: str) -> Measure:
    """One repeat, after a first one that loads the kernels."""
    build = _cases(settings)[case]()
    build()

    def measure() -> Row:
        n, cpu, wall = clocked(build)
        row = {"engine": "clock", "cpu_s": cpu, "wall_s": wall, "rss_mb": peak_mb()}
        return row | {"synapses": n, "synapses_per_s": n / cpu}

    return measure


def _cases(settings: Settings) -> dict[str, Callable[[], Build]]:
    """What makes, for each case, the function that builds and returns the number of synapses."""
    k, seed = 500, settings.seed
    n = round(settings.synapses / k)
    side = round((n / 2) ** (1 / 3)) + 1
    recipes: dict[str, tuple[Callable[[], Connectivity], int]] = {
        "all to all": (AllToAll, round(settings.synapses**0.5)),
        "Bernoulli": (lambda: FixedProbability(k / n), n),
        "fixed in-degree": (lambda: FixedInDegree(k), n),
        "fixed out-degree": (lambda: FixedOutDegree(k), n),
        "fixed total": (lambda: FixedTotal(n * k), n),
        "small world": (lambda: SmallWorld(k, 0.1), n),
        "scale-free": (lambda: ScaleFree(k // 2), n),
        "distance-dependent": (
            lambda: DistanceDependent(shape=(side, side, side), peak=0.5, length=side / 3),
            side**3,
        ),
        "explicit, unsorted": (lambda: _listed(n, k, seed), n),
    }
    cases: dict[str, Callable[[], Build]] = {
        name: partial(_recipe, recipe, units, seed) for name, (recipe, units) in recipes.items()
    }
    cases["network, one weight and delay"] = partial(_network, k, n, seed, drawn=False)
    cases["network, drawn weights and delays"] = partial(_network, k, n, seed, drawn=True)
    return cases


def _listed(n: int, k: int, seed: int) -> Connectivity:
    rng = np.random.default_rng(seed)
    return Explicit(rng.integers(0, n, n * k), rng.integers(0, n, n * k))


def _recipe(make: Callable[[], Connectivity], n: int, seed: int) -> Build:
    recipe = make()

    def build() -> int:
        edges = recipe.edges(n, n, seed, recurrent=True)
        index, codes = np.zeros(len(edges), np.uint32), np.zeros(0, np.uint16)
        return arrange(edges, index, codes, n, 1, dealt=edges.dealt).targets.size

    return build


def _network(k: int, n: int, seed: int, *, drawn: bool) -> Build:
    def build() -> int:
        net = Network(seed=seed)
        units = net.population(LIF(), n)
        weight, delay = (
            (Normal(1e-4, 1e-5), Normal(1.5e-3, 0.75e-3, low=1e-4)) if drawn else (1e-4, 1.5e-3)
        )
        projection = net.connect(units, units, FixedProbability(k / n), weight=weight, delay=delay)
        return Simulator(net, dt=1e-4, threads=1).plan.synapses[projection.name].n

    return build


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
