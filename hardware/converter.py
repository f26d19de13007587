"""Analogue-to-digital converters at the foot of the columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

DEVIATIONS: Final = 4.0  # standard deviations of the column sum that the automatic range covers
CELLS: Final = 8.0  # and never fewer than so many of the largest cells at once

Array = NDArray[np.float64]


@final
@dataclass(frozen=True, kw_only=True)
class Converter:
    """A uniform quantiser: code = round(sum / lsb) within [lowest, highest].

    lsb: the column sum that one code stands for [S], 0 for a converter without steps or limits.
    """

    lsb: float = 0.0
    lowest: int = 0
    highest: int = 0

    def constants(self) -> dict[str, Any]:
        """The arguments of `convert_step` that describe the converter."""
        return {"lsb": self.lsb, "lowest": self.lowest, "highest": self.highest}


def quantiser(bits: int | None, full_scale: float, *, signed: bool) -> Converter:
    """The converter of `bits` whose highest code stands for `full_scale` [S].

    Signed codes are two's complement; unsigned ones begin at 0. bits None: no steps.
    """
    if bits is None or full_scale == 0.0:
        return Converter()
    highest = 2 ** (bits - 1) - 1 if signed else 2**bits - 1
    return Converter(lsb=full_scale / max(highest, 1), lowest=-(2 ** (bits - 1)) if signed else 0, highest=highest)


def automatic_range(pairs: Array, targets: NDArray[np.uint32], n_post: int, activity: float) -> float:
    """A full scale [S] from the statistics of the column sums.

    pairs (n_synapses,): plus - minus of each pair [S]; targets (n_synapses,): their columns. With each row
    active in a share `activity` of the steps, independently, a column sum has the mean a * sum(pairs) and
    the variance a (1 - a) * sum(pairs**2). The range covers four standard deviations around the mean and at
    least eight of the largest cells at once, but no more than all cells of one sign together, in every
    column.
    """
    if pairs.size == 0:
        return 0.0
    up, down = (np.bincount(targets, np.maximum(sign * pairs, 0.0), n_post) for sign in (1.0, -1.0))
    spread = np.sqrt(activity * (1 - activity) * np.bincount(targets, pairs**2, n_post))
    expected = np.maximum(activity * np.abs(up - down) + DEVIATIONS * spread, CELLS * np.abs(pairs).max())
    return float(np.minimum(expected, np.maximum(up, down)).max())
