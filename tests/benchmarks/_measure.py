"""How a benchmark measures: CPU and wall seconds, peak memory, events; repeats in turns, medians of
them.

A row is a dictionary: "case", "engine", "cpu_s" and "wall_s" (per biological second where time is
simulated), "rss_mb" (peak resident memory of the process [MiB]) and what else a bench tells.
"""

from __future__ import annotations

import os
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from potentia import Result, Simulator
from potentia.sim.progress import meter

Row = dict[str, Any]
Measure = Callable[[], Row]
T = TypeVar("T")
TELLING = 1_000_000  # synapses from which their memory stands out


def clocked(work: Callable[[], T]) -> tuple[T, float, float]:
    """What `work` returns, and the CPU and wall seconds that it took."""
    cpu, wall = time.process_time(), time.perf_counter()
    made = work()
    return made, time.process_time() - cpu, time.perf_counter() - wall


def clocked_children(work: Callable[[], T]) -> tuple[T, float, float]:
    """What `work` returns, the CPU seconds of the processes that it began and waited for, and its
    wall seconds.
    """
    before, wall = os.times(), time.perf_counter()
    made = work()
    wall, after = time.perf_counter() - wall, os.times()
    cpu = (
        after.children_user - before.children_user + after.children_system - before.children_system
    )
    return made, cpu, wall


def peak_mb() -> float:
    """Peak resident memory of this process [MiB]."""
    return _resident("VmHWM")


def held_mb() -> float:
    """Resident memory of this process now [MiB]; where the system does not tell, its peak."""
    return _resident("VmRSS")


def _resident(name: str) -> float:
    """Linux tells it per program in /proc; getrusage, the fallback, counts what the parent held
    before exec.
    """
    status = Path("/proc/self/status")
    if status.exists():
        lines = dict(line.partition(":")[::2] for line in status.read_text().splitlines())
        if name in lines:
            return int(lines[name].split()[0]) / 1024
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used / (1024 * 1024 if sys.platform == "darwin" else 1024)


def built(build: Callable[[], Simulator], small: Callable[[], Simulator]) -> tuple[Simulator, Row]:
    """The simulator that `build` makes, and what that took; to be called first in a fresh process.

    build_s, wall seconds; synapses, and how many were made per CPU second; bytes_per_synapse that
    stay resident, None where they are too few to tell. `small` makes the same network with hardly
    any synapses: its first call loads the kernels, the memory of its second is that of all else.
    """
    small()
    before = held_mb()
    rest = small()
    other = held_mb() - before
    del rest
    before = held_mb()
    simulator, cpu, wall = clocked(build)
    n = synapses(simulator)
    held = (held_mb() - before - other) * 2**20 / n if n >= TELLING else None
    return simulator, {
        "build_s": wall,
        "synapses": n,
        "synapses_per_s": n / cpu,
        "bytes_per_synapse": held,
    }


def simulated(simulator: Simulator, duration: float, **options: Any) -> Row:
    """Run for `duration` [s]: the row of that span, rates and events if spikes are recorded."""
    result, cpu, wall = clocked(lambda: simulator.run(duration, progress=False, **options))
    return timed(duration, cpu, wall) | activity(simulator, result, cpu)


def timed(duration: float, cpu: float, wall: float) -> Row:
    """What every row of a simulation begins with: seconds per biological second, peak memory."""
    return {
        "engine": "clock",
        "cpu_s": cpu / duration,
        "wall_s": wall / duration,
        "rss_mb": peak_mb(),
    }


def activity(simulator: Simulator, result: Result, cpu: float) -> Row:
    """rate_hz per neuron, synaptic events per biological second and per CPU second, where spikes
    are recorded.

    A spike counts as many events as the projection has synapses per source on average.
    """
    network, recorded = simulator.network, result.spike_records
    if any(population.name not in recorded for population in network.populations):
        return {}
    span = result.stop - result.start
    events = sum(
        len(recorded[part.pre.name]) * simulator.plan.synapses[part.name].n / part.pre.n
        for part in network.projections
    )
    neurons = sum(population.n for population in network.populations)
    spikes = sum(len(train) for train in recorded.values())
    return {
        "rate_hz": spikes / neurons / span,
        "events": events / span,
        "events_per_s": events / cpu,
    }


def synapses(simulator: Simulator) -> int:
    """All synapses of a compiled network."""
    return sum(part.n for part in simulator.plan.synapses.values())


def take_turns(cases: Mapping[str, Measure], repeats: int) -> list[Row]:
    """Measure every case `repeats` times, taking turns, so that a change of the machine's speed
    meets all alike.

    Returns one row per case with the median of every number. A bar tells how far it is.
    """
    measured: dict[str, list[Row]] = {case: [] for case in cases}
    with meter(repeats * len(cases), unit="cases") as tick:
        for _ in range(repeats):
            for case, measure in cases.items():
                measured[case].append(measure())
                tick(1)
    return [median(case, rows) for case, rows in measured.items()]


def median(case: str, rows: list[Row]) -> Row:
    """The median of every number over the repeats; what never changes, or is no number, is taken
    from the first.
    """
    row: Row = {"case": case}
    for key, value in rows[0].items():
        number = isinstance(value, (int, float)) and any(repeat[key] != value for repeat in rows)
        row[key] = statistics.median([repeat[key] for repeat in rows]) if number else value
    return row


def ratios(rows: Iterable[Row], ours: Row) -> dict[str, float]:
    """CPU time of every peer as a multiple of `ours`: cases that Potentia did not run, by their
    name up to a hyphen.
    """
    return {
        f"{row['case'].split('-')[0]}/ours": row["cpu_s"] / ours["cpu_s"]
        for row in rows
        if not row["case"].startswith("potentia")
    }
