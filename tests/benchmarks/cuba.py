"""CUBA (Brette et al. 2007, doi:10.1007/s10827-007-0038-6): CPU seconds per biological second on one thread.

The network of `potentia run balanced-network`, spikes recorded, beside Brian2 in its fastest mode (C++
standalone) if asked for. Repeats take turns, so that a change of the machine's speed meets all alike; medians
are reported. The ceiling is the time that the same arithmetic takes in two bare loops on this machine: a
linear update of three variables per neuron and step, and one addition at a random place per synaptic event.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numba import njit
from pydantic import BaseModel, ConfigDict, Field

from potentia import Simulator
from potentia.errors import DependencyError
from potentia.experiments import balanced_network

PEERS = ("brian2",)
DT = 1e-4  # [s]
Row = dict[str, Any]


class Settings(BaseModel):
    """What can be set."""

    model_config = ConfigDict(extra="forbid")

    seed: int = Field(1, ge=0, le=2**64 - 1, description="of every random draw")
    neurons: int = Field(4000, ge=10, le=1_000_000, description="four fifths excitatory")
    duration: float = Field(2.0, ge=0.1, description="simulated time of one repeat [s]")
    repeats: int = Field(5, ge=1, le=100, description="of every case, taking turns")


def run(settings: Settings, peers: Sequence[str]) -> dict[str, Any]:
    """Measure; return the report of a benchmark."""
    with tempfile.TemporaryDirectory(prefix="potentia-bench-") as folder:
        cases = {f"potentia-{dtype}": _ours(settings, dtype) for dtype in ("float32", "float64")}
        if "brian2" in peers:
            cases["brian2-float64"] = _brian2(settings, Path(folder))
        rows = {case: [measure()] for case, measure in cases.items()}
        for _ in range(settings.repeats - 1):
            for case, measure in cases.items():
                rows[case].append(measure())
    medians = {case: _median(case, measured) for case, measured in rows.items()}
    ours = medians["potentia-float32"]
    return {
        "bench": "cuba",
        "rows": list(medians.values()),
        "ratios": {
            f"{case.split('-')[0]}/ours": row["cpu_s"] / ours["cpu_s"]
            for case, row in medians.items()
            if not case.startswith("potentia")
        },
        "ceiling_fraction": ceiling(settings.neurons, ours["events_per_s"]) / ours["cpu_s"],
    }


def ceiling(neurons: int, events_per_s: float) -> float:
    """CPU seconds per biological second that the bare arithmetic takes."""
    rng = np.random.default_rng(1)
    v, g_e, g_i = (rng.random(neurons).astype(np.float32) for _ in range(3))
    targets = rng.integers(0, neurons, 1_000_000).astype(np.uint32)
    steps = 2000
    update = _best(lambda: _update(v, g_e, g_i, steps)) / steps
    scatter = _best(lambda: _scatter(targets, g_e)) / targets.size
    return update / DT + scatter * events_per_s


@njit(cache=True, fastmath=True)
def _update(v, g_e, g_i, steps):
    a, b, c, d = np.float32(0.995), np.float32(0.0049), np.float32(0.005), np.float32(5.5e-5)
    decay_e, decay_i = np.float32(0.98), np.float32(0.99)
    for _ in range(steps):
        for i in range(v.size):
            v[i] = a * v[i] + b * g_e[i] + c * g_i[i] + d
            g_e[i] *= decay_e
            g_i[i] = g_i[i] * decay_i + np.float32(1e-12)


@njit(cache=True)
def _scatter(targets, receiving):
    for k in range(targets.size):
        receiving[targets[k]] += np.float32(1e-9)


def _best(work: Callable[[], Any]) -> float:
    """CPU seconds of the fastest of seven calls; the first one, which compiles, does not count."""
    work()
    taken = []
    for _ in range(7):
        begin = time.process_time()
        work()
        taken.append(time.process_time() - begin)
    return min(taken)


def _ours(settings: Settings, dtype: str) -> Callable[[], Row]:
    """One repeat of Potentia: a fresh network, compiled and warm, then timed."""
    chosen = balanced_network.Settings(seed=settings.seed, neurons=settings.neurons)

    def measure() -> Row:
        net = balanced_network.network(chosen)
        net.probes = [probe for probe in net.probes if probe.what == "spikes"]
        simulator = Simulator(net, dt=DT, dtype=dtype)
        simulator.run(10 * DT)
        cpu, wall = time.process_time(), time.perf_counter()
        result = simulator.run(settings.duration, progress=False)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        spikes = sum(len(result.spikes(name)) for name in ("exc", "inh"))
        synapses = sum(part.n for part in simulator.plan.synapses.values())
        row = _row(settings, "clock", cpu, wall, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
        return row | {
            "rate_hz": spikes / (settings.neurons * settings.duration),
            "events_per_s": spikes / settings.duration * synapses / settings.neurons,
        }

    return measure


def _brian2(settings: Settings, folder: Path) -> Callable[[], Row]:
    """One repeat of Brian2: the program that it generated and compiled once, run in a process of its own."""
    build = [sys.executable, "-m", "potentia.tests.benchmarks._cuba_brian2", str(folder)]
    build += [str(settings.neurons), str(settings.duration), str(settings.seed % 2**31)]
    done = subprocess.run(build, capture_output=True, text=True, check=False, cwd=folder)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise DependencyError(f"cuba --peers: Brian2 could not build its program: {reason}")

    def measure() -> Row:
        subprocess.run([str(folder / "main")], cwd=folder, stdout=subprocess.DEVNULL, check=True)
        cpu, wall, spikes, peak = (float(number) for number in (folder / "marks.txt").read_text().split())
        row = _row(settings, "cpp_standalone", cpu, wall, peak)
        return row | {"rate_hz": spikes / (settings.neurons * settings.duration), "events_per_s": None}

    return measure


def _row(settings: Settings, engine: str, cpu: float, wall: float, rss_kb: float) -> Row:
    times = {"cpu_s": cpu / settings.duration, "wall_s": wall / settings.duration}
    return {"engine": engine} | times | {"rss_mb": rss_kb / 1024}


def _median(case: str, measured: list[Row]) -> Row:
    """The median of every number over the repeats."""
    row: Row = {"case": case, "engine": measured[0]["engine"]}
    for key, value in measured[0].items():
        if key != "engine":
            row[key] = value and statistics.median(repeat[key] for repeat in measured)
    return row
