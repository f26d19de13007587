"""Probes compiled: buffers that the loop fills and Python empties between chunks of steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from .. import validation as check
from ..description.parts import Population, Probe
from ..operators.build import Build
from ..operators.operator import Phase
from ..operators.signals import ANY, Memory, Signal

if TYPE_CHECKING:
    from ..operators.synapses import Synapses
    from .population import PopulationScope

EVERY: Final = {"rate": 1e-3, "counts": 10e-3, "weights": 0.1}  # default sampling intervals [s]
COUNTED: Final = ("counts", "rate")  # what probes see that is made by counting spikes
SENT: Final = ("spikes", *COUNTED)  # and all that they see of what units send
BUFFER: Final = 1 << 22  # bytes per buffer of samples
SPIKE_ROWS: Final = 1 << 16


@dataclass(frozen=True)
class Recorder:
    """The buffers of one probe.

    The arrays `columns` have one row per spike or sample, of which `rows` (1,) are filled.

    every: steps between samples; 0 for spikes. Weights have no columns: they are read between
    chunks. Where the kernel writes spikes or counts of all units, `drain` keeps those of the units
    `ids`; pooled: only the sum of their counts.
    """

    probe: Probe
    every: int
    rows: Signal | None = None
    columns: tuple[Signal, ...] = ()
    ids: NDArray[np.int64] | None = None
    pooled: bool = False

    def drain(self, memory: Memory) -> list[NDArray[Any]]:
        """Copies of the filled rows of every column; the buffer is empty afterwards."""
        if self.rows is None:
            return []
        filled = int(memory[self.rows][0])
        memory[self.rows][0] = 0
        columns = [memory[column][:filled] for column in self.columns]
        if self.ids is None:
            return [column.copy() for column in columns]
        if self.probe.what == "spikes":
            wanted = np.isin(columns[1], self.ids)
            return [column[wanted] for column in columns]
        counts = columns[0][:, self.ids]
        return [counts.sum(axis=1, keepdims=True, dtype=np.int64) if self.pooled else counts]


def recorded(probe: Probe, n: int) -> NDArray[np.int64]:
    """Which of `n` units or synapses a probe records."""
    return np.arange(n) if probe.ids is None else np.array(probe.ids, np.int64)


def check_synapses(probe: Probe, n: int) -> None:
    """Raise ParameterError where a probe names synapses beyond the `n` that were drawn."""
    if probe.ids is not None and max(probe.ids) >= n:
        rule = f"of {probe.name}: every index must be >= 0 and < {n}, the number of synapses"
        raise check.fail("Network", "probe ids", rule, max(probe.ids))


def build_probe(
    probe: Probe,
    scopes: Mapping[str, PopulationScope],
    synapses: Mapping[str, Synapses],
    build: Build,
) -> Recorder:
    """Declare the buffer and the operator of a probe."""
    every = _every(probe, build.dt)
    if not isinstance(probe.target, Population):
        check_synapses(probe, synapses[probe.target.name].n)
        return Recorder(probe, every)
    ids = None if probe.ids is None else recorded(probe, probe.target.n)
    scope, name = scopes[probe.target.name], probe.name
    rows = build.signal(f"{name}.rows", "scratch", "int64", (1,))
    offered: dict[str, Any] = {
        "rows": rows,
        "every": every,
        "fired": scope.fired,
        "count": scope.count,
    }
    if probe.what == "spikes":
        capacity = max(SPIKE_ROWS, 4 * probe.target.n)
        offered["row_steps"] = build.signal(f"{name}.row_steps", "scratch", "int64", (capacity,))
        offered["row_ids"] = build.signal(f"{name}.row_ids", "scratch", "uint32", (capacity,))
        build.operator(Phase.RECORD, name, "record_spikes_step", offered)
        return Recorder(probe, 0, rows, (offered["row_steps"], offered["row_ids"]), ids)
    kernel, width, dtype = _sampler(probe, scope, offered, build)
    capacity = max(4, BUFFER // (8 * max(width, 1)))
    offered["samples"] = build.signal(f"{name}.samples", "scratch", dtype, (capacity, width))
    build.operator(Phase.RECORD, name, kernel, offered)
    counts = kernel == "record_counts_step"
    return Recorder(
        probe, every, rows, (offered["samples"],), ids if counts else None, probe.what == "rate"
    )


def _sampler(
    probe: Probe, scope: PopulationScope, offered: dict[str, Any], build: Build
) -> tuple[str, int, str]:
    """Kernel, number of columns and dtype of a sampling probe; its own signals join `offered`."""
    assert isinstance(probe.target, Population)
    n = probe.target.n
    if probe.what == "rate" and probe.ids is None:
        offered["total"] = build.signal(f"{probe.name}.total", "flow", "int64", (1,), most=ANY)
        return "record_rate_step", 1, "int64"
    if probe.what in COUNTED:
        offered["tally"] = build.signal(f"{probe.name}.tally", "flow", "uint32", (n,), most=ANY)
        return "record_counts_step", n, "uint32"
    subset = recorded(probe, n)
    variable = scope.state[probe.what]
    offered["subset"] = build.fixed(f"{probe.name}.subset", subset.astype(np.uint32))
    offered["variable"] = variable
    return "record_state_step", subset.size, variable.dtype


def _every(probe: Probe, dt: float) -> int:
    if probe.what == "spikes":
        return 0
    if probe.every is None:
        return max(round(EVERY.get(probe.what, dt) / dt), 1)
    return check.steps("Network", "probe every", probe.every, dt)
