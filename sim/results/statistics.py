"""Statistics of population activity: counts in bins, synchrony, correlations between units.

The measures and bin widths are those of Potjans and Diesmann (2014), doi:10.1093/cercor/bhs358; the
irregularity of single units is `Spikes.isi_cv`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .. import validation as check
from .records import Spikes

SYNCHRONY_WIDTH: Final = 3e-3  # [s]
CORRELATION_WIDTH: Final = 2e-3  # [s]
MOST_UNITS: Final = 200  # compared with each other


def population_counts(spikes: Spikes, width: float) -> NDArray[np.int64]:
    """Spikes of all recorded units together in whole bins of `width` [s] (n_bins,).

    What follows is left out.
    """
    check.instance("statistics", "spikes", spikes, Spikes)
    pooled = replace(spikes, ids=np.zeros_like(spikes.ids), n=1, recorded=None)
    return _whole_bins(pooled, width)[:, 0]


def synchrony(spikes: Spikes, *, width: float = SYNCHRONY_WIDTH) -> float:
    """Variance over mean of the population's spike counts in bins of `width` [s].

    NaN if it is silent.

    Independent Poisson trains give 1; of `n` units with mean pairwise correlation r of their
    counts, about 1 + (n - 1) r.
    """
    counts = population_counts(spikes, width)
    return float(counts.var() / counts.mean()) if counts.any() else float("nan")


def correlations(
    spikes: Spikes, *, width: float = CORRELATION_WIDTH, most: int = MOST_UNITS
) -> NDArray[np.float64]:
    """Pearson correlation of the binned spike counts of every two units (n_pairs,).

    width [s] of a bin. Of all units whose counts vary, at most `most`, evenly chosen, are compared.
    """
    check.instance("statistics", "spikes", spikes, Spikes)
    most = check.whole("statistics", "correlations most", most, least=2)
    active = np.flatnonzero(spikes.counts())
    chosen = active[np.linspace(0, active.size - 1, min(most, active.size)).astype(np.int64)]
    counts = _whole_bins(spikes.of(chosen), width).astype(np.float64)
    deviation = counts - counts.mean(axis=0) if len(counts) else counts
    length = np.sqrt((deviation**2).sum(axis=0))
    unit = deviation[:, length > 0] / length[length > 0]
    matrix = unit.T @ unit
    return np.asarray(matrix[np.triu_indices(len(matrix), 1)], np.float64)


def _whole_bins(spikes: Spikes, width: float) -> NDArray[np.int64]:
    """`Spikes.binned` without a last bin that the end of the record cuts short."""
    width = check.within("statistics", "width", width, above=0.0, unit="s")
    counts = spikes.binned(width)
    return counts[: int((spikes.stop - spikes.start) / width + 1e-9)]
