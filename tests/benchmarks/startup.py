"""Start-up: wall seconds from ``python script.py`` to the first spike of CUBA, and after a change
in one process.

Cases: a script with the kernels' machine code on disk ("warm cache"), with nothing on disk ("empty
cache"); then, in a process that has run the network once, the time to build it with another size,
weight or time constant and to run to the first spike, with the number of functions compiled for it.
cpu_s and wall_s are of the whole case, not per biological second; ratios are of wall time. Brian2,
if asked for, defines the network, compiles it (C++ standalone) and runs 0.1 s. The limit is the
time in which Python starts and imports NumPy and Numba.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from numba.core import event
from pydantic import BaseModel, ConfigDict, Field

from potentia import Simulator

from . import cuba
from ._brian2 import Program
from ._case import Case, command, environment
from ._first_spike import network, run_to_first_spike
from ._measure import Measure, Row, clocked, clocked_children, peak_mb, take_turns

PEERS = ("brian2",)
CHANGES: dict[str, Callable[[int], dict[str, float]]] = {
    "size": lambda turn: {},
    "weight": lambda turn: {"weight": 1.62e-3 * (1 + 0.01 * turn)},
    "time constant": lambda turn: {"tau": 20e-3 * (1 + 0.01 * turn)},
}


class Settings(BaseModel):
    """What can be set."""

    model_config = ConfigDict(extra="forbid")

    neurons: int = Field(4000, ge=10, le=1_000_000, description="four fifths excitatory")
    repeats: int = Field(3, ge=1, le=100, description="of every case, taking turns")


def run(settings: Settings, peers: Sequence[str]) -> dict[str, Any]:
    """Measure; return the report of a benchmark."""
    with ExitStack() as stack:
        warm = stack.enter_context(tempfile.TemporaryDirectory(prefix="potentia-cache-"))
        _script(settings, warm)
        cases: dict[str, Measure] = {
            "script, warm cache": lambda: _script(settings, warm),
            "script, empty cache": lambda: _cold(settings),
        }
        cases |= {
            f"another {change}": stack.enter_context(Case(ready, settings, change=change))
            for change in CHANGES
        }
        rows = take_turns(cases, settings.repeats)
        limit = take_turns({"limit": _limit}, settings.repeats)[0]
        if "brian2" in peers:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="potentia-bench-"))
            rows.append(_brian2(settings, Path(folder)))
    ours = rows[0]["wall_s"]
    return {
        "bench": "startup",
        "rows": rows,
        "ratios": {"brian2/ours": rows[-1]["wall_s"] / ours} if "brian2" in peers else {},
        "ceiling_fraction": limit["wall_s"] / ours,
    }


def ready(settings: Settings, *, change: str) -> Measure:
    """One repeat: build a network that differs from all before it, run it to the first spike, count
    compilations.
    """
    run_to_first_spike(Simulator(network(settings.neurons)))
    turn = 0

    def measure() -> Row:
        nonlocal turn
        turn += 1
        neurons = settings.neurons + (10 * turn if change == "size" else 0)
        with event.install_recorder("numba:run_pass") as passes:
            net = network(neurons, **CHANGES[change](turn))
            _, cpu, wall = clocked(lambda: run_to_first_spike(Simulator(net)))
        row = {"engine": "clock", "cpu_s": cpu, "wall_s": wall, "rss_mb": peak_mb()}
        return row | {"compiled": compiled(passes)}

    return measure


def compiled(passes: Any) -> int:
    """How many functions Numba compiled while it recorded its passes: each is lowered once."""
    return sum(
        part.is_start and part.data["name"].startswith("native_lowering ")
        for _, part in passes.buffer
    )


def _script(settings: Settings, cache: str) -> Row:
    """From the start of Python to the line that tells of the first spike."""

    def work() -> Row:
        job = command("potentia.tests.benchmarks._first_spike", str(settings.neurons))
        done = subprocess.run(
            job, env=environment(NUMBA_CACHE_DIR=cache), capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(
                f"the script ended: {(done.stderr.strip().splitlines() or ['no message'])[-1]}"
            )
        told: Row = json.loads(done.stdout)
        return told

    told, cpu, wall = clocked_children(work)
    return {"engine": "clock", "cpu_s": cpu, "wall_s": wall, "rss_mb": told["rss_mb"]}


def _cold(settings: Settings) -> Row:
    with tempfile.TemporaryDirectory(prefix="potentia-cache-") as empty:
        return _script(settings, empty)


def _limit() -> Row:
    job = [sys.executable, "-c", "import numpy, numba"]
    _, cpu, wall = clocked_children(lambda: subprocess.run(job, check=True))
    return {"engine": "python", "cpu_s": cpu, "wall_s": wall}


def _brian2(settings: Settings, folder: Path) -> Row:
    chosen = cuba.Settings(neurons=settings.neurons, duration=0.1, warmup=1e-3)
    told, cpu, wall = clocked_children(Program(cuba.__name__, chosen, folder))
    row = {
        "case": "brian2, C++ standalone",
        "engine": "cpp_standalone",
        "cpu_s": cpu,
        "wall_s": wall,
    }
    return row | {"rss_mb": told["rss_mb"]}
