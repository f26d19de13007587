"""Joules and seconds, part by part, each figure with its source.

What has no source is listed as unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, final

import numpy as np

from ..errors import ParameterError
from ..sim import validation as check
from ..sim.description.parts import Projection
from ..sim.results.batch_result import BatchResult
from ..sim.results.result import Result
from .crossbars.crossbar import Crossbar

if TYPE_CHECKING:
    from ..sim.simulator import Simulator

ISAAC: Final = (
    "Shafiee et al. 2016 (ISAAC), doi:10.1145/3007787.3001139, at 32 nm as in hwcomponents"
)
HOROWITZ: Final = "Horowitz 2014, doi:10.1109/ISSCC.2014.6757323, 45 nm, 0.9 V"

CONVERSION: Final = {  # [J] per conversion, by bits
    4: 0.79e-12,
    5: 0.99e-12,
    6: 1.20e-12,
    7: 1.42e-12,
    8: 1.67e-12,
    9: 1.97e-12,
    10: 2.38e-12,
}
ROW_DRIVER: Final = 0.417e-12  # [J] per activation of a row, underuse included
ADD: Final = 0.9e-12  # [J] per 32-bit floating-point addition
# bytes of SRAM: [J] per 64-bit access
MEMORY: Final = {
    8 << 10: 10e-12,
    32 << 10: 20e-12,
    1 << 20: 100e-12,
}
DRAM: Final = 1.3e-9  # [J] per 64-bit access, the lower of 1.3 to 2.6 nJ
GPU_OPERATION: Final = 0.481e-12  # [J] per operation
GPU_SOURCE: Final = (
    "implied by the comparisons of Wang et al. 2023, doi:10.1038/s42256-023-00609-5, in both of their tasks: that of a "
    "card of 300 W and 624 TOPS"
)
WEIGHTS_PER_ACCESS: Final = 2  # 32-bit weights in 64 bits; the synapses of a spike lie side by side

OWNER: Final = "digital_joules"
UNKNOWN: Final = ("neurons", "spike routing and delays", "control")
UNKNOWN_ANALOGUE: Final = ("forming and writing", "sample and hold, subtraction of columns")


@final
@dataclass(frozen=True, kw_only=True)
class Part:
    """One contribution: `count` actions of `each` [J]; None where no source tells."""

    name: str
    count: float
    each: float | None
    source: str

    @property
    def joules(self) -> float | None:
        """All actions together [J]."""
        return None if self.each is None else self.count * self.each


@final
@dataclass(frozen=True, kw_only=True)
class Cost:
    """What the synapses of one projection took in a run; ``print(cost)`` is a table.

    reads: how often the array was read; each read takes `read_seconds` [s], None where a source is
    missing.
    """

    projection: str
    parts: tuple[Part, ...]
    unknown: tuple[str, ...]
    reads: float | None = None
    read_seconds: float | None = None

    @property
    def joules(self) -> float:
        """The sum of all parts with a source [J]."""
        return sum(part.joules or 0.0 for part in self.parts)

    @property
    def seconds(self) -> float | None:
        """What all reads take one after the other [s]; None where that is not known."""
        return (
            None
            if self.reads is None or self.read_seconds is None
            else self.reads * self.read_seconds
        )

    def sensitivity(self, factor: float = 2.0) -> list[tuple[str, float, float]]:
        """How the sum moves with each figure.

        It gives the part, and relative changes if the figure were 1 / factor or factor of it.

        Raises ParameterError for a factor that is not above 1.
        """
        factor = check.within("Cost.sensitivity", "factor", factor, above=1.0)
        whole = self.joules or 1.0
        shares = [
            (part.name, (part.joules or 0.0) / whole)
            for part in self.parts
            if part.each is not None
        ]
        return [(name, share * (1 / factor - 1), share * (factor - 1)) for name, share in shares]

    def __str__(self) -> str:
        took = "" if self.seconds is None else f", {self.seconds:.4g} s"
        lines = [
            f"{self.projection}: {self.joules:.4g} J{took}",
            f"{'part':16}{'count':>12}{'J each':>12}{'J':>12}  source",
        ]
        for part in self.parts:
            each, total = (
                f"{x:.4g}" if x is not None else "unknown" for x in (part.each, part.joules)
            )
            lines.append(f"{part.name:16}{part.count:12.6g}{each:>12}{total:>12}  {part.source}")
        return "\n".join([*lines, f"unknown: {', '.join(self.unknown)}"])


def joules(
    simulator: Simulator, result: Result | BatchResult, projection: Projection | str
) -> Cost:
    """The energy of a projection's synapses over `result`, of all samples of a batch together.

    projection: by its name, or as it was described, also before something was set in `simulator`.

    A crossbar is charged for what it counted. Any other store is charged as digital memory: a read
    and an addition per synaptic event; the spikes of the source population must then have been
    recorded.
    """
    found = _checked("joules", simulator, result, projection)
    if isinstance(found.store, Crossbar):
        return _analogue(found.store, found, result.tallies)
    events = synaptic_events(simulator, result, found)
    return digital_joules(found.name, events, simulator.plan.synapses[found.name].n)


def digital_joules(name: str, events: float, n_synapses: int) -> Cost:
    """What `events` synaptic events take in digital memory that holds `n_synapses` 32-bit weights."""
    name, events = check.text(OWNER, "name", name), check.within(OWNER, "events", events, least=0.0)
    nbytes = 4 * check.whole(OWNER, "n_synapses", n_synapses)
    size = next((size for size in MEMORY if nbytes <= size), None)
    access = DRAM if size is None else MEMORY[size]
    kind = "DRAM" if size is None else f"{size >> 10} KB SRAM"
    parts = (
        Part(
            name="weight reads",
            count=events,
            each=access / WEIGHTS_PER_ACCESS,
            source=f"{HOROWITZ}, {kind}, two per access",
        ),
        Part(name="additions", count=events, each=ADD, source=f"{HOROWITZ}, 32-bit floating point"),
    )
    return Cost(projection=name, parts=parts, unknown=UNKNOWN)


def gpu_joules(name: str, operations: float) -> Cost:
    """What so many operations take on a graphics card.

    It is of the kind that analogue arrays are compared with.
    """
    name = check.text("gpu_joules", "name", name)
    operations = check.within("gpu_joules", "operations", operations, least=0.0)
    parts = (Part(name="operations", count=operations, each=GPU_OPERATION, source=GPU_SOURCE),)
    return Cost(projection=name, parts=parts, unknown=("memory of the card", "idle power"))


def synaptic_events(
    simulator: Simulator, result: Result | BatchResult, projection: Projection | str
) -> int:
    """Spikes of the source population in `result` times the synapses that each of them reaches.

    projection: as in `joules`. Raises ParameterError where the spikes of a source with synapses
    were not recorded.
    """
    found = _checked("synaptic_events", simulator, result, projection)
    per_source, source = simulator.plan.synapses[found.name].outgoing(), found.pre.name
    samples = result.samples if isinstance(result, BatchResult) else [result]
    for sample in samples:
        missing = np.flatnonzero(per_source)
        if source in sample.spike_records:
            missing = np.setdiff1d(missing, sample.spike_records[source].units)
        if missing.size:
            raise ParameterError(
                f"joules.result: the events of {found.name!r} are counted by the spikes of {source!r}, of which "
                f"{missing.size} units with synapses were not recorded; add probe({source}, 'spikes') before the run"
            )
    return int(sum(sample.spikes(source).counts() @ per_source for sample in samples))


def _checked(owner: str, simulator: object, result: object, projection: object) -> Projection:
    """The projection as `simulator` has it now.

    Refuse what is no simulator with a result and a projection of its own.
    """
    from ..sim.simulator import Simulator

    asked: Simulator = check.instance(owner, "simulator", simulator, Simulator)
    if not isinstance(result, BatchResult):
        check.instance(owner, "result", result, Result)
    if isinstance(projection, str):
        return asked.projection(projection)
    described: Projection = check.instance(owner, "projection", projection, Projection)
    return asked.projection(described)


def _analogue(store: Crossbar, projection: Projection, tallies: dict[str, float]) -> Cost:
    """The energy of what a crossbar counted."""
    name, seconds = projection.name, store.read_seconds(projection.post.n)
    totals = {
        key.removeprefix(f"{name}."): total
        for key, total in tallies.items()
        if key.startswith(f"{name}.")
    }
    reads = totals["events"]
    cell = store.read_voltage**2 * store.read_time * totals["conducted"]
    bits = 0 if store.adc is None else store.adc.bits
    kind = f"{bits} bit" if bits else "ideal"
    each = CONVERSION.get(bits)
    parts = [
        Part(name="row drivers", count=totals["activations"], each=ROW_DRIVER, source=ISAAC),
        Part(
            name="cell pairs",
            count=reads,
            each=cell / reads if reads else 0.0,
            source=f"V^2 G t of every cell read, V = {store.read_voltage:g} V, t = {store.read_time:g} s",
        ),
        Part(
            name="converters",
            count=totals["conversions"],
            each=each,
            source=f"{ISAAC}, {kind}" if each is not None else f"no figure for {kind}",
        ),
    ]
    if "pulses" in totals:
        parts.append(
            Part(
                name="pulses", count=totals["pulses"], each=None, source="no figure for these cells"
            )
        )
    return Cost(
        projection=name,
        parts=tuple(parts),
        reads=totals["reads"],
        read_seconds=seconds,
        unknown=UNKNOWN + UNKNOWN_ANALOGUE + (("time of a conversion",) if seconds is None else ()),
    )
