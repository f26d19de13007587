"""The devices of a crossbar as they are written, and the converters that suit them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import numpy as np
from numpy.typing import NDArray

from ...sim.operators.projection import ProjectionScope
from ...sim.operators.synapses import Listing
from ..array.rows import Cells
from ..periphery.converters import ADC, Converter

Array = NDArray[np.float64]


@final
@dataclass(frozen=True, kw_only=True)
class Written:
    """Cells, what makes numbers of their columns, and the weight per siemens [1/S].

    edges (n_converters, codes - 1), sharing (n_columns,): see `convert_step`.
    """

    cells: Cells
    converter: Converter
    edges: Array
    sharing: NDArray[np.uint32]
    scale: float


def reweighted(projection: ProjectionScope, weights: Array) -> ProjectionScope:
    """The same synapses with other weights (n_synapses,)."""
    synapses = projection.synapses
    listing = Listing(synapses.first, synapses.targets, np.zeros(0, np.uint16), weights)
    return replace(projection, synapses=replace(synapses, levels=None, _listing=listing))


def column_converters(
    adc: ADC, columns: int, n_post: int, width: int, key: int
) -> tuple[Array, NDArray[np.uint32]]:
    """Where converters go on to the next code [codes], and the converter of each column.

    Empty where all are ideal. columns: every n_post of them are those of tiles below the others,
    with converters of their own; width: columns of an array.
    """
    beside, below = adc.converters(n_post, width=width), columns // n_post
    edges = replace(adc, columns_per_adc=1).edges(below * beside, key)
    if edges is None:
        return np.zeros((0, 0)), np.zeros(0, np.uint32)
    own = adc.sharing(n_post, width=width)
    first = np.arange(below, dtype=np.uint32)[:, None] * np.uint32(beside)
    return edges, (own + first).reshape(-1)
