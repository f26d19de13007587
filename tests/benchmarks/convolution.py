"""Convolutions: CPU seconds per delivered synapse, by the kernel alone and from a list.

Sources of Poisson spikes project to units that never fire, with all synapses of a layer following
from its kernel, or listed one by one. The time of the same network without synapses is taken off,
so what is told is delivery alone. The ratios say how many times as long the list takes.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, PositiveInt

from potentia import Network, Simulator
from potentia.models import IF, SpikeSource
from potentia.sim import Conv2d, Explicit, Poisson, SumPool2d
from potentia.sim.description.convolution import Sliding

from ._case import Case
from ._measure import Measure, Row, take_turns, timed

PEERS: tuple[str, ...] = ()
DT = 1e-3  # [s]
WEIGHT = 1e-3
FORMS = ("kernel", "list")
MOST_STEPS = 400  # in which few synapses per unit leave most of the time to the units
Layer = tuple[PositiveInt, PositiveInt, PositiveInt, PositiveInt, PositiveInt]


class Settings(BaseModel):
    """What can be set."""

    model_config = ConfigDict(extra="forbid")

    seed: int = Field(1, ge=0, le=2**64 - 1, description="of every random draw")
    layers: list[Layer] = Field(
        [(32, 64, 32, 3, 1), (32, 64, 32, 3, 2), (16, 32, 14, 3, 1), (16, 32, 8, 3, 1)],
        description="channels in and out, rows of the image, rows of the kernel, stride",
    )
    pools: list[tuple[PositiveInt, PositiveInt, PositiveInt]] = Field(
        [(32, 32, 2)], description="channels, rows of the image, rows of the window"
    )
    rate: float = Field(50.0, gt=0, le=1000.0, description="of every source [Hz]")
    events: int = Field(20_000_000, ge=1_000, description="delivered synapses of a repeat, about")
    repeats: int = Field(3, ge=1, le=100, description="of every case, taking turns")


def run(settings: Settings, peers: Sequence[str]) -> dict[str, Any]:
    """Measure; return the report of a benchmark."""
    rows: list[Row] = []
    ratios = {}
    for layer, name in _layers(settings):
        with (
            Case(ready, settings, layer=layer, form=FORMS[0]) as one,
            Case(ready, settings, layer=layer, form=FORMS[1]) as other,
        ):
            cases = {
                f"{name}, {form}": case for form, case in zip(FORMS, (one, other), strict=True)
            }
            rows += take_turns(cases, settings.repeats)
        kernel, listed = (row["ns_per_synapse"] for row in rows[-2:])
        ratios[f"list/kernel {name}"] = listed / kernel
    return {"bench": "convolution", "rows": rows, "ratios": ratios, "ceiling_fraction": None}


def ready(settings: Settings, *, layer: int, form: str) -> Measure:
    """One repeat: so many steps that about `settings.events` synapses are delivered."""
    pixels, _ = _connectivity(settings, layer)
    n = pixels.convolution.n
    steps = min(max(round(settings.events / (n * settings.rate * DT)), 10), MOST_STEPS)
    simulator = build(settings, pixels, form)
    bare = build(settings, pixels, "none")
    told = {"synapses": n, "bytes_per_synapse": simulator.plan.synapse_bytes / n}
    for one in (simulator, bare):
        one.run(10 * DT)

    def measure() -> Row:
        times = []
        for one in (simulator, bare):
            cpu, wall = time.process_time(), time.perf_counter()
            one.run(steps * DT, progress=False)
            times.append((time.process_time() - cpu, time.perf_counter() - wall))
        delivering = max(times[0][0] - times[1][0], 1e-9)
        each = delivering / (n * settings.rate * DT * steps)
        return timed(steps * DT, *times[0]) | told | {"ns_per_synapse": each * 1e9}

    return measure


def build(settings: Settings, pixels: Sliding, form: str) -> Simulator:
    """The layer, by its kernel, from a list, or without any synapse."""
    own = pixels.convolution
    net = Network(seed=settings.seed)
    pre = net.population(SpikeSource(), own.n_pre, name="pre")
    post = net.population(IF(threshold=1e9), own.n_post, name="post")
    net.stimulate(pre, Poisson(rate=settings.rate, weight=1.0))
    if form == "kernel":
        net.connect(pre, post, pixels, weight=WEIGHT)
    elif form == "list":
        edges = own.edges()
        assert edges.weights is not None
        listed = Explicit(edges.sources, edges.targets)
        one = np.ptp(edges.weights) == 0
        net.connect(pre, post, listed, weight=WEIGHT if one else edges.weights * WEIGHT)
    return Simulator(net, dt=DT, threads=1)


def _layers(settings: Settings) -> list[tuple[int, str]]:
    """The number of each layer, and its name."""
    count = len(settings.layers) + len(settings.pools)
    return [(k, _connectivity(settings, k)[1]) for k in range(count)]


def _connectivity(settings: Settings, layer: int) -> tuple[Sliding, str]:
    if layer < len(settings.layers):
        inputs, outputs, rows, size, stride = settings.layers[layer]
        kernel = np.random.default_rng(settings.seed).normal(size=(outputs, inputs, size, size))
        made = Conv2d(kernel, input_shape=(inputs, rows, rows), stride=stride, padding=size // 2)
        return made, f"{inputs}-{outputs} {size}x{size}/{stride} on {rows}x{rows}"
    channels, rows, size = settings.pools[layer - len(settings.layers)]
    pool = SumPool2d(size, input_shape=(channels, rows, rows))
    return pool, f"pool {channels} {size}x{size} on {rows}x{rows}"
