"""A benchmark network, on one thread unless told otherwise, beside other simulators: CPU seconds
per biological second.

The bench's module offers ``network(settings)``, Potentia's description, and ``brian2_parts(b,
settings)``, the same network in Brian2. Every case has a process of its own; each repeat makes a
fresh network from it, which runs through the warm-up before the clocks start. All record the spikes
of every neuron.
"""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from potentia import Simulator

from . import _ceiling
from ._brian2 import Program
from ._case import Case
from ._measure import Measure, Row, clocked, ratios, simulated, synapses, take_turns

DT = 1e-4  # [s]
OURS = "potentia-float32"
MOST_NEURONS = 1_000_000
SHORTEST = 0.1  # [s] that tell a time


class Race(BaseModel):
    """What can be set in a bench of this kind."""

    model_config = ConfigDict(extra="forbid")

    seed: int = Field(1, ge=0, le=2**64 - 1, description="of every random draw")
    neurons: int = Field(4000, ge=10, le=MOST_NEURONS, description="four fifths excitatory")
    duration: float = Field(2.0, ge=SHORTEST, description="simulated time of one repeat [s]")
    warmup: float = Field(0.2, ge=1e-3, description="simulated before the clocks start [s]")
    threads: int = Field(1, ge=1, le=1024, description="of Potentia; the peers run on one")
    repeats: int = Field(5, ge=1, le=100, description="of every case, taking turns")


def compare(
    bench: str,
    settings: Race,
    peers: Sequence[str],
    *,
    kind: str,
    additions: float = 1.0,
    further: Mapping[str, Race] | None = None,
) -> dict[str, Any]:
    """The report of the bench in the module `bench`.

    kind of neuron and additions per synaptic event set the ceiling: see `ceiling`. further: more
    cases of Potentia in float32, by their names, with settings of their own.
    """
    with ExitStack() as stack:
        cases: dict[str, Measure] = {}
        for dtype in ("float32", "float64"):
            case = Case(ready, settings, module=bench, dtype=dtype)
            cases[f"potentia-{dtype}"] = stack.enter_context(case)
        if "brian2" in peers:
            folder = Path(
                stack.enter_context(tempfile.TemporaryDirectory(prefix="potentia-bench-"))
            )
            cases["brian2-float64"] = Program(bench, settings, folder)
        for name, own in (further or {}).items():
            cases[name] = stack.enter_context(Case(ready, own, module=bench, dtype="float32"))
        rows = take_turns(cases, settings.repeats)
    ours = next(row for row in rows if row["case"] == OURS)
    return {
        "bench": bench.rsplit(".", 1)[-1].replace("_", "-"),
        "rows": rows,
        "ratios": ratios(rows, ours),
        "ceiling_fraction": ceiling(settings.neurons, additions * ours["events"], kind)
        / ours["cpu_s"],
    }


def ceiling(neurons: int, additions: float, kind: str) -> float:
    """CPU seconds per biological second that the bare arithmetic takes.

    One bare update of every neuron in every step, and `additions` at random places per biological
    second.
    """
    return (
        _ceiling.update(neurons, kind) * neurons / DT
        + _ceiling.scatter(neurons, drawn=False) * additions
    )


def ready(settings: Race, *, module: str, dtype: str) -> Measure:
    """One repeat of Potentia: a fresh network, compiled and warm, then timed."""
    bench = importlib.import_module(module)

    def measure() -> Row:
        def build() -> Simulator:
            return Simulator(bench.network(settings), dt=DT, dtype=dtype, threads=settings.threads)

        simulator, _, build_s = clocked(build)
        simulator.run(settings.warmup, progress=False)
        row = simulated(simulator, settings.duration)
        return row | {"build_s": build_s, "synapses": synapses(simulator)}

    return measure
