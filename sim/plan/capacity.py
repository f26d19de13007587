"""Whether a network fits into memory, asked before anything is drawn."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import numpy as np

from ...errors import CapacityError
from .. import free_memory
from ..description.convolution import Sliding
from ..description.distributions import Distribution, Parametric
from ..description.network import Network
from ..description.parts import Input, Population, Probe, Projection
from ..operators.convolution import Convolution
from .draw_values import MAX_LAG, RARE, weight_levels
from .inputs import event_input
from .probes import BUFFER

# Bytes:
# per synapse, in addition, while the synapses of a projection are drawn one by one
DRAWING: Final = 40
EVENT_SYNAPSE: Final = 48  # per synapse on the event engine, where all are listed
EVENT_SEGMENT: Final = 80  # per synapse there, in addition, where delays differ and must be sorted
# per synapse there that learns, in addition: its weight, which a run copies, and its index
EVENT_PLASTIC: Final = 40
EVENT_TRACE: Final = 32  # per trace of a source and delay there, which is kept twice
MEETING: Final = 24  # per meeting of a row of a kernel and one of an image, or of columns
MEETING_MADE: Final = 64  # in addition, while they are found and sorted
NUMBER: Final = 8  # per number of a unit: a state variable, a receptor, a drive
EVENT_UNIT: Final = 200  # per unit on the event engine, beside its state, which is kept twice
SPIKE: Final = 12  # per spike in a buffer

CHUNK: Final = 1000  # steps after which buffers of samples are emptied


class _Need(NamedTuple):
    """Memory that one part of a network takes [bytes], and a hint.

    It has what stays and what is needed only while the part is made.
    """

    part: Population | Projection | Input | Probe
    stays: float
    making: float
    hint: str


def check_memory(network: Network, *, dt: float | None, precision: str = "float32") -> None:
    """Raise CapacityError unless the network fits into the memory that is free.

    dt [s], None on the event engine; precision: of the clock engine.
    """
    free = free_memory.free_bytes()
    if free is None:
        return
    needs = [*_neurons(network, dt), *_synapses(network, precision, event=dt is None)]
    needed = sum(need.stays for need in needs) + max((need.making for need in needs), default=0.0)
    if needed <= free:
        return
    largest = max(needs, key=lambda need: need.stays + need.making)
    neurons = sum(part.n for part in network.populations)
    synapses = sum(
        part.connectivity.expected(part.pre.n, part.post.n) for part in network.projections
    )
    raise CapacityError(
        f"Network: {neurons:.3g} neurons with {synapses:.3g} synapses need {needed / 1e9:.1f} GB, but "
        f"{free / 1e9:.1f} GB are free; most by {largest.part.name}; {largest.hint} (got {largest.part})"
    )


def check_samples(samples: Mapping[Probe, tuple[int, int]]) -> None:
    """Raise CapacityError unless the samples of a run fit into free memory.

    Given by probe as (how many, numbers in each).
    """
    needs = {
        probe: float(NUMBER) * count * (width + 1) for probe, (count, width) in samples.items()
    }
    if needs:
        largest = max(needs, key=lambda probe: needs[probe])
        count, width = samples[largest]
        told = f"{count:.3g} samples of {width} numbers by the probe {largest}; sample less often, or use record_to"
        free_memory.check_bytes("Simulator.run", sum(needs.values()), told)


def by_rows(projection: Projection) -> bool:
    """Whether synapses are drawn source by source into their place and never listed one by one."""
    return (
        projection.static
        and projection.connectivity.independent
        and weight_levels(projection) is not None
    )


def _neurons(network: Network, dt: float | None) -> Iterator[_Need]:
    """What populations, their inputs and their probes take."""
    depth = _depths(network, dt)
    for part in network.populations:
        model = part.model
        if dt is None:
            each = EVENT_UNIT + 2.0 * NUMBER * len(model.state)
        else:
            each = NUMBER * (len(model.state) + len(model.receptors) + 1) + 4 * (1 + depth[part])
        yield _Need(part, each * part.n, NUMBER * part.n, "take fewer units or shorter delays")
    for described in network.inputs:
        yield _Need(described, _input(described, event=dt is None), 0, "take fewer units")
    for probe in network.probes:
        yield _Need(probe, _buffer(probe, event=dt is None), 0, "record fewer units, by ids")


def _depths(network: Network, dt: float | None) -> dict[Population, float]:
    """The number of steps for which each population's spikes are kept in its history."""
    depth = dict.fromkeys(network.populations, 1.0)
    for part in network.projections:
        steps = 0.0 if dt is None else min(_longest(part.delay) / dt, MAX_LAG)
        depth[part.pre] = max(depth[part.pre], 1 + steps)
    return depth


def _longest(delay: Any) -> float:
    """The longest delay [s], as far as it is known before delays are drawn."""
    if isinstance(delay, Parametric):
        return float(delay.quantile(np.array([1 - RARE]))[0])
    return 0.0 if isinstance(delay, Distribution) else float(np.max(delay, initial=0.0))


def _input(described: Input, *, event: bool) -> float:
    """Bytes of what a stimulus keeps beside what the user gave."""
    stimulus, n = described.stimulus, described.population.n
    if not event:
        return float(sum(NUMBER * math.prod(shape) for _, shape, _ in stimulus.flow(n).values()))
    told = event_input(described, stimulus)
    return 0.0 if told is None else float(told.room(n))


def _buffer(probe: Probe, *, event: bool) -> float:
    """Bytes of a probe's buffer that are in use before it is emptied.

    The clock engine counts spikes of all units.
    """
    if not isinstance(probe.target, Population):
        return 0.0
    if probe.what == "spikes":
        return 4.0 * SPIKE * probe.target.n
    if probe.what == "rate" and (event or probe.ids is None):
        return 1.0
    counted = probe.what in ("counts", "rate") and not event
    width = probe.target.n if probe.ids is None or counted else len(probe.ids)
    rows = min(max(4, BUFFER // (NUMBER * max(width, 1))), CHUNK)
    return float(NUMBER * width * rows)


def _synapses(network: Network, precision: str, *, event: bool) -> Iterator[_Need]:
    for part in network.projections:
        count = part.connectivity.expected(part.pre.n, part.post.n)
        if event:
            one = not isinstance(part.delay, Distribution) and np.ndim(part.delay) == 0
            each = EVENT_SYNAPSE + (0 if one else EVENT_SEGMENT)
            if part.rule is not None:
                each += EVENT_PLASTIC + (0 if one else EVENT_TRACE)
            yield _Need(part, count * each, 0, _event_hint(part))
        else:
            number = np.dtype(precision).itemsize
            own = part.convolution
            if own is not None:
                yield _convolution(part, own, number)
                continue
            stays = count * _stays(part, number)
            listed = not by_rows(part) or (part.graded and not part.store.can.redraws)
            yield _Need(part, stays, count * DRAWING if listed else 0, _hint(part))


def _convolution(part: Projection, own: Convolution, number: int) -> _Need:
    """What a convolution takes that stores no synapse: its kernel, once as given and once to deliver
    with, where targets lie, and tables of what meets what along rows and columns.
    """
    kernel = float((NUMBER + number + 4) * own.kernel.size)
    meetings = float(sum(own.meetings))
    hint = "take a smaller kernel, or less padding"
    return _Need(part, kernel + MEETING * meetings, MEETING_MADE * meetings, hint)


def _stays(projection: Projection, number: int) -> int:
    """Bytes per synapse that stay in memory; number: those of a float."""
    graded = {"number": number} if projection.graded else {}
    return projection.store.bytes_per_synapse(
        plastic=projection.rule is not None,
        levels=weight_levels(projection) is not None,
        **graded,
    )


def _hint(projection: Projection) -> str:
    if isinstance(projection.connectivity, Sliding):
        name = type(projection.connectivity).__name__
        return f"{name} stores no synapse with store=Ideal(), one delay and no rule"
    if by_rows(projection):
        return "store=Procedural() draws them again at every spike and keeps none"
    if not projection.static:
        return "only synapses that never change can do without memory, by store=Procedural()"
    return "FixedTotal or FixedOutDegree with store=Procedural() keeps none"


def _event_hint(projection: Projection) -> str:
    return (
        f"engine='clock' takes less: {_hint(projection)}"
        if projection.store.can.static
        else "take fewer synapses"
    )
