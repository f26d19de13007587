"""Whether a network fits into memory, asked before anything is drawn."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from ..errors import CapacityError
from .network import Network, Projection
from .weighing import law_levels

STORED: Final = 4  # bytes of a synapse whose weight is a level
FLOAT: Final = 8  # of one with a weight of its own
PLASTIC: Final = 16  # of one that learns, with its reverse index
DEVICES: Final = 24  # of one on pairs of devices
DRAWING: Final = 40  # more, while the synapses of a projection are spelled out one by one


def check_memory(network: Network) -> None:
    """Raise CapacityError unless the synapses of the network fit into the memory that is free."""
    free = free_bytes()
    counts = {part: part.connectivity.expected(part.pre.n, part.post.n) for part in network.projections}
    stays = {part: counts[part] * _stays(part) for part in network.projections}
    drawing = max((counts[part] * DRAWING for part in network.projections if not by_rows(part)), default=0.0)
    needed = sum(stays.values()) + drawing
    if free is None or needed <= free:
        return
    largest = max(stays, key=lambda part: counts[part] * (_stays(part) + (0 if by_rows(part) else DRAWING)))
    raise CapacityError(
        f"Network: {sum(counts.values()):.3g} synapses need {needed / 1e9:.1f} GB, but {free / 1e9:.1f} GB are free; "
        f"most by {largest.name}; {_hint(largest)} (got {largest})"
    )


def by_rows(projection: Projection) -> bool:
    """Whether the synapses are drawn row by row into their place, and never spelled out one by one."""
    static = projection.store.static and projection.rule is None
    return static and projection.connectivity.independent and law_levels(projection) is not None


def free_bytes() -> float | None:
    """Memory that can be had without swapping [bytes]; None where the system does not tell."""
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():
        lines = dict(line.partition(":")[::2] for line in meminfo.read_text().splitlines())
        if "MemAvailable" in lines:
            return float(lines["MemAvailable"].split()[0]) * 1024
    try:
        return float(os.sysconf("SC_AVPHYS_PAGES")) * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None


def _stays(projection: Projection) -> int:
    """Bytes per synapse that stay in memory."""
    if projection.store.redraws:
        return 0
    if not projection.store.static:
        return DEVICES
    if projection.rule is not None:
        return PLASTIC
    return STORED if law_levels(projection) is not None else FLOAT


def _hint(projection: Projection) -> str:
    if by_rows(projection):
        return "store=Procedural() draws them again at every spike and keeps none"
    if projection.rule is not None or not projection.store.static:
        return "only synapses that never change can do without memory, by store=Procedural()"
    return "FixedTotal or FixedOutDegree with store=Procedural() keeps none"
