"""Probes compiled: buffers that the loop fills and Python empties between chunks of steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from . import validation as check
from .build import Build
from .network import Population, Probe
from .operator import Phase
from .signals import Memory, Signal

if TYPE_CHECKING:
    from .scope import PopulationScope

EVERY: Final = {"rate": 1e-3, "counts": 10e-3, "weights": 0.1}  # default sampling intervals [s]
BUFFER: Final = 1 << 22  # bytes per buffer of samples
SPIKE_ROWS: Final = 1 << 16


@dataclass(frozen=True)
class Recorder:
    """Where one probe writes: `rows` (1,) filled so far, and the `columns` with one row each.

    every: steps between samples; 0 for spikes. Weights have no columns: they are read between chunks.
    """

    probe: Probe
    every: int
    rows: Signal | None = None
    columns: tuple[Signal, ...] = ()

    def drain(self, memory: Memory) -> list[NDArray[Any]]:
        """Copies of the filled rows of every column; the buffer is empty afterwards."""
        if self.rows is None:
            return []
        filled = int(memory[self.rows][0])
        memory[self.rows][0] = 0
        return [memory[column][:filled].copy() for column in self.columns]


def build_probe(probe: Probe, scopes: Mapping[str, PopulationScope], build: Build) -> Recorder:
    """Declare the buffer and the operator of a probe."""
    every = _every(probe, build.dt)
    if not isinstance(probe.target, Population):
        return Recorder(probe, every)
    scope, name = scopes[probe.target.name], probe.name
    rows = build.signal(f"{name}.rows", "scratch", "int64", (1,))
    offered: dict[str, Any] = {"rows": rows, "every": every, "fired": scope.fired, "count": scope.count}
    if probe.what == "spikes":
        capacity = max(SPIKE_ROWS, 4 * probe.target.n)
        offered["row_steps"] = build.signal(f"{name}.row_steps", "scratch", "int64", (capacity,))
        offered["row_ids"] = build.signal(f"{name}.row_ids", "scratch", "uint32", (capacity,))
        build.operator(Phase.RECORD, name, "record_spikes_step", offered)
        return Recorder(probe, 0, rows, (offered["row_steps"], offered["row_ids"]))
    kernel, width, dtype = _sampler(probe, scope, offered, build)
    capacity = max(4, BUFFER // (8 * max(width, 1)))
    offered["samples"] = build.signal(f"{name}.samples", "scratch", dtype, (capacity, width))
    build.operator(Phase.RECORD, name, kernel, offered)
    return Recorder(probe, every, rows, (offered["samples"],))


def _sampler(probe: Probe, scope: PopulationScope, offered: dict[str, Any], build: Build) -> tuple[str, int, str]:
    """Kernel, number of columns and dtype of a sampling probe; its own signals join `offered`."""
    assert isinstance(probe.target, Population)
    n = probe.target.n
    if probe.what == "rate":
        offered["total"] = build.signal(f"{probe.name}.total", "flow", "int64", (1,))
        return "record_rate_step", 1, "int64"
    if probe.what == "counts":
        offered["tally"] = build.signal(f"{probe.name}.tally", "flow", "uint32", (n,))
        return "record_counts_step", n, "uint32"
    subset = np.arange(n) if probe.ids is None else np.array(probe.ids)
    variable = scope.state[probe.what]
    offered["subset"] = build.fixed(f"{probe.name}.subset", subset.astype(np.uint32))
    offered["variable"] = variable
    return "record_state_step", subset.size, variable.dtype


def _every(probe: Probe, dt: float) -> int:
    if probe.what == "spikes":
        return 0
    interval = probe.every if probe.every is not None else max(EVERY.get(probe.what, dt), dt)
    return check.steps("Network", "probe every", interval, dt)
